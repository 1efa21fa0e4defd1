"""Report the progress of a training run: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from tanger.model.network.seq2seq import Seq2Seq
    from tanger.model.training.data import Dataset
    from tanger.model.training.recipe import Recipe
    from tanger.model.training.run_state import RunProgress


class Reporter:
    """Interface for the events of a run; this base class ignores them."""

    def started(
        self, recipe: Recipe, data: Dataset, network: Seq2Seq, progress: RunProgress
    ) -> None:
        """Handle the start or the resumption of the run."""

    def minibatch(
        self, recipe: Recipe, progress: RunProgress, *, fraction: float, loss: float, error: float
    ) -> None:
        """Handle the end of a minibatch; `fraction` is the part of the epoch that is done."""

    def sample(
        self, progress: RunProgress, *, loss: float, error: float, phonemes: Sequence[str] | None
    ) -> None:
        """Handle the figures of the last minibatch and the pronunciation of the sample word."""

    def epoch(self, record: dict[str, Any], *, best: bool) -> None:
        """Handle the end of an epoch."""


class ConsoleReporter(Reporter):
    """Reports on a `rich` console; a context manager that removes the progress bar at the end."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:>5.1f} %"),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[rate]:,.0f} words/s"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.task: TaskID | None = None
        self.sample_word = ""
        self.epochs = 0
        self._done = 0.0  # epochs, including the part of the current one that is done

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def started(
        self, recipe: Recipe, data: Dataset, network: Seq2Seq, progress: RunProgress
    ) -> None:
        """Print the sizes of the network and the data."""
        parameters = sum(parameter.numel() for parameter in network.parameters())
        self._print(
            f"recipe {recipe.name}: {parameters:,} parameters, {len(data.examples):,} entries, "
            f"{len(data.graphemes.own)} graphemes, {len(data.phonemes.own)} phonemes"
        )
        known = f", {data.dev_known:,} left out: their words are in training" * bool(data.dev_known)
        self._print(f"dev: {len(data.dev):,} entries{known}")
        if progress.minibatches:
            at = min(progress.epoch + 1, recipe.run.epochs)
            self._print(
                f"resumed in epoch {at} of {recipe.run.epochs}, minibatch {progress.minibatches}"
            )
        self.sample_word = recipe.sample_word
        self.epochs = recipe.run.epochs
        self.task = self.bar.add_task(
            "", total=recipe.run.epochs, epoch=progress.epoch + 1, loss=0.0, rate=0.0
        )

    def minibatch(
        self, recipe: Recipe, progress: RunProgress, *, fraction: float, loss: float, error: float
    ) -> None:
        """Advance the progress bar."""
        del error
        self._done = progress.epoch + fraction
        if self.task is not None:
            self.bar.update(
                self.task,
                completed=self._done,
                epoch=f"{progress.epoch + 1}/{recipe.run.epochs}",
                loss=loss,
                rate=progress.words / max(progress.epoch_seconds, 1e-9),
            )

    def sample(
        self,
        progress: RunProgress,
        *,
        loss: float,
        error: float,
        phonemes: Sequence[str] | None,
    ) -> None:
        """Print a line of figures and the current pronunciation of the sample word."""
        sample = f"  {self.sample_word}: {' '.join(phonemes)}" if phonemes is not None else ""
        left = _time_left(progress.seconds, self._done, self.epochs)
        self._print(
            f"epoch {progress.epoch + 1} of {self.epochs}, minibatch {progress.minibatches}: "
            f"loss {loss:.3f}, errs {100 * error:.1f} %{left}{sample}"
        )

    def epoch(self, record: dict[str, Any], *, best: bool) -> None:
        """Print a line with the epoch's figures."""
        left = _time_left(record["seconds"], record["epoch"], self.epochs)
        self._print(
            f"epoch {record['epoch']} of {self.epochs} done: loss {record['loss']:.4f}, "
            f"errs {100 * record['error']:.2f} %, dev WER {100 * record['dev_wer']:.2f} %, "
            f"PER {100 * record['dev_per']:.2f} %, {record['words_per_second']:,.0f} words/s, "
            f"{record['seconds']:,.0f} s{left}" + ("  <- best so far" if best else "")
        )

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _time_left(seconds: float, done: float, epochs: int) -> str:
    """Estimate the time that the remaining epochs take; empty if it is unknown."""
    if not 0 < done < epochs or seconds <= 0:
        return ""
    return f", {timedelta(seconds=round(seconds * (epochs - done) / done))} left"

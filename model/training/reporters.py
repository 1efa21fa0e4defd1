"""What a person sees of a training run: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.training.data import Dataset
from tanger.model.training.recipe import Recipe
from tanger.model.training.run_state import Progress as RunProgress


class Reporter(Protocol):
    """Gets what happens in a run."""

    def started(
        self, recipe: Recipe, data: Dataset, network: Seq2Seq, progress: RunProgress
    ) -> None:
        """The run starts or goes on."""

    def minibatch(
        self, recipe: Recipe, progress: RunProgress, *, share: float, loss: float, error: float
    ) -> None:
        """A minibatch is done; `share` of the epoch is."""

    def sample(
        self, progress: RunProgress, *, loss: float, error: float, phonemes: Sequence[str] | None
    ) -> None:
        """Every so many minibatches: that minibatch's figures, and the sample word."""

    def epoch(self, record: dict[str, Any], *, best: bool) -> None:
        """An epoch is done."""


class NullReporter:
    """Passes over all of it."""

    def _ignore(self, *_: object, **__: object) -> None:
        pass

    started = minibatch = sample = epoch = _ignore


class ConsoleReporter:
    """Tells a `rich` console; use it as a context, so that the bar leaves the terminal clean."""

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
        self._done = 0.0  # epochs, the current one's share included

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def started(
        self, recipe: Recipe, data: Dataset, network: Seq2Seq, progress: RunProgress
    ) -> None:
        """Say what is going to be trained on what."""
        parameters = sum(parameter.numel() for parameter in network.parameters())
        self._say(
            f"recipe {recipe.name}: {parameters:,} parameters, {len(data.examples):,} entries, "
            f"{len(data.graphemes.own)} graphemes, {len(data.phonemes.own)} phonemes"
        )
        known = f", {data.dev_known:,} left out: their words are in training" * bool(data.dev_known)
        self._say(f"dev: {len(data.dev):,} entries{known}")
        if progress.minibatches:
            at = min(progress.epoch + 1, recipe.run.epochs)
            self._say(
                f"resumed in epoch {at} of {recipe.run.epochs}, minibatch {progress.minibatches}"
            )
        self.sample_word = recipe.sample_word
        self.epochs = recipe.run.epochs
        self.task = self.bar.add_task(
            "", total=recipe.run.epochs, epoch=progress.epoch + 1, loss=0.0, rate=0.0
        )

    def minibatch(
        self, recipe: Recipe, progress: RunProgress, *, share: float, loss: float, error: float
    ) -> None:
        """Move the bar."""
        del error
        self._done = progress.epoch + share
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
        """A line of figures, and the sample word as it is pronounced by now."""
        shown = f"  {self.sample_word}: {' '.join(phonemes)}" if phonemes is not None else ""
        left = _time_left(progress.seconds, self._done, self.epochs)
        self._say(
            f"epoch {progress.epoch + 1} of {self.epochs}, minibatch {progress.minibatches}: "
            f"loss {loss:.3f}, errs {100 * error:.1f} %{left}{shown}"
        )

    def epoch(self, record: dict[str, Any], *, best: bool) -> None:
        """A line an epoch."""
        left = _time_left(record["seconds"], record["epoch"], self.epochs)
        self._say(
            f"epoch {record['epoch']} of {self.epochs} done: loss {record['loss']:.4f}, "
            f"errs {100 * record['error']:.2f} %, dev WER {100 * record['dev_wer']:.2f} %, "
            f"PER {100 * record['dev_per']:.2f} %, {record['words_per_second']:,.0f} words/s, "
            f"{record['seconds']:,.0f} s{left}" + ("  <- best so far" if best else "")
        )

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _time_left(seconds: float, done: float, epochs: int) -> str:
    """Time that the remaining epochs take at the pace so far; nothing where it is not known."""
    if not 0 < done < epochs or seconds <= 0:
        return ""
    return f", {duration(seconds * (epochs - done) / done)} left"


def duration(seconds: float) -> str:
    """A time in its two largest units, such as ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60:,} h {minutes % 60:02} min"


# ------------------------------------------------------------------------------------------------
# The picture of a training run.


def draw(history: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Training error and dev rates by epoch, as PNG; None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    epochs = [record["epoch"] for record in history]
    for key, label in (
        ("dev_wer", "dev WER"),
        ("error", "training, teacher-forced"),
        ("dev_per", "dev PER"),
    ):
        axes.plot(epochs, [100 * record[key] for record in history], ".-", label=label)
    axes.set_yscale("symlog", linthresh=1.0)  # logarithmic, down to where an error may be 0
    axes.set_xlabel("epoch")
    axes.set_ylabel("errors, %")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    return picture.getvalue()

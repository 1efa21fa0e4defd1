"""A training run: one network on one data set, and the artifact of its best epoch.

`Trainer.fit` goes through the minibatches, `step` learns from one, and `validate` scores an epoch.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from tanger.model import TangerError, artifact, calibration, lexicon
from tanger.model.calibration import Calibration
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.evaluation import error_rates
from tanger.model.network import lstm
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.output_files import locked_folder
from tanger.model.phonemizer import Phonemizer
from tanger.model.training import optimizers, output, run_state
from tanger.model.training.batches import Example, collate, sweep
from tanger.model.training.data import Dataset
from tanger.model.training.distributed import Processes, StopSignals
from tanger.model.training.loss import seq2seq_loss
from tanger.model.training.recipe import Recipe
from tanger.model.training.reporters import Reporter
from tanger.model.training.run_state import Progress

# Minibatches between two reports with the sample word, as in CNTK's tutorial.
REPORT_EVERY = 100


class TrainingError(TangerError, RuntimeError):
    """A run that cannot start or go on; the message says what to do."""


class Trainer:
    """Trains one network on one data set and keeps the artifact of the epoch that is best on dev.

    Attributes:
        recipe: how to train.
        data: what to train on.
        processes: the processes that train together, this one among them, and its device.
        network: what is trained.
        averaged: the exponential average of its weights, which is validated and shipped.
        optimizer: updates the network.
        progress: how far the run is.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        *,
        out: Path,
        run: Path,
        processes: Processes,
        reporter: Reporter,
        init: Path | None = None,
    ) -> None:
        """Build the network, its average and its optimizer; nothing is written yet.

        Args:
            recipe: how to train.
            data: read for this recipe.
            out: the artifact's folder.
            run: a folder for the run's state, with which it can be resumed.
            processes: the processes that train together, this one among them, and its device.
            reporter: gets all that happens.
            init: an artifact whose weights to start from, instead of random ones.

        Raises:
            TrainingError: `init` does not fit, or `out` and `run` get in each other's way.
            ArtifactError: where `init` is damaged, or something else than an artifact is at `out`.
        """
        if run.resolve().is_relative_to(artifact.writable(out)):
            raise TrainingError(f"{run} lies in {out}, which each best epoch replaces: say another")
        self.recipe = recipe
        self.data = data
        self.out = out
        self.run = run
        self.processes = processes
        # One of the processes speaks for them all
        self.reporter = reporter if processes.is_main else Reporter()

        # The network, the average of its weights, and the optimizer
        torch.manual_seed(recipe.seed)
        config = replace(
            recipe.network, input_symbols=len(data.graphemes), output_symbols=len(data.phonemes)
        )
        self.network = Seq2Seq(config).to(processes.device)
        init_summary = None if init is None else _load_init(init, self.network, data)
        self.averaged = optimizers.average_weights(self.network, recipe.run.averaging)
        self.optimizer = optimizers.build(recipe.optimiser, self.network)

        # The averaged network in use, for validation and the sample word
        decoder = TorchDecoder(
            self._averaged_network.eval(),
            data.graphemes,
            data.phonemes,
            masked=recipe.vocabulary.masked,
        )
        self._phonemizer = Phonemizer(decoder, data.graphemes, data.phonemes)

        # Where the run stands
        identity = {
            "recipe": recipe.as_dict(),
            "init": init_summary,
            "data": data.checksums,
            "device": processes.device.type,
        }
        self._identity = json.loads(json.dumps(identity))  # as it reads back from files
        self._state_path = run / run_state.FILE
        self.progress = Progress(replaces=output.version_at(out))
        self._clock = self._saved_at = time.monotonic()

    def fit(
        self, *, resume: bool = False, restart: bool = False, save_seconds: float = 60.0
    ) -> bool:
        """Train to the run's end, or to the first Ctrl-C or SIGTERM.

        Args:
            resume: go on with the run in `run`, to the very bits that it would have come to.
            restart: start over where `run` or `out` hold an earlier run's; its artifact stands
                until the first epoch is done.
            save_seconds: the largest loss of work, in seconds, when the run is killed.

        Returns:
            True when the run came to its end, false when a signal stopped it; it is saved then.

        Raises:
            TrainingError: the loss diverged, or a GPU has too little memory.
            OutputExistsError: where `out` holds an artifact that is not this run's, without
                `restart`.
            RunStateError: where there is no run to resume, or it is another one.
            LockedError: while another process trains in `run`.
            OSError: where nothing can be written; the earlier artifact still stands.
        """
        self._begin(resume=resume, restart=restart)
        with ExitStack() as stack:
            if self.processes.is_main:
                stack.enter_context(locked_folder(self.run))
            # From the first moment there is a run to resume, and no earlier one in its place
            self.save()
            self._lap()
            signals = stack.enter_context(StopSignals())
            for examples, ends_epoch in self._minibatches():
                self.step(examples)
                if ends_epoch:
                    self.validate()
                    # Time spent on dev counts for the run, not for the next epoch's rate
                    self.progress.seconds += self._lap()
                    self.progress.start_epoch()
                # A signal to one process stops all; only the main one has the history
                stopped, finished = self.processes.all_reduce_sum(
                    signals.caught,
                    ends_epoch and self.processes.is_main and self.progress.ends(self.recipe.run),
                )
                self.progress.finished = bool(finished)
                if ends_epoch or stopped or time.monotonic() - self._saved_at > save_seconds:
                    self.save()
                if stopped:
                    return False
        # The artifact is of the best epoch; its history is of all
        if self.processes.is_main:
            output.write_history(self.out, self.progress)
        return True

    def step(self, examples: Sequence[Example]) -> None:
        """Learn from one minibatch, of which each process takes its shard.

        Raises:
            TrainingError: the loss is no number any more, or the GPU has too little memory.
        """
        progress = self.progress

        # Gradients of the mean loss over the label tokens of all processes
        tokens = sum(len(example.labels) - 1 for example in examples)  # without <s>
        sums = self._backward(self.processes.shard(examples), tokens)
        loss, errors = self.processes.all_reduce_sum(*sums)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at minibatch {progress.minibatches}: lower the "
                "recipe's learning_rate, then start again"
            )
        self.processes.all_reduce_gradients(self.network)

        # The epoch's figures; the learning rate depends on the words that are done
        progress.loss += loss
        progress.wrong += int(errors)
        progress.tokens += tokens
        progress.words += len(examples)

        # The weights and their average
        self.optimizer.step(tokens=tokens, progress=self._share_of_run())
        self.averaged.update_parameters(self.network)
        elapsed = self._lap()
        progress.epoch_seconds += elapsed
        progress.seconds += elapsed

        # The report
        figures = {"loss": loss / tokens, "error": errors / tokens}
        if progress.minibatches % REPORT_EVERY == 0:
            self.reporter.sample(progress, phonemes=self._sample(), **figures)
        progress.minibatches += 1
        self.reporter.minibatch(self.recipe, progress, share=self._share_of_epoch(), **figures)

    def validate(self) -> None:
        """Score the averaged network on dev, and write the artifact where it is the best so far.

        Only the main process does; the others go on.

        Raises:
            OutputExistsError: where another run has put its own artifact at `out` meanwhile.
            OSError: where it cannot be written.
        """
        if not self.processes.is_main:
            return
        record, fitted = self._score_dev()
        self.progress.history.append(record)
        best = self.progress.best is record
        if best:
            output.write_artifact(
                self.out,
                self._identity,
                self.data,
                self._averaged_network,
                fitted,
                self.processes,
                self.progress,
            )
        output.write_history(self.run, self.progress)
        self.reporter.epoch(record, best=best)

    def save(self) -> None:
        """Write the run's state, from which it can be resumed; the main process does.

        Raises:
            OSError: where it cannot be written; the earlier state still stands.
        """
        if self.processes.is_main:
            run_state.save(
                self._state_path,
                identity=self._identity,
                progress=self.progress,
                modules=self._modules,
                optimizer=self.optimizer,
            )
        self._saved_at = time.monotonic()

    # The start of a run

    def _begin(self, *, resume: bool, restart: bool) -> None:
        """Restore what was saved, or make sure that nothing is lost to a new run."""
        if not (resume or restart):
            output.check_new(self.out)
        self.run.mkdir(parents=True, exist_ok=True)
        if resume:
            self.progress = run_state.load(
                self._state_path,
                identity=self._identity,
                modules=self._modules,
                optimizer=self.optimizer,
            )
            output.check_resumed(self.out, self._identity, self.progress)
        if self.progress.bfloat16 is None:
            self.progress.bfloat16 = self._measure_bfloat16()
        if not self.processes.is_main:  # another shard of the minibatches: another dropout
            rank, minibatches = self.processes.rank, self.progress.minibatches
            torch.manual_seed(self.recipe.seed + rank * 1_000_003 + minibatches)
        self.reporter.started(self.recipe, self.data, self.network, self.progress)

    def _measure_bfloat16(self) -> bool:
        """Whether products are bfloat16: measured once, for all processes and every resume."""
        measured = self.processes.is_main and self.recipe.run.bfloat16
        pays = measured and lstm.bfloat16_pays(self.processes.device)
        return bool(self.processes.all_reduce_sum(pays)[0])

    @property
    def _modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, "averaged": self.averaged}

    @property
    def _averaged_network(self) -> Seq2Seq:
        return cast(Seq2Seq, self.averaged.module)

    # One minibatch

    def _minibatches(self) -> Iterator[tuple[list[Example], bool]]:
        """Minibatches from where the run stands to its end, and whether each ends an epoch.

        What is yielded counts as read, so that a state saved after it goes on with the next.
        """
        progress, epoch_tokens = self.progress, self.recipe.run.epoch_tokens
        while not progress.finished:
            minibatches = sweep(
                self.data.examples,
                self.recipe.minibatches,
                seed=self.recipe.seed,
                number=progress.sweep,
                add_bos_eos=self.recipe.network.add_bos_eos,
            )
            for minibatch in minibatches[progress.position :]:
                progress.position += 1
                progress.tokens_read += sum(len(example.labels) for example in minibatch)
                ends_epoch = progress.position == len(minibatches)
                if ends_epoch:
                    progress.sweep, progress.position = progress.sweep + 1, 0
                if epoch_tokens:
                    ends_epoch = progress.tokens_read >= (progress.epoch + 1) * epoch_tokens
                yield minibatch, ends_epoch
                if progress.finished:
                    return

    def _backward(self, examples: Sequence[Example], tokens: int) -> tuple[float, int]:
        """Gradients of these examples' part of the mean loss over `tokens`.

        Returns:
            Their summed loss, and how many of their label tokens were wrong.
        """
        self.network.train()
        self.network.zero_grad()
        if not examples:  # a minibatch of fewer words than there are processes
            return 0.0, 0
        minibatch = collate(examples).to(self.processes.device)
        try:
            with lstm.products_in_bfloat16(
                self.processes.device, enabled=bool(self.progress.bfloat16)
            ):
                loss, errors = seq2seq_loss(self.network, minibatch, self.recipe.loss)
            (loss / tokens).backward()  # type: ignore[no-untyped-call]
        except torch.cuda.OutOfMemoryError as e:
            words, letters = minibatch.graphemes.shape
            raise TrainingError(
                f"the GPU ran out of memory on a minibatch of {words} words of {letters} letters: "
                "lower minibatches.size in the recipe, or train with --device cpu"
            ) from e
        return loss.item(), int(errors)

    def _share_of_epoch(self) -> float:
        if tokens := self.recipe.run.epoch_tokens:
            return min(1.0, self.progress.tokens_read / tokens - self.progress.epoch)
        entries = len(self.data.examples)
        return self.progress.words / (entries + self.recipe.minibatches.pairs(entries))

    def _share_of_run(self) -> float:
        return (self.progress.epoch + self._share_of_epoch()) / self.recipe.run.epochs

    def _lap(self) -> float:
        """Seconds since the last call."""
        before, self._clock = self._clock, time.monotonic()
        return self._clock - before

    def _sample(self) -> tuple[str, ...] | None:
        """The sample word's phonemes; None where the vocabulary cannot spell it."""
        word = self.recipe.sample_word
        if not word or any(grapheme not in self.data.graphemes for grapheme in word):
            return None
        return self._phonemizer.pronounce([word])[0].phonemes

    # The end of an epoch

    def _score_dev(self) -> tuple[dict[str, Any], Calibration]:
        """The epoch's record for the history, and the calibration that fits the dev words."""
        progress, references = self.progress, lexicon.pronunciations(self.data.dev)
        words = list(references)
        hypotheses = dict(zip(words, self._phonemizer.pronounce(words), strict=True))
        rates = error_rates.any_match(references, {w: h.phonemes for w, h in hypotheses.items()})
        fitted = calibration.fit(
            [hypothesis.step_probabilities for hypothesis in hypotheses.values()],
            [hypothesis.phonemes in references[word] for word, hypothesis in hypotheses.items()],
        )
        record = {
            "epoch": progress.epoch + 1,
            "minibatches": progress.minibatches,
            "loss": progress.loss / progress.tokens,
            "error": progress.wrong / progress.tokens,
            "dev_wer": rates.wer,
            "dev_per": rates.per,
            "words_per_second": round(progress.words / max(progress.epoch_seconds, 1e-9), 1),
            "seconds": round(progress.seconds, 1),
        }
        return record, fitted


def _load_init(init: Path, network: Seq2Seq, data: Dataset) -> dict[str, str]:
    """Give `network` the weights of the artifact at `init`; returns its name and version.

    A stress head that the artifact lacks keeps its random weights.
    """
    source = artifact.read(init)
    if (source.graphemes, source.phonemes) != (data.graphemes, data.phonemes):
        raise TrainingError(f"{init} reads or writes other symbols than the training lexicon holds")
    weights = {name: torch.from_numpy(array) for name, array in source.weights().items()}
    if network.stress_head is not None and not source.knows_stress:
        weights.update(network.stress_head.state_dict(prefix="stress_head."))
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise TrainingError(f"{init} is a network of another shape than the recipe's: {e}") from e
    return source.summary

"""Train a network on a data set, and write the artifact of its best epoch.

`Trainer.fit` runs the training loop, `step` learns from one minibatch, and `validate` scores an
epoch.
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
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.training import optimizers, output, run_state
from tanger.model.training.batches import Example, collate, sweep
from tanger.model.training.data import Dataset
from tanger.model.training.distributed import Processes, StopSignals
from tanger.model.training.loss import seq2seq_loss
from tanger.model.training.recipe import Recipe
from tanger.model.training.reporters import Reporter
from tanger.model.training.run_state import RunProgress

# Minibatches between two reports with the sample word, as in CNTK's tutorial.
REPORT_EVERY = 100


class TrainingError(TangerError, RuntimeError):
    """A run cannot be started or continued; the message says what to do."""


class Trainer:
    """Trains one network on one data set and keeps the artifact of the epoch that is best on dev.

    Attributes:
        recipe: the recipe.
        data: training and dev data.
        processes: the processes that train together, and the device of this one.
        network: the network in training.
        averaged: exponential moving average of its weights, which is validated and shipped.
        optimizer: updates the network.
        progress: progress of the run.
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
        """Build the network, its average and its optimizer, without writing any file.

        Args:
            recipe: the recipe.
            data: data that were read for this recipe.
            out: folder of the artifact.
            run: folder of the run's state, from which it can be resumed.
            processes: the processes that train together, and the device of this one.
            reporter: receives the events of the run.
            init: artifact whose weights are the initial ones; random weights by default.

        Raises:
            TrainingError: if `init` does not fit the recipe and data, or `run` lies inside `out`.
            ArtifactError: if `init` is damaged, or `out` exists and is not an artifact.
        """
        if run.resolve().is_relative_to(artifact.output_path(out)):
            raise TrainingError(f"{run} lies in {out}, which each best epoch replaces: say another")
        self.recipe = recipe
        self.data = data
        self.out = out
        self.run = run
        self.processes = processes
        # Only the main process reports
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

        # Decodes with the averaged weights, for validation and the sample word
        decoder = TorchDecoder(
            self._averaged_network.eval(),
            data.graphemes,
            data.phonemes,
            phonemes_only=recipe.vocabulary.masked,
        )
        self._phonemizer = NetworkPhonemizer(decoder, data.graphemes, data.phonemes)

        # Identity, progress and state file of the run
        identity = {
            "recipe": recipe.as_dict(),
            "init": init_summary,
            "data": data.checksums,
            "device": processes.device.type,
        }
        self._identity = json.loads(json.dumps(identity))  # as read from a file
        self._state_path = run / run_state.FILE
        self.progress = RunProgress(replaces=output.version_at(out))
        self._clock = self._saved_at = time.monotonic()

    def fit(
        self,
        *,
        resume: bool = False,
        restart: bool = False,
        save_seconds: float = 60.0,
        stop_seconds: float = math.inf,
    ) -> bool:
        """Train to the end of the run, or until the first Ctrl-C or SIGTERM, or for a time.

        Args:
            resume: continue the run in `run`; its result is identical to that of an uninterrupted
                run.
            restart: start over even if `run` or `out` contain an earlier run or its artifact, which
                is replaced after the first epoch.
            save_seconds: interval between saved states, in seconds: the most work lost if the run
                is killed.
            stop_seconds: time after which to stop, in seconds; a validation may come on top.

        Returns:
            True if the run is finished, false if a signal or the time stopped it; it is then saved.

        Raises:
            TrainingError: if the loss diverges or a GPU runs out of memory.
            OutputExistsError: if `out` contains an artifact that is not this run's, without
                `restart`.
            RunStateError: if there is no run to resume, or it is another one.
            LockedError: if another process trains in `run`.
            OSError: if a file cannot be written; the earlier artifact is unchanged.
        """
        self._begin(resume=resume, restart=restart)
        with ExitStack() as stack:
            if self.processes.is_main:
                stack.enter_context(locked_folder(self.run))
            # From now on `run` holds this run, which can be resumed, and no earlier one
            self.save()
            self._lap()
            stop_at = time.monotonic() + stop_seconds
            signals = stack.enter_context(StopSignals())
            for examples, ends_epoch in self._minibatches():
                self.step(examples)
                if ends_epoch:
                    self.validate()
                    # Validation counts in the run's time, but not in the next epoch's rate
                    self.progress.seconds += self._lap()
                    self.progress.start_epoch()
                # A signal to one process, or its clock, stops all of them. Only the main process
                # has the history
                stopped, finished = self.processes.all_reduce_sum(
                    signals.caught or time.monotonic() > stop_at,
                    ends_epoch and self.processes.is_main and self.progress.ends(self.recipe.run),
                )
                self.progress.finished = bool(finished)
                if ends_epoch or stopped or time.monotonic() - self._saved_at > save_seconds:
                    self.save()
                if stopped and not finished:
                    return False
        # The artifact is the best epoch's, but its history includes all epochs
        if self.processes.is_main:
            output.write_history(self.out, self.progress)
        return True

    def step(self, examples: Sequence[Example]) -> None:
        """Learn from one minibatch, of which each process takes its shard.

        Raises:
            TrainingError: if the loss is not finite or the GPU runs out of memory.
        """
        progress = self.progress

        # Gradients of the mean loss over the label tokens of all processes
        tokens = sum(len(example.labels) - 1 for example in examples)  # without ``<s>``
        sums = self._backward(self.processes.shard(examples), tokens)
        loss, errors = self.processes.all_reduce_sum(*sums)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at minibatch {progress.minibatches}: lower the "
                "recipe's learning_rate, then start again"
            )
        self.processes.all_reduce_gradients(self.network)

        # Figures of the epoch; the learning rate depends on the number of words done
        progress.loss += loss
        progress.wrong += int(errors)
        progress.tokens += tokens
        progress.words += len(examples)

        # Update the weights and their average
        self.optimizer.step(tokens=tokens, progress=self._fraction_of_run())
        self.averaged.update_parameters(self.network)
        elapsed = self._lap()
        progress.epoch_seconds += elapsed
        progress.seconds += elapsed

        # Report
        figures = {"loss": loss / tokens, "error": errors / tokens}
        if progress.minibatches % REPORT_EVERY == 0:
            self.reporter.sample(progress, phonemes=self._sample(), **figures)
        progress.minibatches += 1
        self.reporter.minibatch(
            self.recipe, progress, fraction=self._fraction_of_epoch(), **figures
        )

    def validate(self) -> None:
        """Score the averaged network on dev, and write the artifact if it is the best so far.

        Only the main process does this; the others continue.

        Raises:
            OutputExistsError: if another run has written its artifact to `out` in the meantime.
            OSError: if the artifact or the history cannot be written.
        """
        if not self.processes.is_main:
            return
        record, fitted = self._score_dev()
        self.progress.history.append(record)
        best = self.progress.best(self.recipe.run) is record
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
        """Write the run's state, from which it can be resumed, in the main process.

        Raises:
            OSError: if it cannot be written; the previous state is unchanged.
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
        """Restore the saved run, or check that a new run overwrites nothing."""
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
            output.check_resumed(self.out, self._identity, self.progress, self.recipe.run)
        if self.progress.bfloat16 is None:
            self.progress.bfloat16 = self._measure_bfloat16()
        if not self.processes.is_main:  # a different shard gets different dropout masks
            rank, minibatches = self.processes.rank, self.progress.minibatches
            torch.manual_seed(self.recipe.seed + rank * 1_000_003 + minibatches)
        self.reporter.started(self.recipe, self.data, self.network, self.progress)

    def _measure_bfloat16(self) -> bool:
        """Decide whether to multiply in bfloat16, once for all processes and resumptions."""
        measured = self.processes.is_main and self.recipe.run.bfloat16
        pays = measured and lstm.bfloat16_is_faster(self.processes.device)
        return bool(self.processes.all_reduce_sum(pays)[0])

    @property
    def _modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, "averaged": self.averaged}

    @property
    def _averaged_network(self) -> Seq2Seq:
        return cast(Seq2Seq, self.averaged.module)

    # One minibatch

    def _minibatches(self) -> Iterator[tuple[list[Example], bool]]:
        """Yield the remaining minibatches of the run, and whether each ends an epoch.

        A minibatch counts as read when it is yielded, so that a state saved after it continues with
        the next one.
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
        """Compute the gradients of these examples' part of the mean loss over `tokens` tokens.

        Returns:
            Their summed loss, and the number of wrong label tokens.
        """
        self.network.train()
        self.network.zero_grad()
        if not examples:  # the minibatch has fewer words than there are processes
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

    def _fraction_of_epoch(self) -> float:
        if tokens := self.recipe.run.epoch_tokens:
            return min(1.0, self.progress.tokens_read / tokens - self.progress.epoch)
        entries = len(self.data.examples)
        return self.progress.words / (entries + self.recipe.minibatches.pairs(entries))

    def _fraction_of_run(self) -> float:
        return (self.progress.epoch + self._fraction_of_epoch()) / self.recipe.run.epochs

    def _lap(self) -> float:
        """Return the seconds since the last call."""
        before, self._clock = self._clock, time.monotonic()
        return self._clock - before

    def _sample(self) -> tuple[str, ...] | None:
        """Pronounce the sample word; None if the vocabulary lacks a grapheme of it."""
        word = self.recipe.sample_word
        if not word or any(grapheme not in self.data.graphemes for grapheme in word):
            return None
        return self._phonemizer.pronounce([word])[0].phonemes

    # The end of an epoch

    def _score_dev(self) -> tuple[dict[str, Any], Calibration]:
        """Return the epoch's record for the history, and a calibration fitted to the dev words."""
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
    """Load the weights of the artifact at `init` into `network`; return its name and version.

    If the artifact has no stress head, that of the network keeps its random weights.
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

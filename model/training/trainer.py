"""A training run, from a lexicon and a recipe to an artifact."""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch

from tanger.model import artifact as artifacts
from tanger.model import calibration, lexicon
from tanger.model.calibration import Calibration
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.evaluation import error_rates
from tanger.model.lexicon import Entry
from tanger.model.network import lstm
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.phonemizer import Phonemizer
from tanger.model.training import data as datasets
from tanger.model.training import file_lock, output, run_state
from tanger.model.training.batches import Example, sweep
from tanger.model.training.data import Dataset
from tanger.model.training.distributed import Processes
from tanger.model.training.loss import TrainingError, average, train_step
from tanger.model.training.optimizers import learner
from tanger.model.training.recipe import Recipe
from tanger.model.training.run_state import Progress

# Minibatches between two looks at the sample word, as in CNTK's tutorial.
REPORT_EVERY = 100


class Reporter(Protocol):
    """Whoever watches a run."""

    def started(self, recipe: Recipe, data: Dataset, network: Seq2Seq, progress: Progress) -> None:
        """The run starts or goes on."""

    def minibatch(
        self, recipe: Recipe, progress: Progress, *, share: float, loss: float, error: float
    ) -> None:
        """A minibatch is done; `shard` of the epoch is."""

    def sample(
        self, progress: Progress, *, loss: float, error: float, phonemes: Sequence[str] | None
    ) -> None:
        """Every so many minibatches: that minibatch's figures, and the sample word."""

    def epoch(self, record: dict[str, Any], *, best: bool) -> None:
        """An epoch is done."""


class NullReporter:
    """Nobody watches."""

    def _pass_over(self, *_: object, **__: object) -> None:
        pass

    started = minibatch = sample = epoch = _pass_over


def train(
    recipe: Recipe,
    *,
    lexicon_path: Path,
    dev_path: Path,
    out: Path,
    run: Path,
    reporter: Reporter,
    init: Path | None = None,
    further: Sequence[Path] = (),
    soft_labels: Path | None = None,
    stress: Path | None = None,
    processes: Processes,
    resume: bool = False,
    restart: bool = False,
    save_seconds: float = 60.0,
) -> bool:
    """Train, and keep the artifact of the epoch that is best on dev at `out`.

    Args:
        recipe: how.
        lexicon_path: the training lexicon.
        dev_path: the lexicon that decides which epoch is best.
        out: the artifact's folder.
        run: a folder for the run's state, with which it can be resumed.
        reporter: told of all that happens.
        init: an artifact whose weights to start from, instead of random ones.
        further: lexicons of more entries to train on.
        soft_labels: a file that teachers made of the training lexicon and of further spellings,
            to be trained on in the lexicon's place.
        stress: a lexicon with stress digits, for a recipe with a stress head.
        processes: those that train together, this one among them, and its device.
        resume: go on with the run in `run`.
        restart: start over where `run` or `out` hold an earlier run's; its artifact stands until
            the first epoch is done.
        save_seconds: the most work, in seconds, that a killed run loses.

    Returns:
        True when the run came to its end, false when a signal stopped it; it is saved then.

    Raises:
        TrainingError: the loss diverged, a GPU has too little memory, `init` does not fit, or
            `out` and `run` get in each other's way.
        ArtifactError: where `init` is damaged, or something else than an artifact is at `out`.
        OutputExistsError: where `out` holds an artifact that is not this run's, without `restart`.
        LockedError: while another process trains in `run`.
        DatasetError, LexiconError, SoftLabelsError, DeviceError, RunStateError: as they say.
        OSError: where nothing can be written; the earlier artifact still stands.
    """
    target = processes.device
    torch.manual_seed(recipe.seed)
    if run.resolve().is_relative_to(artifacts.writable(out)):
        raise TrainingError(f"{run} lies in {out}, which each best epoch replaces: say another")
    if not (resume or restart):
        output.check_new(out)

    # Data
    data = datasets.read(
        recipe,
        lexicon_path,
        dev_path,
        further=further,
        soft_path=soft_labels,
        stress_path=stress,
    )

    # Network, its averaged twin, and what moves it
    config = replace(
        recipe.network, input_symbols=len(data.graphemes), output_symbols=len(data.phonemes)
    )
    network = Seq2Seq(config).to(target)
    started_from = None if init is None else _start_from(init, network, data)
    averaged = copy.deepcopy(network)
    modules = {"network": network, "averaged": averaged}
    optimiser = learner(recipe.optimiser, network)
    decoder = TorchDecoder(
        averaged.eval(), data.graphemes, data.phonemes, masked=recipe.vocabulary.masked
    )
    ema_phonemizer = Phonemizer(decoder, data.graphemes, data.phonemes)

    # Where the run stands
    run.mkdir(parents=True, exist_ok=True)
    state = run / run_state.FILE
    identity = {
        "recipe": recipe.as_dict(),
        "init": started_from,
        "data": data.checksums,
        "device": target.type,
    }
    progress = Progress(replaces=output.version_at(out))
    if resume:
        progress = run_state.load(state, identity=identity, modules=modules, learner=optimiser)
        output.check_resumed(out, identity, progress)
    bfloat16 = _decide_bfloat16(recipe, processes, progress)
    if not processes.is_main:  # another part of the minibatches, another dropout, nothing to say
        torch.manual_seed(recipe.seed + processes.rank * 1_000_003 + progress.minibatches)
        reporter = NullReporter()
    reporter.started(recipe, data, network, progress)

    def save() -> None:
        if processes.is_main:
            run_state.save(
                state, identity=identity, progress=progress, modules=modules, learner=optimiser
            )

    def judge() -> None:
        if not processes.is_main:
            return
        record, fitted = _evaluate(ema_phonemizer, data.dev, progress)
        progress.history.append(record)
        best = progress.best is record
        if best:
            output.write_artifact(
                out, identity, data, averaged, fitted, processes, progress, bfloat16=bfloat16
            )
        output.write_history(run, progress)
        reporter.epoch(record, best=best)

    with ExitStack() as held:
        if processes.is_main:
            held.enter_context(file_lock.folder(run))
        # From the first moment there is a run to resume, none that an earlier one could pass for
        save()
        saved = clock = time.monotonic()
        stopped = held.enter_context(_stop_signals())
        for examples, ends_epoch in _minibatches(recipe, data.examples, progress):
            # One step
            tokens = sum(len(example.labels) - 1 for example in examples)
            share = processes.shard(examples)
            learnt = train_step(network, share, tokens, recipe.loss, target, bfloat16=bfloat16)
            loss, wrong = processes.all_reduce_sum(*learnt)
            if not np.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} at minibatch {progress.minibatches}: lower the "
                    "recipe's learning_rate, then start again"
                )
            processes.all_reduce_gradients(network)
            optimiser.step(tokens=tokens, progress=_share_of_run(recipe, data.examples, progress))
            average(averaged, network, recipe.run.averaging, progress.minibatches)

            # The books
            progress.loss += loss
            progress.wrong += int(wrong)
            progress.tokens += tokens
            progress.words += len(examples)
            elapsed, clock = time.monotonic() - clock, time.monotonic()
            progress.epoch_seconds += elapsed
            progress.seconds += elapsed
            figures = {"loss": loss / tokens, "error": wrong / tokens}
            if progress.minibatches % REPORT_EVERY == 0:
                reporter.sample(
                    progress, phonemes=_sample(ema_phonemizer, recipe.sample_word), **figures
                )
            progress.minibatches += 1
            reporter.minibatch(
                recipe, progress, share=_share_of_epoch(recipe, data.examples, progress), **figures
            )

            # An epoch's end
            if ends_epoch:
                judge()
                # Time spent on dev counts for the run, not for the next epoch's rate
                progress.seconds += time.monotonic() - clock
                clock = time.monotonic()
                _start_epoch(progress)
            # One process that gets a signal stops them all; the leader alone knows the history
            stops, ends = processes.all_reduce_sum(
                stopped(), ends_epoch and processes.is_main and progress.ends(recipe.run)
            )
            progress.finished = bool(ends)
            if ends_epoch or stops or time.monotonic() - saved > save_seconds:
                save()
                saved = time.monotonic()
            if stops:
                return False

    # The whole history belongs to the artifact, beyond its best epoch too
    if processes.is_main:
        output.write_history(out, progress)
    return True


def _decide_bfloat16(recipe: Recipe, processes: Processes, progress: Progress) -> bool:
    """Whether products are bfloat16: measured once, for all processes and every resume."""
    if progress.bfloat16 is None:
        measured = processes.is_main and recipe.run.bfloat16
        pays = measured and lstm.bfloat16_pays(processes.device)
        progress.bfloat16 = bool(processes.all_reduce_sum(pays)[0])
    return progress.bfloat16


def _start_from(init: Path, network: Seq2Seq, data: Dataset) -> dict[str, str]:
    """Give `network` the weights of the artifact at `init`; its name and version.

    A stress head that the artifact lacks stays as it was drawn.
    """
    artifact = artifacts.read(init)
    if (artifact.graphemes, artifact.phonemes) != (data.graphemes, data.phonemes):
        raise TrainingError(f"{init} reads or writes other symbols than the training lexicon holds")
    weights = {name: torch.from_numpy(array) for name, array in artifact.weights().items()}
    if network.stress_head is not None and not artifact.knows_stress:
        weights.update(network.stress_head.state_dict(prefix="stress_head."))
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise TrainingError(f"{init} is a network of another shape than the recipe's: {e}") from e
    return artifact.summary


# Where a run is


def _minibatches(
    recipe: Recipe, examples: Sequence[Example], progress: Progress
) -> Iterator[tuple[list[Example], bool]]:
    """Minibatches from where the run stands to its end, and whether each ends an epoch.

    What is yielded counts as read, so that a state saved after it goes on behind it.
    """
    rule = recipe.minibatches
    while not progress.finished:
        minibatches = sweep(
            examples,
            unit=rule.unit,
            size=rule.size,
            seed=recipe.seed,
            number=progress.sweep,
            joined=rule.pairs(len(examples)),
            boundaries=recipe.network.boundaries,
        )
        for minibatch in minibatches[progress.position :]:
            progress.position += 1
            progress.tokens_read += sum(len(example.labels) for example in minibatch)
            swept = progress.position == len(minibatches)
            if swept:
                progress.sweep, progress.position = progress.sweep + 1, 0
            epoch_tokens = recipe.run.epoch_tokens
            yield (
                minibatch,
                progress.tokens_read >= (progress.epoch + 1) * epoch_tokens
                if epoch_tokens
                else swept,
            )
            if progress.finished:
                return


def _share_of_epoch(recipe: Recipe, examples: Sequence[Example], progress: Progress) -> float:
    if tokens := recipe.run.epoch_tokens:
        return min(1.0, progress.tokens_read / tokens - progress.epoch)
    return progress.words / (len(examples) + recipe.minibatches.pairs(len(examples)))


def _share_of_run(recipe: Recipe, examples: Sequence[Example], progress: Progress) -> float:
    return (progress.epoch + _share_of_epoch(recipe, examples, progress)) / recipe.run.epochs


def _start_epoch(progress: Progress) -> None:
    progress.epoch += 1
    progress.loss, progress.wrong, progress.tokens, progress.words = 0.0, 0, 0, 0
    progress.epoch_seconds = 0.0


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Ask, between minibatches, whether Ctrl-C or SIGTERM came; a step is never cut in half.

    The second of them does not wait. Signals are the main thread's: training belongs there.
    """
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        del frame
        if caught:  # told twice: now
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# An epoch's end, and the sample word


def _sample(phonemizer: Phonemizer, word: str) -> tuple[str, ...] | None:
    if not word or any(grapheme not in phonemizer.graphemes for grapheme in word):
        return None
    return phonemizer.pronounce([word])[0].phonemes


def _evaluate(
    phonemizer: Phonemizer, dev: Sequence[Entry], progress: Progress
) -> tuple[dict[str, Any], Calibration]:
    references = lexicon.pronunciations(dev)
    words = list(references)
    hypotheses = dict(zip(words, phonemizer.pronounce(words), strict=True))
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

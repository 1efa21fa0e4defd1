"""An artifact against a lexicon: the figures, kept in the artifact, and its model card."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tanger.model import TangerError, calibration, lexicon
from tanger.model import artifact as artifacts
from tanger.model.artifact import Artifact, ArtifactError
from tanger.model.calibration import Bin, Calibration
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.decoding.torch_decoder import BATCH, TorchDecoder
from tanger.model.evaluation import error_rates, model_card, nbest
from tanger.model.evaluation.error_rates import ErrorRates
from tanger.model.evaluation.nbest import AlternativesScore
from tanger.model.evaluation.word_classes import CLASSES, classify
from tanger.model.lexicon import Entry
from tanger.model.lexicon.index import StressedLexicon
from tanger.model.network import config as configs
from tanger.model.output_files import replace_file
from tanger.model.phonemizer import Phonemizer
from tanger.model.phonology import stress
from tanger.model.phonology.vocabulary import Vocabulary
from tanger.model.training.batches import collate, encode_entries
from tanger.model.training.loss import seq2seq_loss


class EvaluationError(TangerError, ValueError):
    """A lexicon that an artifact cannot be scored on."""


@dataclass(frozen=True)
class StressRates:
    """How well stress was told, over the words whose stress is known.

    Attributes:
        words: how many.
        wrong: no reference has these phonemes with this stress.
        one_primary: share of the answers with exactly one primary stress.
        references_one_primary: share of the references.
    """

    words: int
    wrong: int
    one_primary: float
    references_one_primary: float

    @property
    def wer(self) -> float:
        """Word error rate with stress, any-match."""
        return self.wrong / self.words


@dataclass(frozen=True)
class Evaluation:
    """What an artifact did on a lexicon.

    Attributes:
        weights_sha256: of the artifact that was scored.
        lexicon: file name.
        sha256: of the file.
        any_match, per_line: error rates, the two ways.
        stress: the same with stress, where it was asked for.
        classes: error rates by kind of word (see `evaluation.word_classes`), any-match, where asked
            for.
        calibration_error: expected calibration error of the probabilities, any-match.
        reliability: the table that it is from.
        alternatives: what several answers a word did.
        unspellable: words with graphemes that the artifact lacks; they count as wrong.
        incomplete: answers that hit their length bound.
        teacher_forced_error: share of label tokens whose arg-max is wrong when every step reads
            the true label before it; over the lines whose symbols the artifact knows.
        seen: words that were seen in training, where that was asked for.
        mflop_per_word: see `network.config`; of all networks of an ensemble together.
        words_per_second: of the greedy decode, with the loaded artifact.
        threads: that the decode used.
        device: that it ran on.
        precision: that it computed in.
        confusions: the most frequent (expected, given, times); "" stands for nothing.
        pinned: a few words with their answers (see `evaluation.report`).
    """

    weights_sha256: str | None
    lexicon: str
    sha256: str
    any_match: ErrorRates
    per_line: ErrorRates
    stress: StressRates | None
    classes: dict[str, ErrorRates]
    calibration_error: float
    reliability: tuple[Bin, ...]
    alternatives: AlternativesScore
    unspellable: int
    incomplete: int
    teacher_forced_error: float | None
    seen: int | None
    mflop_per_word: float
    words_per_second: float
    threads: int
    device: str
    precision: str
    confusions: tuple[tuple[str, str, int], ...]
    pinned: dict[str, tuple[str, ...]]

    def as_dict(self) -> dict[str, Any]:
        """The record that goes into ``metrics.json``."""
        return {
            "sha256": self.sha256,
            "any_match": _rates(self.any_match),
            "per_line": _rates(self.per_line),
            "stress": None
            if self.stress is None
            else {**asdict(self.stress), "wer": self.stress.wer},
            "classes": {name: _rates(rates) for name, rates in self.classes.items()},
            "calibration_error": self.calibration_error,
            "reliability": [row._asdict() for row in self.reliability],
            "alternatives": self.alternatives.as_dict(),
            "unspellable": self.unspellable,
            "incomplete": self.incomplete,
            "teacher_forced_error": self.teacher_forced_error,
            "seen": self.seen,
            "mflop_per_word": self.mflop_per_word,
            "words_per_second": self.words_per_second,
            "threads": self.threads,
            "device": self.device,
            "precision": self.precision,
            "confusions": [list(confusion) for confusion in self.confusions],
        }


def _rates(rates: ErrorRates) -> dict[str, Any]:
    return {
        "wer": rates.wer,
        "per": rates.per,
        "words": rates.words,
        "wrong": rates.wrong,
        "edits": rates.edits,
        "phonemes": rates.phonemes,
    }


def evaluate(
    phonemizer: Phonemizer,
    path: Path,
    *,
    stress_path: Path | None = None,
    known_path: Path | None = None,
    trained_path: Path | None = None,
    in_torch: TorchDecoder | None = None,
    confusions: int = 20,
) -> Evaluation:
    """Score a loaded artifact on the lexicon at `path`.

    Args:
        phonemizer: the artifact.
        path: what it is scored on.
        stress_path: a lexicon that has the stress of those words.
        known_path: the training lexicon, to score kinds of English words by.
        trained_path: all that the artifact was trained on, to count the words that it has seen.
        in_torch: the same network in torch, to score with true labels before each step.
        confusions: how many to keep.

    Raises:
        EvaluationError: where the lexicon holds no word that could come out right, or stress is
            asked for and the artifact, or the lexicon, has none.
        LexiconError: for a bad line.
    """
    entries, references, words = _to_score(phonemizer, path)
    phonemizer.pronounce(words[:1])  # the first decode also sets things up; do not time it
    started = time.perf_counter()
    answers = dict(zip(words, phonemizer.pronounce(words), strict=True))
    seconds = time.perf_counter() - started
    hypotheses = {word: answer.phonemes for word, answer in answers.items()}
    table = calibration.reliability(
        [answer.probability for answer in answers.values()],
        [answer.phonemes in references[word] for word, answer in answers.items()],
    )
    return Evaluation(
        weights_sha256=phonemizer.weights_sha256,
        lexicon=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        any_match=error_rates.any_match(references, hypotheses),
        per_line=error_rates.per_line(entries, hypotheses),
        stress=None if stress_path is None else _stress_rates(entries, answers, stress_path),
        classes={} if known_path is None else _class_rates(references, hypotheses, known_path),
        calibration_error=calibration.expected_calibration_error(table),
        reliability=tuple(table),
        alternatives=nbest.score(phonemizer, references, answers),
        unspellable=len(references) - len(words),
        incomplete=sum(not answer.complete for answer in answers.values()),
        teacher_forced_error=None if in_torch is None else _teacher_forced(in_torch, entries),
        seen=None if trained_path is None else _seen(references, trained_path),
        mflop_per_word=round(_mflop(phonemizer, words, answers.values()), 2),
        words_per_second=round(len(words) / seconds, 1),
        threads=phonemizer.decoder.threads,
        device=phonemizer.decoder.device,
        precision=phonemizer.decoder.precision,
        confusions=_confusions(references, answers, confusions),
        pinned=choose(answers, references),
    )


def calibrate(phonemizer: Phonemizer, path: Path) -> tuple[Calibration, Calibration | None]:
    """Fit probabilities to a loaded artifact's answers to the words of the lexicon at `path`.

    Returns:
        What makes probabilities of one answer a word, and of those that come behind the likeliest.

    Raises:
        EvaluationError, LexiconError: as `evaluate`.
    """
    _, references, words = _to_score(phonemizer, path)
    answers = phonemizer.pronounce(words)
    fitted = calibration.fit(
        [answer.step_probabilities for answer in answers],
        [a.phonemes in references[word] for word, a in zip(words, answers, strict=True)],
    )
    return fitted, nbest.fit(phonemizer, {word: references[word] for word in words})


def _to_score(
    phonemizer: Phonemizer, path: Path
) -> tuple[list[Entry], dict[str, list[tuple[str, ...]]], list[str]]:
    """The lexicon's entries, their pronunciations by word, and the words that can be spelt."""
    entries = lexicon.read(path)
    if not entries:
        raise EvaluationError(f"{path} holds no words to score")
    references = lexicon.pronunciations(entries)
    words = [word for word in references if _knows(phonemizer.graphemes, word)]
    if not words:
        raise EvaluationError(
            f"no word of {path} can be spelt in the artifact's graphemes: "
            f"{' '.join(phonemizer.graphemes.own[:40])}"
        )
    foreign = {p for entry in entries for p in entry.phonemes if p not in phonemizer.phonemes}
    if marked := [p for p in foreign if stress.split(p)[0] in phonemizer.phonemes]:
        raise EvaluationError(
            f"{path} marks stress ({min(marked)}), which the artifact's phonemes do not: score a "
            "lexicon without the digits, and give this one to --stress"
        )
    if not any(_knows(phonemizer.phonemes, entry.phonemes) for entry in entries):
        raise EvaluationError(
            f"no line of {path} keeps to the artifact's phonemes: "
            f"{' '.join(phonemizer.phonemes.own[:50])}"
        )
    return entries, references, words


def keep(artifact: Path, evaluation: Evaluation) -> None:
    """Write the figures into the artifact's ``metrics.json`` and its model card; pin answers.

    Figures on other lexicons stay; those on one of the same file name are replaced, and so are
    all that were measured on other weights.

    Raises:
        ArtifactError: where the artifact is damaged, or another one by now.
        OSError: where it cannot be written.
    """
    found = artifacts.read(artifact)
    if found.weights_sha256 != evaluation.weights_sha256:
        raise ArtifactError(artifact, "was replaced while it was evaluated: evaluate it again")
    try:
        kept, word_sets = found.metrics(), found.word_sets()
    except ArtifactError:
        kept, word_sets = {}, {}
    evaluations = {**kept, evaluation.lexicon: evaluation.as_dict()}
    artifacts.write_metrics(found, evaluations, word_sets)
    # A list of other words, or of wrong answers, is no reason to check less
    if len(evaluation.pinned) >= len(_pinned(found)):
        artifacts.write_pinned(found, evaluation.pinned)
    card = model_card.render(found, evaluations, word_sets)
    replace_file(artifact / model_card.FILE, card.encode())


def _pinned(artifact: Artifact) -> Mapping[str, Sequence[str]]:
    try:
        return artifact.pinned()
    except ArtifactError:
        return {}


def _stress_rates(
    entries: Sequence[Entry], answers: Mapping[str, Hypothesis], path: Path
) -> StressRates:
    stressed = StressedLexicon(lexicon.read(path))
    restored = [Entry(e.word, s) for e in entries if (s := stressed.restore(e)) is not None]
    if not restored:
        raise EvaluationError(f"{path} has none of the pronunciations to score")
    references = lexicon.pronunciations(restored)
    given = {}
    for word in references:
        answer = answers.get(word)
        if answer is not None and answer.stress is None:
            raise EvaluationError("this artifact was not trained for stress: score without it")
        marks = () if answer is None or answer.stress is None else answer.stress
        given[word] = stress.mark(answer.phonemes, marks) if answer else ()
    return StressRates(
        words=len(references),
        wrong=sum(given[word] not in known for word, known in references.items()),
        one_primary=_share_with_one_primary(given.values()),
        references_one_primary=_share_with_one_primary(entry.phonemes for entry in restored),
    )


def _share_with_one_primary(pronunciations: Iterable[tuple[str, ...]]) -> float:
    primaries = [sum(stress.split(p)[1] == 1 for p in phonemes) for phonemes in pronunciations]
    return primaries.count(1) / len(primaries)


def _class_rates(
    references: Mapping[str, Sequence[tuple[str, ...]]],
    hypotheses: Mapping[str, tuple[str, ...]],
    path: Path,
) -> dict[str, ErrorRates]:
    known = lexicon.pronunciations(lexicon.read(path))
    found: dict[str, dict[str, Sequence[tuple[str, ...]]]] = {}
    for word, spoken in references.items():
        found.setdefault(classify(word, spoken, known), {})[word] = spoken
    return {
        name: error_rates.any_match(found[name], hypotheses) for name in CLASSES if name in found
    }


def _seen(references: Mapping[str, object], path: Path) -> int:
    return len({entry.word for entry in lexicon.read(path)} & references.keys())


def _mflop(phonemizer: Phonemizer, words: Sequence[str], answers: Collection[Hypothesis]) -> float:
    letters = sum(map(len, words)) / len(words)
    steps = sum(len(answer.step_probabilities) for answer in answers) / len(answers)
    return sum(
        configs.mflop(config, letters=letters, steps=steps) for config in phonemizer.decoder.configs
    )


def _knows(vocabulary: Vocabulary, symbols: Sequence[str]) -> bool:
    return bool(symbols) and all(symbol in vocabulary for symbol in symbols)


@torch.inference_mode()
def _teacher_forced(decoder: TorchDecoder, entries: Sequence[Entry]) -> float | None:
    known = [
        entry
        for entry in entries
        if _knows(decoder.graphemes, entry.word) and _knows(decoder.phonemes, entry.phonemes)
    ]
    if not known:
        return None
    examples = encode_entries(
        sorted(known, key=lambda entry: len(entry.word)),
        decoder.graphemes,
        decoder.phonemes,
        add_bos_eos=decoder.network.config.add_bos_eos,
    )
    wrong = tokens = 0
    for first in range(0, len(examples), BATCH):
        minibatch = collate(examples[first : first + BATCH]).to(decoder.torch_device)
        wrong += int(seq2seq_loss(decoder.network, minibatch)[1])
        tokens += minibatch.tokens
    return wrong / tokens


def _confusions(
    references: dict[str, list[tuple[str, ...]]], answers: dict[str, Hypothesis], maximum: int
) -> tuple[tuple[str, str, int], ...]:
    found: Counter[tuple[str, str]] = Counter()
    for word, answer in answers.items():
        reference, edits = error_rates.nearest(references[word], answer.phonemes)
        if edits:
            found.update(error_rates.confusions(reference, answer.phonemes))
    return tuple(
        (expected, given, times) for (expected, given), times in found.most_common(maximum)
    )


# ------------------------------------------------------------------------------------------------
# A few words with the answers that an artifact gives, for whoever serves it to check.


# Of so many different lengths, a word each
_COUNT = 5


def choose(
    answers: Mapping[str, Hypothesis], references: Mapping[str, list[tuple[str, ...]]]
) -> dict[str, tuple[str, ...]]:
    """Words of different lengths that are answered right, each step beyond doubt.

    No processor rounds so differently that one of them tips over.

    Args:
        answers: an artifact's, by word.
        references: what is right.
    """
    surest: dict[int, tuple[float, str]] = {}
    for word, answer in answers.items():
        if answer.complete and answer.phonemes in references[word]:
            sure = (min(answer.step_probabilities), word)
            surest[len(word)] = max(surest.get(len(word), sure), sure)
    chosen = sorted(surest.values(), reverse=True)[:_COUNT]
    return {word: answers[word].phonemes for _, word in chosen}

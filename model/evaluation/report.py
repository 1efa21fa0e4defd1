"""Evaluate an artifact on a lexicon, and write the results and a model card into it."""

from __future__ import annotations

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
from tanger.model.evaluation.nbest import NBestScore
from tanger.model.evaluation.word_classes import CLASSES, classify
from tanger.model.lexicon import Entry
from tanger.model.lexicon.index import StressedLexicon
from tanger.model.network import config as configs
from tanger.model.output_files import file_sha256
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology import stress, transcription
from tanger.model.phonology.vocabulary import Vocabulary
from tanger.model.training.batches import collate, encode_entries
from tanger.model.training.loss import seq2seq_loss


class EvaluationError(TangerError, ValueError):
    """An artifact cannot be scored on this lexicon."""


@dataclass(frozen=True)
class StressRates:
    """Error rate of stress, over the words whose stress is known.

    Attributes:
        words: number of words.
        wrong: number of answers that differ from all references in phonemes or stress.
        one_primary: share of the answers with exactly one primary stress.
        references_one_primary: share of the references with exactly one primary stress.
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
    """Results of an artifact on a lexicon.

    Attributes:
        weights_sha256: sha256 of the artifact's weights.
        lexicon: file name of the lexicon.
        sha256: sha256 of the lexicon.
        any_match, per_line: error rates in both conventions.
        without_marks: error rates, any-match, without the stress marks that symbols of IPA carry;
            None if they carry none.
        stress: error rate with stress, if requested.
        classes: error rates by class of words (see `evaluation.word_classes`), any-match, if
            requested.
        calibration_error: expected calibration error of the probabilities, any-match.
        reliability: the bins from which it was computed.
        nbest: scores of n-best lists.
        unspellable: number of words with graphemes that the artifact lacks; they count as wrong.
        incomplete: number of answers that stopped at their length bound.
        teacher_forced_error: share of label tokens that are not the arg-max under teacher forcing,
            over the lines whose symbols the artifact knows.
        seen: number of words that are in the training data, if requested.
        mflop_per_word: see `network.config`; summed over the networks of an ensemble.
        words_per_second: speed of greedy decoding.
        threads: number of threads used.
        device: device used.
        precision: precision of the matrix products.
        confusions: the most frequent (expected, given, count); "" marks an insertion or deletion.
        pinned: a few words with their answers (see `choose_pinned`).
    """

    weights_sha256: str | None
    lexicon: str
    sha256: str
    any_match: ErrorRates
    per_line: ErrorRates
    without_marks: ErrorRates | None
    stress: StressRates | None
    classes: dict[str, ErrorRates]
    calibration_error: float
    reliability: tuple[Bin, ...]
    nbest: NBestScore
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
        """Return the record for ``metrics.json``."""
        left_out = ("weights_sha256", "lexicon", "nbest", "pinned")
        return {
            **{name: value for name, value in asdict(self).items() if name not in left_out},
            "any_match": _rates(self.any_match),
            "per_line": _rates(self.per_line),
            "without_marks": None if self.without_marks is None else _rates(self.without_marks),
            "stress": None
            if self.stress is None
            else {"wer": self.stress.wer, **asdict(self.stress)},
            "classes": {name: _rates(rates) for name, rates in self.classes.items()},
            "reliability": [row._asdict() for row in self.reliability],
            "alternatives": asdict(self.nbest),
        }


def _rates(rates: ErrorRates) -> dict[str, Any]:
    return {"wer": rates.wer, "per": rates.per, **asdict(rates)}


def evaluate(
    phonemizer: NetworkPhonemizer,
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
        phonemizer: the loaded artifact.
        path: the lexicon to score on.
        stress_path: a lexicon with the stress of its words.
        known_path: the training lexicon, from which classes of English words are determined.
        trained_path: all training data of the artifact, to count the words that it has seen.
        in_torch: the same network in torch, for the teacher-forced error.
        confusions: number of confusions to keep.

    Raises:
        EvaluationError: if the lexicon has no word that could be answered correctly, or stress is
            requested and the artifact or the lexicon has none.
        LexiconError: if a line cannot be parsed.
    """
    entries, references, words = _to_score(phonemizer, path)
    phonemizer.pronounce(words[:1])  # warm-up, not timed
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
        sha256=file_sha256(path),
        any_match=error_rates.any_match(references, hypotheses),
        per_line=error_rates.per_line(entries, hypotheses),
        without_marks=_without_marks(phonemizer, references, hypotheses),
        stress=None if stress_path is None else _stress_rates(entries, answers, stress_path),
        classes={} if known_path is None else _class_rates(references, hypotheses, known_path),
        calibration_error=calibration.expected_calibration_error(table),
        reliability=tuple(table),
        nbest=nbest.score(phonemizer, references, answers),
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
        pinned=choose_pinned(answers, references),
    )


def calibrate(phonemizer: NetworkPhonemizer, path: Path) -> tuple[Calibration, Calibration | None]:
    """Fit calibrations to a loaded artifact's answers to the words of the lexicon at `path`.

    Returns:
        The calibration of the most probable answers, and of the others.

    Raises:
        EvaluationError, LexiconError: see `evaluate`.
    """
    _, references, words = _to_score(phonemizer, path)
    answers = phonemizer.pronounce(words)
    fitted = calibration.fit(
        [answer.step_probabilities for answer in answers],
        [a.phonemes in references[word] for word, a in zip(words, answers, strict=True)],
    )
    return fitted, nbest.fit(phonemizer, {word: references[word] for word in words})


def _to_score(
    phonemizer: NetworkPhonemizer, path: Path
) -> tuple[list[Entry], dict[str, list[tuple[str, ...]]], list[str]]:
    """Return the entries, the pronunciations of each word, and the words that can be spelled."""
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
    """Write results into the artifact's ``metrics.json``, its model card and its pinned words.

    Results on other lexicons are kept; those on a lexicon of the same file name, and those of other
    weights, are replaced.

    Raises:
        ArtifactError: if the artifact is damaged, or was replaced by another one.
        OSError: if a file cannot be written.
    """
    found = model_card.update(
        artifact,
        evaluation.weights_sha256,
        evaluations={evaluation.lexicon: evaluation.as_dict()},
    )
    # A lexicon with fewer correct answers must not reduce the number of pinned words
    if len(evaluation.pinned) >= len(_pinned(found)):
        artifacts.write_pinned(found, evaluation.pinned)


def _pinned(artifact: Artifact) -> Mapping[str, Sequence[str]]:
    try:
        return artifact.pinned()
    except ArtifactError:
        return {}


def _without_marks(
    phonemizer: NetworkPhonemizer,
    references: Mapping[str, Sequence[tuple[str, ...]]],
    hypotheses: Mapping[str, tuple[str, ...]],
) -> ErrorRates | None:
    """Return error rates without the marks of stress in IPA symbols; None if there are none."""
    if not any(map(transcription.is_marked, phonemizer.phonemes.own)):
        return None
    return error_rates.any_match(
        {
            word: [transcription.unmark_all(way) for way in ways]
            for word, ways in references.items()
        },
        {word: transcription.unmark_all(way) for word, way in hypotheses.items()},
    )


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


def _mflop(
    phonemizer: NetworkPhonemizer, words: Sequence[str], answers: Collection[Hypothesis]
) -> float:
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
# Pinned words: words with the answers that a service checks before it is ready.


# Number of pinned words, each of a different length
_COUNT = 5


def choose_pinned(
    answers: Mapping[str, Hypothesis], references: Mapping[str, list[tuple[str, ...]]]
) -> dict[str, tuple[str, ...]]:
    """Choose words of different lengths that are answered correctly and with high probability.

    Rounding differences between processors then cannot change these answers.

    Args:
        answers: the artifact's answers by word.
        references: the correct pronunciations.
    """
    surest: dict[int, tuple[float, str]] = {}
    for word, answer in answers.items():
        if answer.complete and answer.phonemes in references[word]:
            sure = (min(answer.step_probabilities), word)
            surest[len(word)] = max(surest.get(len(word), sure), sure)
    chosen = sorted(surest.values(), reverse=True)[:_COUNT]
    return {word: answers[word].phonemes for _, word in chosen}

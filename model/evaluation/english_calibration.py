"""Calibrate an artifact for American English, apart for new words and those it was trained on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tanger.model import calibration
from tanger.model.bloom_filter import BloomFilter
from tanger.model.calibration import Calibration
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.english.notations import Pronunciation, classes, equivalence_class
from tanger.model.english.sources import Sources
from tanger.model.evaluation import english
from tanger.model.evaluation.english import RealWord
from tanger.model.phonemizer import NetworkPhonemizer

_FOLDS = 5  # of the cross-validation
_NBEST = 5  # answers per word to calibrate on
_NEW = "real words"
_SETS = (_NEW, "frequent words", "other trained words")


@dataclass(frozen=True)
class EnglishCalibration:
    """Calibrations fitted to real words, frequent words and other words of the training lexicon.

    Attributes:
        calibration: calibration of the most probable answer to a new word.
        trained_calibration: calibration of the most probable answer to one of `trained_words`.
        nbest_calibration: calibration of the other answers to a word.
        trained_words: the words of the training lexicon.
        errors: expected calibration error by set, by cross-validation.
    """

    calibration: Calibration
    trained_calibration: Calibration
    nbest_calibration: Calibration
    trained_words: BloomFilter
    errors: dict[str, float]


class _Judged(NamedTuple):
    """A word with the step probabilities of the answer to it, and whether that is correct."""

    word: str
    name: str
    steps: Sequence[float]
    right: bool


def calibrate(
    phonemizer: NetworkPhonemizer,
    sources: Sources,
    real_words: Mapping[str, RealWord],
    trained: Mapping[str, Sequence[Pronunciation]],
    *,
    seed: int = 1,
) -> EnglishCalibration:
    """Fit calibrations to the real words, and to as many frequent and as many other trained words.

    At the same step probabilities, a network is right more often about words of its training
    lexicon than about new ones: these have a calibration of their own.

    Args:
        phonemizer: the loaded artifact.
        sources: the dictionaries with the pronunciations of frequent words.
        real_words: words that are not in the training data.
        trained: the training lexicon.
        seed: seed for the choice of words and the folds of the cross-validation.
    """
    shuffle = random.Random(seed)
    agreed = {word: classes(real.consensus) for word, real in real_words.items()}
    frequent = [w for w in english.frequent_words(sources.cmudict, 10_000) if w in trained]
    ranks = set(frequent)
    others = [word for word in trained if word not in ranks]
    drawn = [shuffle.sample(each, min(len(each), len(agreed))) for each in (frequent, others)]
    sets = dict(zip(_SETS, ([*agreed], *drawn), strict=True))
    accepted = english.references(sources, [word for each in drawn for word in each])

    def right(word: str, answer: Hypothesis) -> bool:
        if word in agreed:
            return equivalence_class(answer.phonemes) in agreed[word]
        return answer.phonemes in (accepted[word] if word in sources.cmudict else trained[word])

    pairs = [(name, word) for name, words in sets.items() for word in words]
    shuffle.shuffle(pairs)
    words = [word for _, word in pairs]
    judged = [
        _Judged(word, name, answer.step_probabilities, right(word, answer))
        for (name, word), answer in zip(pairs, phonemizer.pronounce(words), strict=True)
    ]
    further = [
        (answer.step_probabilities, right(word, answer))
        for word, several in zip(words, phonemizer.nbest(words, _NBEST), strict=True)
        for answer in several[1:]
    ]
    trained_words = BloomFilter.of(trained)
    calibration_, trained_calibration = _fit(judged)
    return EnglishCalibration(
        calibration_,
        trained_calibration,
        calibration.fit([steps for steps, _ in further], [ok for _, ok in further]),
        trained_words,
        _cross_fitted_errors(judged, trained_words),
    )


def _fit(judged: Sequence[_Judged]) -> tuple[Calibration, Calibration]:
    """Fit the calibration of new words, and that of words of the training lexicon."""
    groups = ([each for each in judged if (each.name == _NEW) is new] for new in (True, False))
    new, trained = (
        calibration.fit([each.steps for each in group], [each.right for each in group])
        for group in groups
    )
    return new, trained


def _cross_fitted_errors(judged: Sequence[_Judged], trained_words: BloomFilter) -> dict[str, float]:
    """Return the expected calibration error of each set by cross-validation.

    Probabilities are those that a user gets: the filter decides which calibration applies.
    """
    judged_by_set: dict[str, list[tuple[float, bool]]] = {name: [] for name in _SETS}
    for left_out in range(_FOLDS):
        fitted = _fit([each for n, each in enumerate(judged) if n % _FOLDS != left_out])
        unseen = judged[left_out::_FOLDS]
        for each, trained in zip(
            unseen, trained_words.contains([one.word for one in unseen]), strict=True
        ):
            judged_by_set[each.name].append((fitted[trained].probability(each.steps), each.right))
    return {
        name: calibration.expected_calibration_error(
            calibration.reliability([p for p, _ in pairs], [ok for _, ok in pairs])
        )
        for name, pairs in judged_by_set.items()
        if pairs
    }

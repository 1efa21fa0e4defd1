"""Calibrate an artifact for American English on words it was trained on and on new ones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tanger.model import calibration
from tanger.model.calibration import Calibration
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.english.equivalence import classes, equivalence_class
from tanger.model.english.sources import Sources
from tanger.model.evaluation import english
from tanger.model.evaluation.english import RealWord
from tanger.model.phonemizer import Phonemizer

_FOLDS = 5  # of the cross-validation
_NBEST = 5  # answers per word to calibrate on


@dataclass(frozen=True)
class EnglishCalibration:
    """Calibrations fitted to real words and frequent words.

    Attributes:
        calibration: calibration of a word's most probable answer.
        nbest_calibration: calibration of its other answers.
        errors: expected calibration error by set, by cross-validation.
    """

    calibration: Calibration
    nbest_calibration: Calibration
    errors: dict[str, float]


def calibrate(
    phonemizer: Phonemizer,
    sources: Sources,
    real_words: Mapping[str, RealWord],
    *,
    seed: int = 1,
) -> EnglishCalibration:
    """Fit calibrations to the real words and to an equal number of frequent words.

    The network was trained on frequent words, while real words are new to it; one artifact has to
    answer both.

    Args:
        phonemizer: the loaded artifact.
        sources: the dictionaries with the pronunciations of frequent words.
        real_words: words that are not in the training data.
        seed: seed for the choice of frequent words and the folds of the cross-validation.
    """
    shuffle = random.Random(seed)
    ranked = english.frequent_words(sources.cmudict, 10_000)
    drawn = shuffle.sample(ranked, min(len(ranked), len(real_words)))
    accepted = english.references(sources, drawn)
    agreed = {word: classes(real.consensus) for word, real in real_words.items()}

    def right(word: str, answer: Hypothesis) -> bool:
        if word in agreed:
            return equivalence_class(answer.phonemes) in agreed[word]
        return answer.phonemes in accepted[word]

    words = [*agreed, *accepted]
    shuffle.shuffle(words)
    answers = phonemizer.pronounce(words)
    rights = [right(word, answer) for word, answer in zip(words, answers, strict=True)]
    steps = [answer.step_probabilities for answer in answers]
    judged: dict[str, list[tuple[float, bool]]] = {"real words": [], "frequent words": []}
    for left_out in range(_FOLDS):
        kept = [n for n in range(len(words)) if n % _FOLDS != left_out]
        fitted = calibration.fit([steps[n] for n in kept], [rights[n] for n in kept])
        for n in range(left_out, len(words), _FOLDS):
            name = "real words" if words[n] in agreed else "frequent words"
            judged[name].append((fitted.probability(steps[n]), rights[n]))
    lists = phonemizer.nbest(words, _NBEST)
    others = [
        (answer.step_probabilities, right(word, answer))
        for word, several in zip(words, lists, strict=True)
        for answer in several[1:]
    ]
    return EnglishCalibration(
        calibration.fit(steps, rights),
        calibration.fit([one for one, _ in others], [ok for _, ok in others]),
        {
            name: calibration.expected_calibration_error(
                calibration.reliability([p for p, _ in pairs], [ok for _, ok in pairs])
            )
            for name, pairs in judged.items()
        },
    )

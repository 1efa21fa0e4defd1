"""Estimate the probability that an entry is wrong: its features, and a logistic regression.

The features compare the entry with the predictions of a network and with a few rules. The
regression is fitted by ``python -m benchmarks.lint --fit`` to dev words, 5 % of which have planted
errors. It therefore gives the probability of an error for a lexicon in which one entry in twenty is
wrong.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tanger.model.decoding.hypothesis import Hypothesis, Scored
from tanger.model.evaluation import error_rates
from tanger.model.lint.rules import Conventions, Pronunciation, Stem
from tanger.model.phonology import stress


class Features(NamedTuple):
    """Evidence against an entry. Logarithms are natural; features that do not apply are 0.

    The surprise at a symbol is minus the logarithm of its probability.

    Attributes:
        likelihood: log ratio of the probability of the network's own answer to that of the entry.
        edits: number of phonemes in which the two differ.
        extra: number of phonemes that the entry has and the answer lacks, such as a pronounced
            silent letter; they are more frequent in correct entries than in errors.
        unsure: entropy of the network's prediction at the most surprising phoneme.
        mean: mean surprise per phoneme.
        sound: the largest surprise minus the surprise at the most probable symbol, except at a
            vowel where the network predicts a vowel.
        vowel: likewise, at a vowel where the network predicts a vowel.
        digit: the largest log ratio of a phoneme's most probable stress digit to its own one.
        moved: log ratio by which primary stress is more probable on another vowel.
        primaries: 1 if there are several primary stresses.
        no_primary: 1 if there are stress digits, but no primary stress.
        no_vowel: 1 if there is no vowel.
        agrees: 1 if the entry sounds like its stem with the regular ending.
        disagrees: 1 if it sounds different from its stem with the regular ending.
        stem_stress: 1 if it differs from its stem with the regular ending only in stress.
        variant: 1 if its word has other pronunciations, because one of them is less usual.
    """

    likelihood: float = 0.0
    edits: float = 0.0
    extra: float = 0.0
    unsure: float = 0.0
    mean: float = 0.0
    sound: float = 0.0
    vowel: float = 0.0
    digit: float = 0.0
    moved: float = 0.0
    primaries: float = 0.0
    no_primary: float = 0.0
    no_vowel: float = 0.0
    agrees: float = 0.0
    disagrees: float = 0.0
    stem_stress: float = 0.0
    variant: float = 0.0


def extract_features(
    pronunciation: Pronunciation,
    scored: Scored,
    answer: Hypothesis,
    stem: Stem | None,
    conventions: Conventions,
    vowels: Sequence[bool],
    *,
    variant: bool = False,
) -> Features:
    """Compute the features of an entry.

    Args:
        pronunciation: the entry's pronunciation.
        scored: the network's scores of it.
        answer: the network's own pronunciation of the word.
        stem: comparison of the entry with its stem; None if there is no stem.
        conventions: conventions of the lexicon.
        vowels: for each symbol of the artifact whether it is a vowel.
        variant: whether the word has other pronunciations.
    """
    steps = np.arange(len(scored.symbols))
    logs = scored.log_probabilities[steps, scored.symbols]  # [U]
    surprise = scored.log_probabilities.max(axis=1) - logs
    is_vowel = np.asarray(vowels)
    in_place = is_vowel[scored.symbols] & is_vowel[scored.log_probabilities.argmax(axis=1)]
    prediction = np.exp(scored.log_probabilities[surprise.argmax()])  # [V]
    prediction = prediction[prediction > 0]
    changes = error_rates.confusions(answer.phonemes, pronunciation.phonemes)
    digit, moved = _stress_features(pronunciation, scored, conventions)
    primaries = pronunciation.digits.count(1)
    has_vowels = not conventions.vowels.isdisjoint(pronunciation.phonemes)
    return Features(
        likelihood=sum(map(math.log, answer.step_probabilities)) - float(logs.sum()),
        edits=float(changes.total()),
        extra=float(sum(n for (expected, _), n in changes.items() if not expected)),
        unsure=-float((prediction * np.log(prediction)).sum()),
        mean=-float(logs.mean()),
        sound=float(surprise[~in_place].max(initial=0.0)),
        vowel=float(surprise[in_place].max(initial=0.0)),
        digit=digit,
        moved=moved,
        primaries=float(conventions.stressed and primaries > 1),
        no_primary=float(conventions.stressed and primaries == 0),
        no_vowel=float(bool(conventions.vowels) and not has_vowels),
        agrees=float(stem is not None and stem.agrees),
        disagrees=float(stem is not None and not stem.sounds_agree),
        stem_stress=float(stem is not None and stem.sounds_agree and not stem.agrees),
        variant=float(variant),
    )


def likely_digits(scored: Scored) -> tuple[int | None, ...] | None:
    """Return the most probable stress digits of the phonemes; None without a stress head."""
    classes = _likely_classes(scored)
    return None if classes is None else stress.digits(classes.tolist())


def _stress_features(
    pronunciation: Pronunciation, scored: Scored, conventions: Conventions
) -> tuple[float, float]:
    """Compute `Features.digit` and `Features.moved`."""
    likely = _likely_classes(scored)
    if likely is None or scored.stress is None or not conventions.stressed:
        return 0.0, 0.0
    given = np.array([stress.NO_VOWEL if d is None else d + 1 for d in pronunciation.digits])
    steps, logs = np.arange(len(given)), scored.stress[:-1]  # [U, 4], without </s>
    digit = (logs[steps, likely] - logs[steps, given]).max()
    moved = 0.0
    if (given == 2).any() and (likely == 2).any():
        moved = _primary_gain(logs[likely == 2]).max() - _primary_gain(logs[given == 2]).max()
    return float(digit), max(0.0, float(moved))


def _primary_gain(logs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the log ratio [N] of primary to any other stress, for vowel scores [N, 4]."""
    gain: np.ndarray[Any, Any] = logs[:, 2] - np.maximum(logs[:, 1], logs[:, 3])
    return gain


def _likely_classes(scored: Scored) -> np.ndarray[Any, Any] | None:
    if scored.stress is None:
        return None
    phonemes = len(scored.stress) - 1
    classes: np.ndarray[Any, Any]
    (classes,) = stress.one_primary(scored.stress[None, :-1], np.array([phonemes]))
    return classes


# ------------------------------------------------------------------------------------------------
# The logistic regression.

# Surprises, in nats, at which the slope changes. Symbols below the first sound alike; no training
# word has a symbol above the second. (Label smoothing limits surprises to about 7.)
_KNOTS = {"surprising": 3.0, "unheard_of": 5.0}

INTERCEPT = -5.513
WEIGHTS: Mapping[str, float] = {
    "likelihood": 0.098,
    "edits": -0.602,
    "extra": -0.767,
    "unsure": 0.312,
    "mean": 0.437,
    "sound": 0.130,
    "sound_surprising": 0.254,
    "sound_unheard_of": 1.533,
    "vowel": 0.113,
    "vowel_surprising": 0.055,
    "vowel_unheard_of": 1.396,
    "digit": 0.366,
    "moved": 0.149,
    "primaries": 3.130,
    "no_primary": 4.497,
    "no_vowel": 2.026,
    "agrees": -2.501,
    "disagrees": 1.585,
    "stem_stress": 1.184,
    "variant": -0.927,
}
_STRESS = frozenset({"digit", "moved", "primaries", "no_primary", "stem_stress"})


def terms(features: Features) -> dict[str, float]:
    """Return the regression's terms by their names in `WEIGHTS`: features, hinges of surprises."""
    hinges = {
        f"{name}_{hinge}": max(0.0, getattr(features, name) - knot)
        for name in ("sound", "vowel")
        for hinge, knot in _KNOTS.items()
    }
    return {**features._asdict(), **hinges}


def probability(features: Features) -> float:
    """Return the probability, 0 to 1, that an entry with these features is wrong."""
    score = INTERCEPT + _weighted_sum(features, WEIGHTS.keys())
    return 1 / (1 + math.exp(-score)) if score > 0 else 1 - 1 / (1 + math.exp(score))


def is_mainly_stress(features: Features) -> bool:
    """Whether stress weighs more than all other features, so that the sounds may be correct."""
    return _weighted_sum(features, _STRESS) > _weighted_sum(features, WEIGHTS.keys() - _STRESS)


def _weighted_sum(features: Features, names: Collection[str]) -> float:
    values = terms(features)
    return sum(weight * values[name] for name, weight in WEIGHTS.items() if name in names)

"""How likely an entry is wrong: features of the entry, and a logistic regression over them.

The features compare the entry with what a network and a few rules expect. The regression is fitted
by ``python -m benchmarks.lint --fit`` on dev words, a twentieth of them with planted errors: it
gives the probability of an error where one entry in twenty has one.
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
    """Evidence against an entry. Logarithms are natural; what does not apply is 0.

    Surprise at a symbol is minus the logarithm of its probability.

    Attributes:
        likelihood: log ratio of the network's own answer to the entry.
        edits: phonemes in which the two differ.
        extra: those that the entry has and the answer lacks, as where a silent letter is spoken:
            dictionaries have more of these than errors do.
        unsure: entropy of the network's prediction at the most surprising phoneme.
        mean: surprise at a phoneme, on average.
        sound: the greatest surprise, less that at the likeliest symbol, unless it is at a vowel in
            a vowel's place.
        vowel: the greatest surprise at a vowel in a vowel's place.
        digit: the greatest log ratio of a phoneme's likeliest stress digit to the one it has.
        moved: by how much primary stress is likelier on another vowel.
        primaries: 1 where there are several primary stresses.
        no_primary: 1 where there is none, though there are digits.
        no_vowel: 1 where there is no vowel.
        agrees: 1 where its stem with the regular ending sounds like it.
        disagrees: 1 where its stem with the regular ending sounds otherwise.
        stem_stress: 1 where only the stress of its stem differs.
        variant: 1 where its word has other pronunciations: one of them is less usual.
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
    """The features of one entry.

    Args:
        pronunciation: the entry's.
        scored: the network's scores of it.
        answer: the network's own pronunciation of the word.
        stem: how the entry compares with its stem, where it has one.
        conventions: of the lexicon.
        vowels: for each symbol of the artifact whether it is a vowel.
        variant: whether the word has other pronunciations.
    """
    steps = np.arange(len(scored.symbols))
    logs = scored.logs[steps, scored.symbols]  # [U]
    surprise = scored.logs.max(axis=1) - logs
    is_vowel = np.asarray(vowels)
    in_place = is_vowel[scored.symbols] & is_vowel[scored.logs.argmax(axis=1)]
    prediction = np.exp(scored.logs[surprise.argmax()])  # [V]
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
    """The likeliest stress digits of the phonemes; None where the network has no stress head."""
    classes = _likely_classes(scored)
    return None if classes is None else stress.digits(classes.tolist())


def _stress_features(
    pronunciation: Pronunciation, scored: Scored, conventions: Conventions
) -> tuple[float, float]:
    """`Features.digit` and `Features.moved`."""
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
    """The log ratio [N] of primary stress to any other, of N vowels with stress scores [N, 4]."""
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

# Surprises, in nats, at which the slope changes: up to the first, symbols sound alike; beyond the
# second, no training word has the symbol there. (Label smoothing ends the scale at about 7.)
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
    """The regression's terms, by their names in `WEIGHTS`: features, and hinges of surprises."""
    hinges = {
        f"{name}_{hinge}": max(0.0, getattr(features, name) - knot)
        for name in ("sound", "vowel")
        for hinge, knot in _KNOTS.items()
    }
    return {**features._asdict(), **hinges}


def probability(features: Features) -> float:
    """The probability, 0 to 1, that an entry with these features is wrong."""
    score = INTERCEPT + _weighted_sum(features, WEIGHTS.keys())
    return 1 / (1 + math.exp(-score)) if score > 0 else 1 - 1 / (1 + math.exp(score))


def is_mainly_stress(features: Features) -> bool:
    """Whether stress weighs more than all else, so that the sounds may stay."""
    return _weighted_sum(features, _STRESS) > _weighted_sum(features, WEIGHTS.keys() - _STRESS)


def _weighted_sum(features: Features, names: Collection[str]) -> float:
    values = terms(features)
    return sum(weight * values[name] for name, weight in WEIGHTS.items() if name in names)

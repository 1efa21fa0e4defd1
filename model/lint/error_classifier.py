"""How likely an entry is wrong, from what the network and a few rules say of it.

A logistic regression, fitted by ``python -m benchmarks.lint --fit`` on dev words, a twentieth of
them with planted errors: its answer is the chance of an error where one entry in twenty has one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tanger.model.lint.features import Features

# Nats from which on a surprise weighs otherwise than below: beneath the first lies what sounds
# alike, above the second what no training word does. (Label smoothing ends the scale at about 7.)
_SURPRISING, _UNHEARD_OF = 3.0, 5.0


class Terms(NamedTuple):
    """What the regression adds up: doubts, and how far some go beyond what is usual."""

    likelihood: float
    edits: float
    extra: float
    unsure: float
    mean: float
    sound: float
    sound_surprising: float
    sound_unheard_of: float
    vowel: float
    vowel_surprising: float
    vowel_unheard_of: float
    digit: float
    moved: float
    primaries: float
    no_primary: float
    no_vowel: float
    agrees: float
    disagrees: float
    stem_stress: float
    variant: float


def terms(features: Features) -> Terms:
    """The regression's terms."""

    def beyond(surprise: float, usual: float) -> float:
        return max(0.0, surprise - usual)

    return Terms(
        likelihood=features.likelihood,
        edits=features.edits,
        extra=features.extra,
        unsure=features.unsure,
        mean=features.mean,
        sound=features.sound,
        sound_surprising=beyond(features.sound, _SURPRISING),
        sound_unheard_of=beyond(features.sound, _UNHEARD_OF),
        vowel=features.vowel,
        vowel_surprising=beyond(features.vowel, _SURPRISING),
        vowel_unheard_of=beyond(features.vowel, _UNHEARD_OF),
        digit=features.digit,
        moved=features.moved,
        primaries=features.primaries,
        no_primary=features.no_primary,
        no_vowel=features.no_vowel,
        agrees=features.agrees,
        disagrees=features.disagrees,
        stem_stress=features.stem_stress,
        variant=features.variant,
    )


INTERCEPT = -5.513
WEIGHTS = Terms(
    likelihood=0.098,
    edits=-0.602,
    extra=-0.767,
    unsure=0.312,
    mean=0.437,
    sound=0.130,
    sound_surprising=0.254,
    sound_unheard_of=1.533,
    vowel=0.113,
    vowel_surprising=0.055,
    vowel_unheard_of=1.396,
    digit=0.366,
    moved=0.149,
    primaries=3.130,
    no_primary=4.497,
    no_vowel=2.026,
    agrees=-2.501,
    disagrees=1.585,
    stem_stress=1.184,
    variant=-0.927,
)


def probability(features: Features) -> float:
    """The chance, 0 to 1, that an entry with these doubts is wrong."""
    score = INTERCEPT + _sum(features, Terms._fields)
    return 1 / (1 + math.exp(-score)) if score > 0 else 1 - 1 / (1 + math.exp(score))


def of_stress_alone(features: Features) -> bool:
    """Whether stress is what is most doubtful, so that the sounds may stay."""
    stress = ("digit", "moved", "primaries", "no_primary", "stem_stress")
    return _sum(features, stress) > _sum(features, set(Terms._fields) - set(stress))


def _sum(features: Features, names: Sequence[str] | set[str]) -> float:
    worth = zip(Terms._fields, WEIGHTS, terms(features), strict=True)
    return sum(weight * term for name, weight, term in worth if name in names)

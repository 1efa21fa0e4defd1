"""What speaks against an entry: the network's surprise at it, and what rules suspect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tanger.model.decoding.hypothesis import Hypothesis, Scored
from tanger.model.evaluation import error_rates
from tanger.model.lint.rules import Conventions, Sounds, Stem
from tanger.model.phonology import stress


class Features(NamedTuple):
    """What speaks against an entry. Logarithms are natural; what does not apply is 0.

    Attributes:
        likelihood: by which the network finds its own answer likelier than the entry.
        edits: phonemes in which the two differ.
        extra: those of them that the entry has and the other lacks, as where a silent letter is
            said: dictionaries have more of these than errors do.
        unsure: entropy of the network's guess at the phoneme that surprises it most.
        mean: surprise at a phoneme, on average: minus the logarithm of its probability.
        sound: the greatest surprise, beyond that at the likeliest symbol, unless it is a vowel in
            a vowel's place.
        vowel: the greatest surprise at a vowel in a vowel's place.
        digit: by which the likeliest digit is likelier than the one that a phoneme has, at most.
        moved: by which primary stress is likelier elsewhere.
        primaries: 1 where there are several primary stresses.
        no_primary: 1 where there is none, though there are digits.
        no_vowel: 1 where there is none.
        agrees: 1 where its stem, with the regular ending, sounds like it.
        disagrees: 1 where its stem, with the regular ending, sounds otherwise.
        stem_stress: 1 where only the stress of its stem is otherwise.
        variant: 1 where its word has other pronunciations, too: one of them is the less usual.
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


def of(
    sounds: Sounds,
    scored: Scored,
    answer: Hypothesis,
    stem: Stem | None,
    conventions: Conventions,
    vowels: Sequence[bool],
    *,
    variant: bool = False,
) -> Features:
    """The doubts about one entry.

    Args:
        sounds: its pronunciation.
        scored: what the network thinks of that.
        answer: the network's own.
        stem: what its stem says, where it has one.
        conventions: of the lexicon.
        vowels: for each symbol of the artifact whether it is one.
        variant: whether the word has other pronunciations.
    """
    steps = np.arange(len(scored.symbols))
    logs = scored.logs[steps, scored.symbols]
    surprise = scored.logs.max(axis=1) - logs
    is_vowel = np.asarray(vowels)
    in_place = is_vowel[scored.symbols] & is_vowel[scored.logs.argmax(axis=1)]
    guess = np.exp(scored.logs[surprise.argmax()])
    changes = error_rates.confusions(answer.phonemes, sounds.phonemes)
    digit, moved = _stress(sounds, scored, conventions)
    primaries = sounds.digits.count(1)
    return Features(
        likelihood=sum(map(math.log, answer.step_probabilities)) - float(logs.sum()),
        edits=float(changes.total()),
        extra=float(sum(n for (expected, _), n in changes.items() if not expected)),
        unsure=-float((guess[guess > 0] * np.log(guess[guess > 0])).sum()),
        mean=-float(logs.mean()),
        sound=float(surprise[~in_place].max(initial=0.0)),
        vowel=float(surprise[in_place].max(initial=0.0)),
        digit=digit,
        moved=moved,
        primaries=float(conventions.stressed and primaries > 1),
        no_primary=float(conventions.stressed and primaries == 0),
        no_vowel=float(bool(conventions.vowels) and conventions.vowels.isdisjoint(sounds.phonemes)),
        agrees=float(stem is not None and stem.agrees),
        disagrees=float(stem is not None and not stem.sounds_agree),
        stem_stress=float(stem is not None and stem.sounds_agree and not stem.agrees),
        variant=float(variant),
    )


def likely_digits(scored: Scored) -> tuple[int | None, ...] | None:
    """The likeliest stress digits of the phonemes; None where the network has no head for it."""
    classes = _likely_classes(scored)
    return None if classes is None else stress.digits(classes.tolist())


def _stress(sounds: Sounds, scored: Scored, conventions: Conventions) -> tuple[float, float]:
    """`Features.digit` and `Features.moved`."""
    likely = _likely_classes(scored)
    if likely is None or scored.stress is None or not conventions.stressed:
        return 0.0, 0.0
    given = np.array([stress.NO_VOWEL if d is None else d + 1 for d in sounds.digits])
    places, logs = np.arange(len(given)), scored.stress[:-1]
    digit = (logs[places, likely] - logs[places, given]).max()
    moved = 0.0
    if (given == 2).any() and (likely == 2).any():
        moved = _gain(logs[likely == 2]).max() - _gain(logs[given == 2]).max()
    return float(digit), max(0.0, float(moved))


def _gain(logs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """By which primary stress is likelier than any other, of vowels [N, 4]: [N]."""
    gain: np.ndarray[Any, Any] = logs[:, 2] - np.maximum(logs[:, 1], logs[:, 3])
    return gain


def _likely_classes(scored: Scored) -> np.ndarray[Any, Any] | None:
    if scored.stress is None:
        return None
    phonemes = len(scored.stress) - 1
    classes: np.ndarray[Any, Any]
    (classes,) = stress.one_primary(scored.stress[None, :-1], np.array([phonemes]))
    return classes

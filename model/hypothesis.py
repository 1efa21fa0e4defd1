"""What a decoder finds for a word, and how long it may look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from model.alignment import Alignment

# Answers to a word, at most.
MOST = 10


class Decoded(NamedTuple):
    """One word's answer as a decoder gives it, in indices.

    Attributes:
        symbols: what was emitted before ``</s>``.
        probabilities: of each step given those before it, and behind them that of ``</s>`` where
            decoding reached it.
        complete: false where decoding hit its length bound instead of ``</s>``.
        stress: the class (see `model.stress`) of each symbol; None where the network has no head
            for it.
    """

    symbols: Sequence[int]
    probabilities: Sequence[float]
    complete: bool
    stress: Sequence[int] | None


class Hypothesis(NamedTuple):
    """One answer of the network.

    Attributes:
        phonemes: the pronunciation.
        step_probabilities: the probability of each phoneme given those before it, and behind
            them that of ``</s>`` where decoding reached it.
        complete: false where decoding hit its length bound instead of ``</s>``.
        stress: a digit for each vowel, None for each other phoneme; None where the network has
            no head for it.
        calibrated: the chance that the pronunciation is right, where the artifact was calibrated.
        alignment: which letters made which phoneme, where that was asked for.
    """

    phonemes: tuple[str, ...]
    step_probabilities: tuple[float, ...]
    complete: bool
    stress: tuple[int | None, ...] | None = None
    calibrated: float | None = None
    alignment: Alignment | None = None

    @property
    def probability(self) -> float:
        """The calibrated one; without it, the product of the step probabilities."""
        return math.prod(self.step_probabilities) if self.calibrated is None else self.calibrated


def length_bound(letters: int) -> int:
    """How many decoder steps a word of so many letters may take."""
    return 2 * letters + 10

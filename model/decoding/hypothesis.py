"""What decoders and scorers are, what they find, and how long they may look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from tanger.model.network.config import NetworkConfig
from tanger.model.phonology.alignment import Alignment

# Answers to a word, at most.
MAX_NBEST = 10


class Decoded(NamedTuple):
    """One word's answer as a decoder gives it, in indices.

    Attributes:
        symbols: what was emitted before ``</s>``.
        probabilities: of each step given those before it, and behind them that of ``</s>`` where
            decoding reached it.
        complete: false where decoding hit its length bound instead of ``</s>``.
        stress: the class (see `phonology.stress`) of each symbol; None where the network has no
            head for it.
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


class Decoder(Protocol):
    """What answers spelt words: the compiled `Engine`, or a `TorchDecoder`."""

    @property
    def device(self) -> str:
        """Where it computes."""

    @property
    def precision(self) -> str:
        """What it computes in."""

    @property
    def runs_on(self) -> str:
        """Which engine it is, and what that computes in."""

    @property
    def threads(self) -> int:
        """CPU threads that it uses."""

    @property
    def configs(self) -> list[NetworkConfig]:
        """Of each of its networks."""

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """An answer for each word [letters], in their order.

        None hangs on the words beside it, but for the rounding of its probabilities.
        """

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """For each word what `decode` says, and behind it others, at most `width` in all."""

    def attention(
        self, rows: Sequence[Sequence[int]], spoken: Sequence[Sequence[int]]
    ) -> list[np.ndarray[Any, Any]]:
        """Where the network looks while it says what it is told to: [U, T] for each word.

        Raises:
            AlignmentError: where it has no attention.
        """


class Given(NamedTuple):
    """A word and a pronunciation of it, in indices, without special symbols."""

    graphemes: Sequence[int]
    phonemes: Sequence[int]


class Scored(NamedTuple):
    """What the network thinks of one.

    Attributes:
        symbols: [U] the phonemes, and ``</s>`` behind them.
        logs: [U, V] logarithm of each symbol's probability at each step, given those before it;
            minus infinity for what is never emitted.
        stress: [U, 4] likewise of the stress classes (see `phonology.stress`) of what stands there;
            minus infinity for those that it cannot have; None without a head for it.
    """

    symbols: np.ndarray[Any, Any]
    logs: np.ndarray[Any, Any]
    stress: np.ndarray[Any, Any] | None


class Scorer(Protocol):
    """A network that scores."""

    def score(self, given: Sequence[Given]) -> list[Scored]:
        """What it thinks of each, in their order; words and pronunciations have a symbol or more.

        None hangs on those beside it, but for the rounding.
        """

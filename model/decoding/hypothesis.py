"""What all decoders share: interface, results, batches of words, bound on the decoded length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from tanger.model.network.config import NetworkConfig
from tanger.model.phonology.alignment import Alignment

# Largest number of answers per word.
MAX_NBEST = 10

T = TypeVar("T")


class Decoded(NamedTuple):
    """A decoder's answer to one word, as indices.

    Attributes:
        symbols: emitted symbols before ``</s>``.
        probabilities: conditional probability of each symbol, followed by that of ``</s>`` if it
            was emitted.
        complete: false if decoding stopped at the length bound instead of ``</s>``.
        stress: class (see `phonology.stress`) of each symbol; None without a stress head.
    """

    symbols: Sequence[int]
    probabilities: Sequence[float]
    complete: bool
    stress: Sequence[int] | None


class Hypothesis(NamedTuple):
    """An answer of the network to one word.

    Attributes:
        phonemes: the pronunciation.
        step_probabilities: conditional probability of each phoneme, followed by that of ``</s>`` if
            it was emitted.
        complete: false if decoding stopped at the length bound instead of ``</s>``.
        stress: stress digit of each vowel, None for other phonemes; None without a stress head.
        calibrated: probability that the pronunciation is correct; None without a calibration.
        alignment: the letters of each phoneme, if requested.
    """

    phonemes: tuple[str, ...]
    step_probabilities: tuple[float, ...]
    complete: bool
    stress: tuple[int | None, ...] | None = None
    calibrated: float | None = None
    alignment: Alignment | None = None

    @property
    def probability(self) -> float:
        """The calibrated probability, or else the product of the step probabilities."""
        return math.prod(self.step_probabilities) if self.calibrated is None else self.calibrated


def length_bound(letters: int) -> int:
    """Return the largest number of decoder steps for a word of `letters` letters."""
    return 2 * letters + 10


def batches_by_length(
    lengths: Sequence[int], *, max_words: int, max_letters: int | None = None
) -> Iterator[list[int]]:
    """Group words, the longest first, into batches; yield their indices.

    Args:
        lengths: number of letters of each word.
        max_words: largest number of words per batch.
        max_letters: largest number of letters per batch, counting every word as long as the longest
            one; a longer word is a batch of its own.
    """
    ordered = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    first = 0
    while first < len(ordered):
        count = max_words
        if max_letters is not None:
            count = min(count, max(1, max_letters // max(1, lengths[ordered[first]])))
        yield ordered[first : first + count]
        first += count


def in_order(answered: Iterable[tuple[Sequence[int], Sequence[T]]]) -> list[T]:
    """Return the answers to batches, given with the indices of their words, in order of these."""
    answers: dict[int, T] = {}
    for indices, found in answered:
        answers.update(zip(indices, found, strict=True))
    return [answers[index] for index in range(len(answers))]


class GivenPronunciation(NamedTuple):
    """A word and a pronunciation of it, as indices, without special symbols."""

    graphemes: Sequence[int]
    phonemes: Sequence[int]


class Scored(NamedTuple):
    """A network's scores of a given pronunciation.

    Attributes:
        symbols: [U] the phonemes and ``</s>``.
        log_probabilities: [U, V] log-probability of every symbol at each step, given the preceding
            ones; minus infinity for symbols that are never emitted.
        stress: [U, 4] log-probabilities of the stress classes (see `phonology.stress`) of each
            symbol; minus infinity for classes that it cannot have; None without a stress head.
    """

    symbols: np.ndarray[Any, Any]
    log_probabilities: np.ndarray[Any, Any]
    stress: np.ndarray[Any, Any] | None


class Decoder(Protocol):
    """Interface of decoders of encoded words: the compiled `NativeDecoder` and `TorchDecoder`."""

    @property
    def device(self) -> str:
        """Name of the device."""

    @property
    def precision(self) -> str:
        """Precision of the matrix products."""

    @property
    def runs_on(self) -> str:
        """Description of engine and precision, for people."""

    @property
    def threads(self) -> int:
        """Number of CPU threads."""

    @property
    def configs(self) -> list[NetworkConfig]:
        """Configuration of each network."""

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Return the greedy answer to each word, a row of grapheme indices, in order.

        An answer does not depend on the other words, except for the rounding of its probabilities.
        """

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """Return at most `width` answers to each word: that of `decode`, then the others."""

    def attention(
        self, rows: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]
    ) -> list[np.ndarray[Any, Any]]:
        """Return each word's attention weights [U, T] while its U symbols `tokens` are decoded.

        Raises:
            AlignmentError: if a network has no attention.
        """

    def score(self, given: Sequence[GivenPronunciation]) -> list[Scored]:
        """Score given pronunciations by teacher forcing, in order; none may be empty.

        A score does not depend on the other words, except for rounding.
        """

"""Estimate the cost of a request before it is served: work, bytes of memory, and seconds.

Work is counted in letters of words decoded for one pronunciation, the unit of the queue. Only
remaining work counts: cached and repeated words are not decoded, but joining a word's parts and
rendering its result is counted each time. Bytes are an estimate, on the high side, of the memory
for the response until the client has read it. Seconds are estimated from recent batches.
"""

from __future__ import annotations

from typing import NamedTuple

# Work of each further pronunciation of a word, relative to the first (measured by
# `python -m benchmarks.beam`)
_FURTHER = 0.35
# Relative work of aligning a pronunciation, likewise
_ALIGNED = 1
# Letters of work for joining a part of a word to the previous ones, for each pronunciation
_LETTERS_PER_JOIN = 0.2
# Bytes of JSON: of a result, of a pronunciation, of a letter or phoneme in it, of an aligned
# phoneme, and of one attention weight of an alignment
_RESULT = 300
_PRONUNCIATION = 150
_PHONEME = 20
_ALIGNED_PHONEME = 75
_ATTENTION_WEIGHT = 8
# Bytes of the origin of a part, in an explanation
_ORIGIN = 200
# Bytes of a character of the original word, which its result repeats
_CHARACTER = 4
# Decay of a batch's weight with each further batch: the effective window is about fifty
_MEMORY = 0.98


class RequestCost(NamedTuple):
    """The cost of a request.

    Attributes:
        letters: work, in letters to decode.
        response_bytes: estimated size of the response.
    """

    letters: int
    response_bytes: int


def decode_letters(letters: int, n: int, *, aligned: bool) -> int:
    """Return the work of decoding a word, in letters of words decoded for one pronunciation.

    Args:
        letters: number of letters of the word.
        n: number of pronunciations.
        aligned: whether they are aligned.
    """
    if n == 1 and not aligned:
        return letters
    return round(letters * (1 + _FURTHER * (n - 1) + (_ALIGNED * n if aligned else 0)))


def join_letters(parts: int, pronunciations: int) -> float:
    """Return the work of joining the pronunciations of a word's parts, in letters.

    Args:
        parts: number of parts; a single one needs no joining.
        pronunciations: number of pronunciations of the whole word.
    """
    return _LETTERS_PER_JOIN * parts * pronunciations if parts > 1 else 0.0


def result_bytes(
    characters: int, spelling: str, pronunciations: int, *, aligned: bool = False, words: int = 1
) -> int:
    """Estimate the bytes of a word's result as JSON, or of several words' without alignment.

    Args:
        characters: number of characters of the words as they were sent.
        spelling: normalized words, joined.
        pronunciations: most pronunciations of each.
        aligned: whether they are aligned.
        words: number of words.
    """
    # Usually at most one phoneme per letter, but up to three for an X: EH K S
    phonemes = len(spelling) + 2 * spelling.upper().count("X")
    size = _PRONUNCIATION * words + _PHONEME * phonemes
    if aligned:
        size += phonemes * (_ALIGNED_PHONEME + _ATTENTION_WEIGHT * len(spelling))
    return _RESULT * words + _CHARACTER * characters + pronunciations * size


def explanation_bytes(parts: int, characters: int) -> int:
    """Estimate the bytes of the explanation of a word's result as JSON.

    Args:
        parts: number of parts that it was read as.
        characters: number of characters of the word and of these parts.
    """
    return (parts + 1) * _ORIGIN + _CHARACTER * characters


class LatencyEstimator:
    """Estimate the seconds of a batch as ``overhead + letters * each``, from recent batches.

    This is a least-squares fit with exponentially decaying weights, so that it follows changes of
    the machine's speed.
    """

    def __init__(self) -> None:
        self._weight = self._x = self._y = self._xx = self._xy = 0.0

    @property
    def known(self) -> bool:
        """Return whether any batch was measured."""
        return self._weight > 0

    def add(self, letters: int, seconds: float) -> None:
        """Add the measurement of a batch."""
        self._weight = _MEMORY * self._weight + 1
        self._x = _MEMORY * self._x + letters
        self._y = _MEMORY * self._y + seconds
        self._xx = _MEMORY * self._xx + letters * letters
        self._xy = _MEMORY * self._xy + letters * seconds

    def seconds(self, letters: int, batches: int = 1) -> float:
        """Estimate the seconds of one worker for `letters` in `batches`; 0 without measurements."""
        if not self.known:
            return 0.0
        overhead, each = self._line()
        return batches * overhead + letters * each

    def _line(self) -> tuple[float, float]:
        x, y = self._x / self._weight, self._y / self._weight
        spread = self._xx / self._weight - x * x
        # Batches of equal size do not determine the overhead
        each = (self._xy / self._weight - x * y) / spread if spread > 1e-6 * x * x else y / x
        each = min(max(each, 0.0), y / x)
        return y - each * x, each

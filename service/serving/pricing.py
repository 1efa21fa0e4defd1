"""What a request costs, known before it is served: work, bytes of memory, and seconds.

Work is counted in letters of a word that is decoded once, the unit of the queue. It is charged
where it is still to be done: a word that is cached or comes twice is decoded once or not at all,
but joining its parts and writing its answer is paid for each time. Bytes are an estimate on the
high side of what the answer takes up until its client has read it. Seconds are learnt from the
latest batches.
"""

from __future__ import annotations

from typing import NamedTuple

# What each further answer adds to the work on a word, of what the first takes (see
# `python -m benchmarks.beam`).
_FURTHER = 0.35
# Likewise what aligning an answer adds.
_ALIGNED = 1
# Letters of work for joining one part of a word to those before it, for each pronunciation wanted.
_LETTERS_PER_JOIN = 0.2
# Bytes of JSON: of a result, of a pronunciation, of a letter or phoneme in it, of a phoneme that is
# aligned, and of one weight of the attention that alignment comes with.
_RESULT = 300
_PRONUNCIATION = 150
_PHONEME = 20
_ALIGNED_PHONEME = 75
_ATTENTION_WEIGHT = 8
# Bytes of what answered a part, in an explanation
_ORIGIN = 200
# Bytes of a character of the word as it was sent, which its result repeats and explains.
_CHARACTER = 4
# What a batch still weighs after one more: some fifty batches count.
_MEMORY = 0.98


class RequestCost(NamedTuple):
    """The cost of a request.

    Attributes:
        letters: work, in letters to decode.
        response_bytes: size of the answer, as estimated.
    """

    letters: int
    response_bytes: int


def decode_letters(letters: int, n: int, *, aligned: bool) -> int:
    """Work of decoding a word, in letters of a word that is decoded for one answer.

    Args:
        letters: of the word.
        n: how many answers are wanted.
        aligned: whether each comes with its letters.
    """
    if n == 1 and not aligned:
        return letters
    return round(letters * (1 + _FURTHER * (n - 1) + (_ALIGNED * n if aligned else 0)))


def join_letters(parts: int, pronunciations: int) -> float:
    """Work of joining the pronunciations of a word's parts, in letters.

    Args:
        parts: how many there are; one is not joined to anything.
        pronunciations: how many are wanted of the whole.
    """
    return _LETTERS_PER_JOIN * parts * pronunciations if parts > 1 else 0.0


def result_bytes(characters: int, spelling: str, pronunciations: int, *, aligned: bool) -> int:
    """Size of one word's result as JSON, estimated.

    Args:
        characters: of the word as it was sent.
        spelling: of the word as it is pronounced.
        pronunciations: how many there will be, at most.
        aligned: whether each comes with its letters.
    """
    # Most words have fewer phonemes than letters, but X makes up to three: EH K S
    phonemes = len(spelling) + 2 * spelling.upper().count("X")
    size = _PRONUNCIATION + _PHONEME * phonemes
    if aligned:
        size += phonemes * (_ALIGNED_PHONEME + _ATTENTION_WEIGHT * len(spelling))
    return _RESULT + _CHARACTER * characters + pronunciations * size


def explanation_bytes(parts: int, characters: int) -> int:
    """Size of the explanation of one word's result as JSON, estimated.

    Args:
        parts: what it was read as.
        characters: of the word and of what it was read as.
    """
    return (parts + 1) * _ORIGIN + _CHARACTER * characters


class LatencyEstimator:
    """Seconds a batch takes, as ``overhead + letters * each``, fitted to the latest ones.

    A least-squares line whose sums fade: a lone word and a full batch tell the two terms apart,
    and a machine that becomes slower is followed.
    """

    def __init__(self) -> None:
        self._weight = self._x = self._y = self._xx = self._xy = 0.0

    @property
    def known(self) -> bool:
        """Whether any batch was measured."""
        return self._weight > 0

    def note(self, letters: int, seconds: float) -> None:
        """Learn from a batch of so many letters that took so many seconds."""
        self._weight = _MEMORY * self._weight + 1
        self._x = _MEMORY * self._x + letters
        self._y = _MEMORY * self._y + seconds
        self._xx = _MEMORY * self._xx + letters * letters
        self._xy = _MEMORY * self._xy + letters * seconds

    def seconds(self, letters: int, batches: int = 1) -> float:
        """What so many letters take one worker, in so many batches; 0 before any was measured."""
        if not self.known:
            return 0.0
        overhead, each = self._line()
        return batches * overhead + letters * each

    def _line(self) -> tuple[float, float]:
        x, y = self._x / self._weight, self._y / self._weight
        spread = self._xx / self._weight - x * x
        # Batches all of one size tell nothing of the overhead
        each = (self._xy / self._weight - x * y) / spread if spread > 1e-6 * x * x else y / x
        each = min(max(each, 0.0), y / x)
        return y - each * x, each

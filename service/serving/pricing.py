"""What a request costs, known before it is served: work of the processors, bytes of memory.

Work is counted in letters of a word that is decoded once, the unit of the queue. It is charged
where it is still to be done: a word that is cached or comes twice is decoded once or not at all,
but joining its parts and writing its answer is paid for each time. Bytes are an estimate on the
high side of what the answer takes up until its client has read it.
"""

from __future__ import annotations

from typing import NamedTuple

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


class RequestCost(NamedTuple):
    """The cost of a request.

    Attributes:
        letters: work, in letters to decode.
        response_bytes: size of the answer, as estimated.
    """

    letters: int
    response_bytes: int


def join_letters(parts: int, pronunciations: int) -> float:
    """Work of joining the pronunciations of a word's parts, in letters.

    Args:
        parts: how many there are; one is not joined to anything.
        pronunciations: how many are wanted of the whole.
    """
    return _LETTERS_PER_JOIN * parts * pronunciations if parts > 1 else 0.0


def result_bytes(characters: int, letters: int, pronunciations: int, *, aligned: bool) -> int:
    """Size of one word's result as JSON, estimated as if every letter were a phoneme.

    Most words have fewer; one of many letters such as X, which make two each, has up to twice as
    many.

    Args:
        characters: of the word as it was sent.
        letters: of the word as it is pronounced.
        pronunciations: how many there will be, at most.
        aligned: whether each comes with its letters.
    """
    size = _PRONUNCIATION + _PHONEME * letters
    if aligned:
        size += letters * (_ALIGNED_PHONEME + _ATTENTION_WEIGHT * letters)
    return _RESULT + _CHARACTER * characters + pronunciations * size


def explanation_bytes(parts: int, characters: int) -> int:
    """Size of the explanation of one word's result as JSON, estimated.

    Args:
        parts: what it was read as.
        characters: of the word and of what it was read as.
    """
    return (parts + 1) * _ORIGIN + _CHARACTER * characters

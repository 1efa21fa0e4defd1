"""Which letters made which phoneme: the attention made monotonic.

The attention of a trained network is nearly a path already: at each phoneme it looks at the first
of the letters that make it. The best path of letters that never goes back (dynamic programming over
the product of the attention paid) gives each phoneme its first letter, and its letters reach up to
the first one of the next. So every letter makes a sound: silent ones belong to the one before them,
at the beginning of a word to the first. Phonemes that look at the same letter, as the K and the S
of an X do, share their letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tanger.model import TangerError

Array = np.ndarray[Any, Any]

# Attention paid to a letter is not taken for less than this: no path is impossible.
_LEAST = 1e-6
# Digits that attention is told with.
_DIGITS = 5


# Where an alignment was asked for
UNALIGNED = "no alignment: this word is too long, or has letters that the network does not read"
# Between the letters of two words that were read in parts
_HYPHEN = "-"


class AlignmentError(TangerError, ValueError):
    """An alignment was asked of a network that has no attention."""

    def __init__(self) -> None:
        super().__init__("this artifact's network has no attention: ask without alignment")


@dataclass(frozen=True)
class Alignment:
    """The letters of each phoneme of a pronunciation.

    Attributes:
        spans: for each phoneme the number of its first letter and that behind its last.
        probabilities: of each phoneme given those before it, as the network gives them.
        attention: for each phoneme the attention paid to each letter; their sum is 1.
        letters: of the word.
    """

    spans: Sequence[Sequence[int]]
    probabilities: Sequence[float]
    attention: Sequence[Sequence[float]]
    letters: str


def concatenate(parts: Sequence[Alignment]) -> Alignment:
    """The alignment of several words one after the other, with a hyphen between their letters."""
    letters = _HYPHEN.join(part.letters for part in parts)
    spans: list[tuple[int, int]] = []
    attention: list[list[float]] = []
    offset = 0
    for part in parts:
        spans += [(start + offset, end + offset) for start, end in part.spans]
        before = [0.0] * offset
        after = [0.0] * (len(letters) - offset - len(part.letters))
        attention += [[*before, *row, *after] for row in part.attention]
        offset += len(part.letters) + len(_HYPHEN)
    probabilities = [each for part in parts for each in part.probabilities]
    return Alignment(spans, probabilities, attention, letters)


def of_letters(attention: Array) -> Array:
    """Attention [U, T] with what went to other things than letters taken off its rows."""
    paid: Array = attention.sum(axis=1, keepdims=True)
    shares: Array = attention / np.maximum(paid, _LEAST)
    return shares


def align(letters: str, attention: Array, probabilities: Sequence[float]) -> Alignment:
    """The alignment of a pronunciation of U phonemes to a word of T letters.

    Args:
        letters: of the word.
        attention: [U, T], rows sum to 1.
        probabilities: of its steps, maybe with that of ``</s>`` behind them.
    """
    return Alignment(
        spans=spans(attention),
        probabilities=tuple(probabilities[: len(attention)]),
        attention=np.round(attention.astype(float), _DIGITS).tolist(),
        letters=letters,
    )


def spans(attention: Array) -> list[tuple[int, int]]:
    """First letter, and one behind the last, of each of U phonemes, from attention [U, T]."""
    firsts = _path(np.log(np.maximum(attention, _LEAST)))
    # What is silent before the first sound is its own
    firsts = [0 if first == firsts[0] else first for first in firsts]
    found: list[tuple[int, int]] = []
    end = following = attention.shape[1]
    for first in reversed(firsts):
        if first < following:  # else they share their letters, and end together
            end, following = following, first
        found.append((first, end))
    return found[::-1]


def _path(scores: Array) -> list[int]:
    """The letter of each phoneme, never before the last one's, of the greatest sum of scores."""
    letters = np.arange(scores.shape[1])
    best = np.zeros(scores.shape[1])
    froms = []
    for row in scores:
        # The best letter up to each one, for the phoneme before
        reached = np.maximum.accumulate(best)
        froms.append(np.maximum.accumulate(np.where(best == reached, letters, 0)))
        best = reached + row
    path, letter = [], int(best.argmax())
    for before in reversed(froms):
        path.append(letter)
        letter = int(before[letter])
    return path[::-1]

"""Alignment of letters and phonemes: the attention made monotonic.

The attention of a trained network is nearly a path already: each phoneme attends to the first of
its letters. The best monotonic path (dynamic programming over the product of attention weights)
gives each phoneme its first letter, and its letters reach up to the first one of the next. So every
letter makes a sound: silent ones belong to the one before them, at the beginning of a word to the
first. Phonemes that attend to the same letter, as the K and the S of an X do, share their letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tanger.model import TangerError

Array = np.ndarray[Any, Any]

# The smallest attention weight: no path is impossible.
_MIN_WEIGHT = 1e-6
# Decimal digits of attention weights in results.
_DIGITS = 5


# The warning for a word without an alignment
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
        spans: for each phoneme the index of its first letter and that after its last.
        probabilities: of each phoneme given those before it, as the network gives them.
        attention: for each phoneme the attention weight of each letter; their sum is 1.
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
    """Attention weights [U, T] of letters alone, their rows scaled to sum to 1."""
    sums: Array = attention.sum(axis=1, keepdims=True)
    weights: Array = attention / np.maximum(sums, _MIN_WEIGHT)
    return weights


def align(letters: str, attention: Array, probabilities: Sequence[float]) -> Alignment:
    """The alignment of a pronunciation of U phonemes to a word of T letters.

    Args:
        letters: of the word.
        attention: [U, T], rows sum to 1.
        probabilities: of its steps, with or without that of ``</s>``.
    """
    return Alignment(
        spans=spans(attention),
        probabilities=tuple(probabilities[: len(attention)]),
        attention=np.round(attention.astype(float), _DIGITS).tolist(),
        letters=letters,
    )


def spans(attention: Array) -> list[tuple[int, int]]:
    """First letter, and one after the last, of each of U phonemes, from attention [U, T]."""
    firsts = _path(np.log(np.maximum(attention, _MIN_WEIGHT)))
    # Silent letters before the first sound belong to it
    firsts = [0 if first == firsts[0] else first for first in firsts]
    found: list[tuple[int, int]] = []
    end = following = attention.shape[1]
    for first in reversed(firsts):
        if first < following:  # else they share their letters, and end together
            end, following = following, first
        found.append((first, end))
    return found[::-1]


def _path(scores: Array) -> list[int]:
    """The monotonic path with the greatest sum of scores [U, T]: a letter for each phoneme."""
    letters = np.arange(scores.shape[1])
    best = np.zeros(scores.shape[1])
    predecessors = []
    for row in scores:
        # The best letter of the phoneme before, up to each letter
        reached = np.maximum.accumulate(best)
        predecessors.append(np.maximum.accumulate(np.where(best == reached, letters, 0)))
        best = reached + row
    path, letter = [], int(best.argmax())
    for before in reversed(predecessors):
        path.append(letter)
        letter = int(before[letter])
    return path[::-1]

"""Align letters with phonemes by making the attention monotonic.

In a trained network, each phoneme attends to the first of its letters, so that the attention is
already close to a monotonic path. The best path (dynamic programming over the product of attention
weights) gives the first letter of each phoneme; its letters extend to the first letter of the next
phoneme. Every letter thus belongs to a phoneme: silent letters to the one before them, at the
beginning of a word to the first. Phonemes that attend to the same letter, such as the K and S of an
X, share their letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tanger.model import TangerError

Array = np.ndarray[Any, Any]

# Lower bound of the attention weights, so that no path is impossible.
_MIN_WEIGHT = 1e-6
# Decimal places of attention weights in results.
_DIGITS = 5


# Warning for a word that cannot be aligned
UNALIGNED = "no alignment: this word is too long, or has letters that the network does not read"
# Separates the letters of words that are read as one
_HYPHEN = "-"


class AlignmentError(TangerError, ValueError):
    """An alignment was requested from a network without attention."""

    def __init__(self) -> None:
        super().__init__("this artifact's network has no attention: ask without alignment")


@dataclass(frozen=True)
class Alignment:
    """The letters of each phoneme of a pronunciation.

    Attributes:
        spans: for each phoneme, the index of its first letter and the index after its last one.
        probabilities: conditional probability of each phoneme according to the network.
        attention: for each phoneme, the attention weight of each letter; they sum to 1.
        letters: letters of the word.
    """

    spans: Sequence[Sequence[int]]
    probabilities: Sequence[float]
    attention: Sequence[Sequence[float]]
    letters: str

    def to_dict(self, phonemes: Sequence[str]) -> dict[str, Any]:
        """The alignment as answers show it, with its phonemes as they are written."""
        each = zip(phonemes, self.spans, self.probabilities, strict=True)
        return {
            "letters": tuple(self.letters),
            "phonemes": [
                {"phoneme": phoneme, "start": start, "end": end, "probability": round(sure, 6)}
                for phoneme, (start, end), sure in each
            ],
            "attention": self.attention,
        }


def concatenate(parts: Sequence[Alignment]) -> Alignment:
    """Concatenate the alignments of several words, with a hyphen between their letters."""
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
    """Normalise attention weights [U, T] so that each row sums to 1."""
    sums: Array = attention.sum(axis=1, keepdims=True)
    weights: Array = attention / np.maximum(sums, _MIN_WEIGHT)
    return weights


def align(letters: str, attention: Array, probabilities: Sequence[float]) -> Alignment:
    """Align a pronunciation of U phonemes with a word of T letters.

    Args:
        letters: letters of the word.
        attention: [U, T] weights; each row sums to 1.
        probabilities: of the decoder steps, with or without that of ``</s>``.
    """
    return Alignment(
        spans=spans(attention),
        probabilities=tuple(probabilities[: len(attention)]),
        attention=np.round(attention.astype(float), _DIGITS).tolist(),
        letters=letters,
    )


def spans(attention: Array) -> list[tuple[int, int]]:
    """Return the letters (first, one after last) of each of U phonemes, from attention [U, T]."""
    firsts = _path(np.log(np.maximum(attention, _MIN_WEIGHT)))
    # Silent letters at the beginning belong to the first phoneme
    firsts = [0 if first == firsts[0] else first for first in firsts]
    found: list[tuple[int, int]] = []
    end = following = attention.shape[1]
    for first in reversed(firsts):
        if first < following:  # otherwise phonemes share the same letters
            end, following = following, first
        found.append((first, end))
    return found[::-1]


def _path(scores: Array) -> list[int]:
    """Return the monotonic path with the largest sum of scores [U, T]: one letter per phoneme."""
    letters = np.arange(scores.shape[1])
    best = np.zeros(scores.shape[1])
    predecessors = []
    for row in scores:
        # Best letter of the previous phoneme among the letters up to each one
        reached = np.maximum.accumulate(best)
        predecessors.append(np.maximum.accumulate(np.where(best == reached, letters, 0)))
        best = reached + row
    path, letter = [], int(best.argmax())
    for before in reversed(predecessors):
        path.append(letter)
        letter = int(before[letter])
    return path[::-1]

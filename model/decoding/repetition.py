"""No decoder goes round in circles: P ER P ER P ER, to the end of its bound.

A word may say the same phoneme four times in a row, for different letters can sound alike, and the
same few three times, as KKK does; no word of CMUdict does more. A spelling that goes round itself
may be said as often as it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# Symbols of the longest circle that is looked for. (The name of W has seven: WWW is left alone.)
LARGEST = 6


def max_repeats(spelling: Sequence[int]) -> int:
    """How often, at most, some letters of the spelling come one right behind the other."""
    maximum = 1
    for size in range(1, LARGEST + 1):
        streak = 0
        for now, before in zip(spelling[size:], spelling, strict=False):
            streak = streak + 1 if now == before else 0
            maximum = max(maximum, streak // size + 1)
    return maximum


def blocked_tokens(tokens: Sequence[int], max_repeats: int) -> set[int]:
    """The symbols that would begin a round too many.

    Args:
        tokens: the symbols so far.
        max_repeats: how often the word's spelling goes round itself.
    """
    found = set()
    for size in range(1, LARGEST + 1):
        maximum = _maximum(size, max_repeats)
        if len(tokens) < maximum * size:
            break
        tail = tokens[-maximum * size :]
        if tail[size:] == tail[:-size]:
            found.add(tokens[-size])
    return found


def limits(spellings: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same rule of B spellings for who counts along, [B, `LARGEST`] by the size of the circle.

    Where so many symbols in a row were the same as those `size` before them, the one that was said
    `size` symbols ago is ruled out.

    Args:
        spellings: [B, T] their letters; what lies past a length is of no account.
        lengths: [B] how many letters each has.
    """
    letters = np.ascontiguousarray(spellings.T)  # [T, B]: numpy goes through many words at once
    positions = np.arange(len(letters), dtype=np.int32)[:, None]
    maximum = np.ones(len(spellings), np.int64)
    for size in range(1, min(LARGEST, len(letters) - 1) + 1):
        same = letters[size:] == letters[:-size]
        same &= positions[size:] < lengths
        # Less than four rounds are anyone's: few spellings have to be looked at
        some = np.flatnonzero(np.count_nonzero(same, axis=0) >= 3 * size)
        if len(some):
            # A streak is as long as it is since the last letter that was another
            numbers = positions[1 : 1 - size or None]
            other = np.where(same[:, some], 0, numbers)
            streak = (numbers - np.maximum.accumulate(other, axis=0)).max(axis=0)
            maximum[some] = np.maximum(maximum[some], streak // size + 1)
    sizes = np.arange(1, LARGEST + 1)
    return (np.maximum(maximum[:, None], np.where(sizes == 1, 4, 3)) - 1) * sizes


def _maximum(size: int, max_repeats: int) -> int:
    """How often so many symbols may come, one right behind the other."""
    return max(max_repeats, 4 if size == 1 else 3)

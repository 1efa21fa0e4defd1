"""No decoder goes round in circles: P ER P ER P ER, to the end of its bound.

A word may say the same phoneme four times in a row, for different letters can sound alike, and the
same few three times, as KKK does; no word of CMUdict does more. A spelling that goes round itself
may be said as often as it does.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def run_limits(max_repeats: int) -> list[int]:
    """The same rule, for whoever counts along: by the size of the circle, from 1 to `LARGEST`.

    Where so many symbols in a row were the same as those `size` before them, the one that was said
    `size` symbols ago is ruled out.
    """
    return [(_maximum(size, max_repeats) - 1) * size for size in range(1, LARGEST + 1)]


def _maximum(size: int, max_repeats: int) -> int:
    """How often so many symbols may come, one right behind the other."""
    return max(max_repeats, 4 if size == 1 else 3)

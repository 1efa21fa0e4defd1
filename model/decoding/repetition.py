"""Limit repetitions, so that no decoder loops (P ER P ER P ER) until its length bound.

A phoneme may be emitted at most four times in a row, because different letters can have the same
sound; a sequence of phonemes at most three times in a row, as in KKK. No word of CMUdict has more.
If the spelling itself repeats a sequence more often, its pronunciation may do so too.
"""

from __future__ import annotations

from collections.abc import Sequence

# Length of the longest sequence that is checked. (The name of the letter W has seven phonemes, so
# WWW is not limited.)
MAX_PERIOD = 6


def max_repeats(spelling: Sequence[int]) -> int:
    """Return how often the most repeated sequence of letters occurs in a row in the spelling."""
    maximum = 1
    for size in range(1, MAX_PERIOD + 1):
        streak = 0
        for now, before in zip(spelling[size:], spelling, strict=False):
            streak = streak + 1 if now == before else 0
            maximum = max(maximum, streak // size + 1)
    return maximum


def blocked_tokens(tokens: Sequence[int], max_repeats: int) -> set[int]:
    """Return the symbols that would complete one repetition too many.

    Args:
        tokens: symbols emitted so far.
        max_repeats: see `max_repeats`.
    """
    found = set()
    for size in range(1, MAX_PERIOD + 1):
        maximum = _maximum(size, max_repeats)
        if len(tokens) < maximum * size:
            break
        tail = tokens[-maximum * size :]
        if tail[size:] == tail[:-size]:
            found.add(tokens[-size])
    return found


def run_limits(max_repeats: int) -> list[int]:
    """Return the rule as limits on runs, for sequences of each length from 1 to `MAX_PERIOD`.

    A run of length n for `size` means that each of the last n symbols equals the one `size`
    positions before it. If a run has reached its limit, the symbol that was emitted `size` steps
    ago is blocked.
    """
    return [(_maximum(size, max_repeats) - 1) * size for size in range(1, MAX_PERIOD + 1)]


def _maximum(size: int, max_repeats: int) -> int:
    """Return how often a sequence of `size` symbols may occur in a row."""
    return max(max_repeats, 4 if size == 1 else 3)

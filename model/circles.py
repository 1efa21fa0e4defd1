"""No decoder goes round in circles: P ER P ER P ER, to the end of its bound.

A word may say the same phoneme four times in a row, for different letters can sound alike, and the
same few three times, as KKK does; no word of CMUdict does more. A spelling that goes round itself
may be said as often as it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

# Symbols of the longest circle that is looked for. (The name of W has seven: WWW is left alone.)
_LARGEST = 6


def rounds(spelling: Sequence[int]) -> int:
    """How often, at most, some letters of the spelling come one right behind the other."""
    most = 1
    for size in range(1, _LARGEST + 1):
        streak = 0
        for now, before in zip(spelling[size:], spelling, strict=False):
            streak = streak + 1 if now == before else 0
            most = max(most, streak // size + 1)
    return most


class Circles:
    """What the rows of a batch have said, and what would be a round too many."""

    def __init__(self, rounds: Tensor) -> None:
        """For rows [B] whose spellings go round so often."""
        self._rounds = rounds
        self._said: list[Tensor] = []
        self._streaks = [torch.zeros_like(rounds) for _ in range(_LARGEST)]

    def rule_out(self, logits: Tensor) -> Tensor:
        """Logits [B, V] without the symbols that would begin a round too many."""
        for size, streak in enumerate(self._streaks, start=1):
            if len(self._said) < 3 * size:
                break
            most = self._rounds.clamp(min=4 if size == 1 else 3)
            circling = (streak >= (most - 1) * size).unsqueeze(1)  # [B, 1]
            without = logits.scatter(1, self._said[-size].unsqueeze(1), -math.inf)
            logits = torch.where(circling, without, logits)
        return logits

    def say(self, symbols: Tensor) -> None:
        """Each row's next symbol, [B]."""
        for size in range(1, min(_LARGEST, len(self._said)) + 1):
            same = symbols == self._said[-size]
            self._streaks[size - 1] = (self._streaks[size - 1] + 1) * same
        self._said.append(symbols)

"""Error rates of sets of words with confidence intervals; paired comparison of two artifacts."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from math import comb

_Z = 1.96  # of a 95 % interval
# Up to this number of discordant words McNemar's test is exact; above it, the binomial distribution
# is approximated by a normal one
_EXACT = 1000


@dataclass(frozen=True)
class ErrorRate:
    """Number of wrong words in a set.

    Attributes:
        name: name of the set and measure.
        words: number of words.
        wrong: number of wrong ones.
    """

    name: str
    words: int
    wrong: int

    @property
    def rate(self) -> float:
        """Error rate, 0 to 1."""
        return self.wrong / self.words if self.words else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the error rate (Wilson 1927)."""
        n, p = self.words, self.rate
        if not n:
            return (math.nan, math.nan)
        centre = p + _Z**2 / (2 * n)
        spread = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return (
            max(0.0, (centre - spread) / (1 + _Z**2 / n)),
            min(1.0, (centre + spread) / (1 + _Z**2 / n)),
        )

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.name}: {100 * self.rate:.2f} % [{100 * low:.2f}, {100 * high:.2f}] "
            f"({self.wrong:,} of {self.words:,})"
        )


@dataclass(frozen=True)
class PairedComparison:
    """Comparison of two artifacts on the same words.

    Attributes:
        name: name of the set and measure.
        words: number of words.
        first_only: number of words that are wrong only in the first artifact.
        second_only: number of words that are wrong only in the second artifact.
    """

    name: str
    words: int
    first_only: int
    second_only: int

    @classmethod
    def of(
        cls, name: str, words: int, first_wrong: Collection[str], second_wrong: Collection[str]
    ) -> PairedComparison:
        """Compare two artifacts, given the words that each has wrong."""
        first, second = set(first_wrong), set(second_wrong)
        return cls(name, words, len(first - second), len(second - first))

    @property
    def difference(self) -> float:
        """Error rate of the second artifact minus that of the first, -1 to 1."""
        return (self.second_only - self.first_only) / self.words if self.words else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference, for paired proportions (Wald)."""
        if not self.words:
            return (math.nan, math.nan)
        discordant = (self.first_only + self.second_only) / self.words
        spread = _Z * math.sqrt(max(0.0, discordant - self.difference**2) / self.words)
        return (self.difference - spread, self.difference + spread)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of McNemar's test (1947)."""
        discordant = self.first_only + self.second_only
        if not discordant:
            return 1.0
        fewer = min(self.first_only, self.second_only)
        if discordant <= _EXACT:
            tail = sum(comb(discordant, k) for k in range(fewer + 1)) / 2.0**discordant
            return min(1.0, 2 * tail)
        # with continuity correction
        deviation = max(0, abs(self.first_only - self.second_only) - 1) / math.sqrt(discordant)
        return math.erfc(deviation / math.sqrt(2))

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.name}: {100 * self.difference:+.2f} points [{100 * low:+.2f}, "
            f"{100 * high:+.2f}], {self.first_only:,} words mended, {self.second_only:,} broken, "
            f"p = {self.p_value:.2g}"
        )

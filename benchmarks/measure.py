"""Measure rates of work, alternately for several kinds, and print them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def rates_of(work: Callable[[], float], seconds: float, rounds: int) -> list[float]:
    """Measure units of `work` per second, once per round, after a warm-up call."""
    work()
    rates = []
    for _ in range(rounds):
        started, done = time.perf_counter(), 0.0
        while (elapsed := time.perf_counter() - started) < seconds:
            done += work()
        rates.append(done / elapsed)
    return rates


def alternating_rates(
    works: Mapping[K, Callable[[], float]], seconds: float, rounds: int
) -> dict[K, list[float]]:
    """Measure several kinds of work alternately (see `rates_of`).

    Because they alternate, other load on the machine slows down all of them.
    """
    rates: dict[K, list[float]] = {kind: [] for kind in works}
    for _ in range(rounds):
        for kind, work in works.items():
            rates[kind] += rates_of(work, seconds, 1)
    return rates


def median_ratio(rates: Sequence[float], others: Sequence[float]) -> float:
    """Return how many times faster the first kind of work is: the median of the rounds' ratios."""
    return statistics.median(rate / other for rate, other in zip(rates, others, strict=True))


def show(
    what: str, rates: Sequence[float], ratio: float | None = None, of: str = "batch 1"
) -> None:
    against = f"  {ratio:6.2f} x {of}" if ratio is not None else ""
    print(
        f"{what:34} {statistics.median(rates):9,.1f} "
        f"({min(rates):,.1f} to {max(rates):,.1f}){against}"
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` (0 to 1) of the values do not exceed; NaN if empty."""
    if not values:
        return math.nan
    rank = math.ceil(share * len(values))
    return sorted(values)[max(rank, 1) - 1]


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "")

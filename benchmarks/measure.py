"""Rates of work, and how they are printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def rates_of(work: Callable[[], float], seconds: float, rounds: int) -> list[float]:
    """Units of `work` a second, a figure a round, after one call to warm up."""
    work()
    rates = []
    for _ in range(rounds):
        started, done = time.perf_counter(), 0.0
        while (elapsed := time.perf_counter() - started) < seconds:
            done += work()
        rates.append(done / elapsed)
    return rates


def show(
    what: str, rates: Sequence[float], ratio: float | None = None, of: str = "batch 1"
) -> None:
    against = f"  {ratio:6.2f} x {of}" if ratio is not None else ""
    print(
        f"{what:34} {statistics.median(rates):9,.1f} "
        f"({min(rates):,.1f} to {max(rates):,.1f}){against}"
    )

"""Run long work on the event loop in time slices, so that other requests are served meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Seconds for which work may occupy the event loop before others get a turn
SLICE = 0.004


class TimeSlices:
    """Shares the event loop among long requests.

    A request that takes less than one slice, as nearly all do, runs without waiting. Of longer
    ones, one runs at a time, so that an iteration of the event loop has at most one slice of them.
    """

    def __init__(self, seconds: float = SLICE) -> None:
        """Create one for an event loop.

        Args:
            seconds: length of a slice. Items are not interrupted, and should take less.
        """
        self.seconds = seconds
        self._turn = asyncio.Lock()

    async def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return the results of `function` for each item, in order."""
        results: list[R] = []
        remaining = iter(items)
        deadline = time.perf_counter() + self.seconds
        for item in remaining:
            results.append(function(item))
            if time.perf_counter() > deadline:
                break
        else:
            return results
        async with self._turn:
            await asyncio.sleep(0)
            deadline = time.perf_counter() + self.seconds
            for item in remaining:
                results.append(function(item))
                if time.perf_counter() > deadline:
                    await asyncio.sleep(0)
                    deadline = time.perf_counter() + self.seconds
        return results

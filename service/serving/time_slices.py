"""Long work on the event loop in slices, so that everybody else is answered meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Seconds that one piece of work may keep the event loop before others get a turn.
SLICE = 0.004


class TimeSlices:
    """Lets requests that take long share the event loop.

    A request that is done within one slice runs through without waiting for anybody, as nearly all
    do. Of the others one runs at a time, so that however many there are, a turn of the event loop
    holds one slice of them.
    """

    def __init__(self, seconds: float = SLICE) -> None:
        """Make one for an event loop.

        Args:
            seconds: of a slice. An item is not interrupted: it should take less.
        """
        self.seconds = seconds
        self._turn = asyncio.Lock()

    async def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """What `function` makes of each item, in their order."""
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

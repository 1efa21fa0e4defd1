"""Run long work on the event loop in time slices, so that other requests are served meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Seconds for which work may occupy the event loop before others get a turn
SLICE = 0.002
# Words that are resolved together, with one lookup in the lexicons: at most so many, and fewer long
# ones, of which one may take milliseconds
_WORDS_TOGETHER = 16
_CHARACTERS_TOGETHER = 160


def word_groups(items: Sequence[T], words: Iterable[str]) -> list[Sequence[T]]:
    """Divide items into groups that are resolved in one step, without a turn for others.

    Args:
        items: what is divided.
        words: the word of each item, in the same order.
    """
    found: list[Sequence[T]] = []
    start = characters = 0
    for at, word in enumerate(words):
        characters += len(word)
        if at > start and (at - start == _WORDS_TOGETHER or characters > _CHARACTERS_TOGETHER):
            found.append(items[start:at])
            start, characters = at, len(word)
    if start < len(items):
        found.append(items[start:])
    return found


class TimeSlices:
    """Shares the event loop among long requests.

    A request that takes less than one slice, as nearly all do, runs without waiting. Of longer
    ones, one runs at a time, so that an iteration of the event loop has at most one slice of them.
    What a task does in one iteration, by several calls, is one slice.
    """

    def __init__(self, seconds: float = SLICE) -> None:
        """Create one for an event loop.

        Args:
            seconds: length of a slice. Items are not interrupted, and should take less.
        """
        self.seconds = seconds
        self._turn = asyncio.Lock()
        # The task that has begun a slice in this iteration of the event loop, and its end
        self._task: asyncio.Task[object] | None = None
        self._end = 0.0

    async def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return the results of `function` for each item, in order."""
        results: list[R] = []
        remaining = iter(items)
        end = self._begin()
        for item in remaining:
            results.append(function(item))
            if time.perf_counter() > end:
                break
        else:
            return results
        async with self._turn:
            await asyncio.sleep(0)
            end = self._begin()
            for item in remaining:
                results.append(function(item))
                if time.perf_counter() > end:
                    await asyncio.sleep(0)
                    end = self._begin()
        return results

    def _begin(self) -> float:
        """Return the end of the current task's slice, which begins unless it has already."""
        task = asyncio.current_task()
        if self._task is not task:
            self._task, self._end = task, time.perf_counter() + self.seconds
            asyncio.get_running_loop().call_soon(self._finish)
        return self._end

    def _finish(self) -> None:
        """Forget the slice: the next iteration of the event loop has begun."""
        self._task = None

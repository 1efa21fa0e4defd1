"""A bounded cache of answers, which long lists of new words cannot flush (S3-FIFO).

New answers enter the small queue. At its end, those that were requested again move to the main
queue, and the others are evicted. At the end of the main queue, an answer is reinserted as often as
it was requested recently. A key that returns soon after its eviction (a ghost) enters the main
queue directly.

Source: Yang et al. (2023), "FIFO queues are all you need for cache eviction" (S3-FIFO).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

# Share of the capacity for the small queue
_SMALL_SHARE = 0.1
# Most requests of an answer that are counted, and so most of its reinsertions
_MAX_FREQUENCY = 3
# Binary logarithm of the smallest size of the table of ghosts
_MIN_GHOST_BITS = 10
# Characters of JSON per unit of the cache's capacity; a typical answer has fewer
_CHARACTERS = 256


class AnswerCache(Generic[K, A]):
    """A cache of answers by decode request, for one set of weights."""

    def __init__(self, capacity: int, weigh: Callable[[A], int] = lambda answer: 1) -> None:
        """Create an empty cache.

        Args:
            capacity: most answers to keep; 0 disables the cache.
            weigh: returns the number of answers that one counts as.
        """
        self.capacity = capacity
        self.weigh = weigh
        self._answers: dict[K, A] = {}
        # Weights greater than one
        self._weights: dict[K, int] = {}
        # Recent requests, up to `_MAX_FREQUENCY`; missing keys have none
        self._frequencies: dict[K, int] = {}
        # In order of insertion
        self._small: deque[K] = deque()
        self._main: deque[K] = deque()
        # Hashes of ghosts, the keys evicted from the small queue, at the index of their last bits,
        # until they are overwritten: a table that fits the CPU cache. No hash is -1.
        slots = 1 << max(_MIN_GHOST_BITS, (capacity - 1).bit_length())
        self._ghosts = array("q", [-1]) * slots
        self._size = 0
        self._small_size = 0

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: K) -> A | None:
        """Return the cached answer for a key, or None."""
        answer = self._answers.get(key)
        if answer is not None:
            frequency = self._frequencies.get(key, 0)
            if frequency < _MAX_FREQUENCY:
                self._frequencies[key] = frequency + 1
        return answer

    def put(self, key: K, answer: A) -> None:
        """Store an answer, evicting others if the cache is full.

        An existing answer is kept, since a key has only one.
        """
        if key in self._answers:
            return
        weight = self.weigh(answer)
        if weight != 1:
            self._weights[key] = weight
        self._answers[key] = answer
        self._size += weight
        digest = hash(key)
        slot = digest & (len(self._ghosts) - 1)
        if self._ghosts[slot] == digest:
            self._ghosts[slot] = -1
            self._main.append(key)
        else:
            self._small.append(key)
            self._small_size += weight
        while self._size > self.capacity:
            if self._small_size > _SMALL_SHARE * self.capacity or not self._main:
                self._evict_small()
            else:
                self._evict_main()

    def _evict_small(self) -> None:
        key = self._small.popleft()
        self._small_size -= self._weights.get(key, 1)
        if self._frequencies.pop(key, 0):
            self._main.append(key)
            return
        self._remove(key)
        digest = hash(key)
        self._ghosts[digest & (len(self._ghosts) - 1)] = digest

    def _evict_main(self) -> None:
        key = self._main.popleft()
        if frequency := self._frequencies.pop(key, 0):
            self._main.append(key)
            if frequency > 1:
                self._frequencies[key] = frequency - 1
        else:
            self._remove(key)

    def _remove(self, key: K) -> None:
        del self._answers[key]
        self._size -= self._weights.pop(key, 1)


def answer_size(rendered: str) -> int:
    """Return the weight of an answer in the cache."""
    return max(1, len(rendered) // _CHARACTERS)

"""A bounded cache of answers, which long lists of new words cannot flush (S3-FIFO).

New answers enter a short queue. At its end, those that were requested again move to the long queue,
and the others are evicted. At the end of the long queue, an answer is reinserted as often as it was
requested recently. A key that returns soon after its eviction enters the long queue directly.

Source: Yang et al. (2023), "FIFO queues are all you need for cache eviction" (S3-FIFO).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

# Share of the capacity for the short queue
_SHORT = 0.1
# Most reinsertions of an answer
_PASSES = 3
# Binary logarithm of the smallest size of the table of evicted keys
_PLACES = 10
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
        self._heavy: dict[K, int] = {}
        # Number of recent hits; missing keys have none
        self._hits: dict[K, int] = {}
        # In order of insertion
        self._short: deque[K] = deque()
        self._long: deque[K] = deque()
        # Hashes of keys evicted from the short queue, at the index of their last bits, until they
        # are overwritten: a table that fits the CPU cache. No hash is -1.
        places = 1 << max(_PLACES, (capacity - 1).bit_length())
        self._gone = array("q", [-1]) * places
        self._held = 0
        self._held_short = 0

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: K) -> A | None:
        """Return the cached answer for a key, or None."""
        answer = self._answers.get(key)
        if answer is not None:
            times = self._hits.get(key, 0)
            if times < _PASSES:
                self._hits[key] = times + 1
        return answer

    def put(self, key: K, answer: A) -> None:
        """Store an answer, evicting others if the cache is full.

        An existing answer is kept, since a key has only one.
        """
        if key in self._answers:
            return
        weight = self.weigh(answer)
        if weight != 1:
            self._heavy[key] = weight
        self._answers[key] = answer
        self._held += weight
        number = hash(key)
        place = number & (len(self._gone) - 1)
        if self._gone[place] == number:
            self._gone[place] = -1
            self._long.append(key)
        else:
            self._short.append(key)
            self._held_short += weight
        while self._held > self.capacity:
            if self._held_short > _SHORT * self.capacity or not self._long:
                self._leave_short()
            else:
                self._leave_long()

    def _leave_short(self) -> None:
        key = self._short.popleft()
        self._held_short -= self._heavy.get(key, 1)
        if self._hits.pop(key, 0):
            self._long.append(key)
            return
        self._drop(key)
        number = hash(key)
        self._gone[number & (len(self._gone) - 1)] = number

    def _leave_long(self) -> None:
        key = self._long.popleft()
        times = self._hits.pop(key, 0)
        if times:
            self._long.append(key)
            if times > 1:
                self._hits[key] = times - 1
        else:
            self._drop(key)

    def _drop(self, key: K) -> None:
        del self._answers[key]
        self._held -= self._heavy.pop(key, 1)


def answer_size(rendered: str) -> int:
    """Return the weight of an answer in the cache."""
    return max(1, len(rendered) // _CHARACTERS)

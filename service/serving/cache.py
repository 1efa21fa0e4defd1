"""Answers that were given, kept for the next who asks: bounded, and no long list empties it.

What was asked once goes soon, what was asked again stays: new answers go through a short queue,
from which only those that were asked for meanwhile come into the long one, and there each is passed
over as often as it was asked for of late before it goes. Who comes back soon after having gone,
comes into the long one at once.

Source: Yang et al. (2023), "FIFO queues are all you need for cache eviction" (S3-FIFO).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

# The short queue's share of the capacity.
_SHORT = 0.1
# How many times an answer is passed over, at most.
_PASSES = 3
# Binary logarithm of the fewest that are remembered when they have gone.
_PLACES = 10


class AnswerCache(Generic[K, A]):
    """Answers by what was asked. One cache is of one set of weights."""

    def __init__(self, capacity: int, weigh: Callable[[A], int] = lambda answer: 1) -> None:
        """Make an empty one.

        Args:
            capacity: the most answers it keeps; 0 keeps none.
            weigh: how many it counts one as.
        """
        self.capacity = capacity
        self.weigh = weigh
        self._answers: dict[K, A] = {}
        # What counts as more than one
        self._heavy: dict[K, int] = {}
        # How often of late; of what is not in it, never
        self._hits: dict[K, int] = {}
        # In the order in which they came
        self._short: deque[K] = deque()
        self._long: deque[K] = deque()
        # Hashes of what left the short queue, each in the place that its last bits name, until one
        # of later takes it: a table that stays near the processor. Of -1 there is no hash.
        places = 1 << max(_PLACES, (capacity - 1).bit_length())
        self._gone = array("q", [-1]) * places
        self._held = 0
        self._held_short = 0

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: K) -> A | None:
        """The answer to what is asked, if it is kept."""
        answer = self._answers.get(key)
        if answer is not None:
            times = self._hits.get(key, 0)
            if times < _PASSES:
                self._hits[key] = times + 1
        return answer

    def put(self, key: K, answer: A) -> None:
        """Keep an answer, in place of others where it is full.

        What is kept already stays: there is but one answer to what is asked.
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

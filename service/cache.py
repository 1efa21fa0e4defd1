"""Answers that were given, kept for the next who asks: bounded, and no long list empties it.

What was asked once goes soon, what was asked again stays: new answers go through a short queue,
from which only those that were asked for meanwhile come into the long one, and there each is passed
over as often as it was asked for of late before it goes. Who comes back soon after having gone,
comes into the long one at once.

Source: Yang et al. (2023), "FIFO queues are all you need for cache eviction" (S3-FIFO).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

# The short queue's share of the capacity.
_SHORT = 0.1
# How many times an answer is passed over, at most.
_PASSES = 3


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
        self._short: OrderedDict[K, A] = OrderedDict()
        self._long: OrderedDict[K, A] = OrderedDict()
        self._gone: OrderedDict[K, None] = OrderedDict()
        # Plain numbers beside the answers: the garbage collector walks over neither
        self._asked: dict[K, int] = {}
        self._held = 0
        self._held_short = 0

    def __len__(self) -> int:
        return len(self._asked)

    def get(self, asked: K) -> A | None:
        """The answer to what is asked, if it is kept."""
        times = self._asked.get(asked)
        if times is None:
            return None
        if times < _PASSES:
            self._asked[asked] = times + 1
        return self._short[asked] if asked in self._short else self._long[asked]

    def put(self, asked: K, answer: A) -> None:
        """Keep an answer, in place of others where it is full."""
        if asked in self._asked:
            self._drop(self._short if asked in self._short else self._long, asked)
        weight = self.weigh(answer)
        if asked in self._gone:
            del self._gone[asked]
            self._long[asked] = answer
        else:
            self._short[asked] = answer
            self._held_short += weight
        self._asked[asked] = 0
        self._held += weight
        while self._held > self.capacity:
            if self._held_short > _SHORT * self.capacity or not self._long:
                self._leave_short()
            else:
                self._leave_long()

    def _leave_short(self) -> None:
        asked, answer = next(iter(self._short.items()))
        if self._asked[asked]:
            del self._short[asked]
            self._held_short -= self.weigh(answer)
            self._long[asked] = answer
            self._asked[asked] = 0
            return
        self._drop(self._short, asked)
        self._gone[asked] = None
        while len(self._gone) > self.capacity:
            self._gone.popitem(last=False)

    def _leave_long(self) -> None:
        asked = next(iter(self._long))
        if self._asked[asked]:
            self._asked[asked] -= 1
            self._long.move_to_end(asked)
        else:
            self._drop(self._long, asked)

    def _drop(self, queue: OrderedDict[K, A], asked: K) -> None:
        weight = self.weigh(queue.pop(asked))
        self._held -= weight
        if queue is self._short:
            self._held_short -= weight
        del self._asked[asked]

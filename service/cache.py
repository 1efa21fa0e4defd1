"""Answers that were given, kept for the next who asks: bounded, the longest unused go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


class AnswerCache(Generic[K, A]):
    """The latest answers by what was asked. One cache is of one set of weights."""

    def __init__(self, capacity: int, weigh: Callable[[A], int] = lambda answer: 1) -> None:
        """Make an empty one.

        Args:
            capacity: the most answers it keeps; 0 keeps none.
            weigh: how many it counts one as.
        """
        self.capacity = capacity
        self.weigh = weigh
        self._answers: OrderedDict[K, A] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, asked: K) -> A | None:
        """The answer to what is asked, if it is kept; it becomes the latest."""
        answer = self._answers.get(asked)
        if answer is not None:
            self._answers.move_to_end(asked)
        return answer

    def put(self, asked: K, answer: A) -> None:
        """Keep an answer, in place of those that were unused for longest where it is full."""
        if (old := self._answers.pop(asked, None)) is not None:
            self._held -= self.weigh(old)
        self._answers[asked] = answer
        self._held += self.weigh(answer)
        while self._held > self.capacity:
            self._held -= self.weigh(self._answers.popitem(last=False)[1])

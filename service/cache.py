"""Answers that were given, kept for the next who asks: bounded, the longest unused go first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

A = TypeVar("A")


class AnswerCache(Generic[A]):
    """The latest answers by word. One cache holds the answers of one set of weights."""

    def __init__(self, capacity: int) -> None:
        """Make an empty one.

        Args:
            capacity: the most words it keeps; 0 keeps none.
        """
        self.capacity = capacity
        self._answers: OrderedDict[str, A] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, word: str) -> A | None:
        """The answer for `word`, if it is kept; it becomes the latest."""
        answer = self._answers.get(word)
        if answer is not None:
            self._answers.move_to_end(word)
        return answer

    def put(self, word: str, answer: A) -> None:
        """Keep an answer, in place of the one that was unused for longest where it is full."""
        self._answers[word] = answer
        self._answers.move_to_end(word)
        while len(self._answers) > self.capacity:
            self._answers.popitem(last=False)

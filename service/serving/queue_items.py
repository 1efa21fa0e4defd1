"""What waits in a queue of words: requests, words, counts of work; their results and errors."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


class Waiting(Protocol):
    """Counts the waiting letters in this queue and in those of other processes."""

    waiting: int

    @property
    def waiting_in_all(self) -> int:
        """Return the waiting letters in all queues."""


class OwnWaiting:
    """The count of a single queue."""

    waiting = 0

    @property
    def waiting_in_all(self) -> int:
        """Return the waiting letters in this queue."""
        return self.waiting


@dataclass(eq=False, slots=True)
class Request(Generic[K, A]):
    """A request that waits for words.

    Attributes:
        remaining: words without an answer.
        decoded: words that it was the first to wait for when they were answered.
        done: set to the `Batch` of the last word.
    """

    remaining: int
    done: asyncio.Future[Any]
    decoded: int = 0

    def fail(self, error: Exception) -> None:
        """End the wait with an error, unless it has ended."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(eq=False, slots=True)
class Pending(Generic[K, A]):
    """An unanswered word, and the requests that wait for it.

    Attributes:
        word: what to decode.
        letters: its work.
        arrived: time when it was queued, by the batcher's clock.
        requests: those that wait for it.
        lost: whether a lost worker had it.
        answer: None until it is decoded.
    """

    word: K
    letters: int
    arrived: float
    requests: list[Request[K, A]]
    lost: bool = False
    answer: A | None = None


@dataclass(frozen=True)
class DecodeResult(Generic[A]):
    """A request's answers, and their timing.

    Attributes:
        answers: one per word, in order.
        queued: seconds that its last word waited for a worker.
        decoding: seconds that the batch of its last word took.
        batch: words in that batch.
        decoded: number of distinct words, where one that several requests wait for counts for the
            first of them only.
    """

    answers: list[A]
    queued: float = 0.0
    decoding: float = 0.0
    batch: int = 0
    decoded: int = 0


class QueueFullError(Exception):
    """The queue has no space for all of a request's words; none was queued.

    Attributes:
        retry_after: estimated seconds until there is space.
    """

    def __init__(self, waiting: int, capacity: int, retry_after: float) -> None:
        super().__init__(f"{waiting:,} letters are waiting, of at most {capacity:,}")
        self.retry_after = retry_after


class DeadlineError(Exception):
    """A request timed out before its last word was decoded, or is expected to.

    Attributes:
        retry_after: estimated seconds until the queue is empty.
    """

    def __init__(self, problem: str, retry_after: float) -> None:
        super().__init__(problem)
        self.retry_after = retry_after

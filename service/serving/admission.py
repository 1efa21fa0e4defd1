"""Admission to a queue of words: counts of waiting work, and errors for refused requests."""

from __future__ import annotations

from typing import Protocol


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

"""What a queue of words admits: how much may wait, and how a request is refused."""

from __future__ import annotations

from typing import Protocol


class Waiting(Protocol):
    """How many letters wait, in this queue and in those of other processes."""

    waiting: int

    @property
    def waiting_in_all(self) -> int:
        """In all of them."""


class OwnWaiting:
    """The count of a queue that is the only one."""

    waiting = 0

    @property
    def waiting_in_all(self) -> int:
        """In this queue."""
        return self.waiting


class QueueFullError(Exception):
    """The queue has no room for all of a request's words; none of them was taken.

    Attributes:
        retry_after: seconds after which there should be room, at the rate of late.
    """

    def __init__(self, waiting: int, capacity: int, retry_after: float) -> None:
        super().__init__(f"{waiting:,} letters are waiting, of at most {capacity:,}")
        self.retry_after = retry_after


class DeadlineError(Exception):
    """A request's time ran out before its last word was decoded, or would.

    Attributes:
        retry_after: seconds after which the queue should be empty, at the rate of late.
    """

    def __init__(self, problem: str, retry_after: float) -> None:
        super().__init__(problem)
        self.retry_after = retry_after

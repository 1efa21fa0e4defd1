"""The bytes that connections hold in memory: bounded in all."""

from __future__ import annotations

from types import TracebackType
from typing import Self

# Bodies of at most so many bytes are never refused for want of room: the number of connections
# bounds them. A piece of a longer one is as long.
SMALL = 1 << 16


class BuffersFullError(Exception):
    """More bytes than there is room for are held for clients that take or send them slowly.

    Attributes:
        limit: bytes that there is room for.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"connections hold more than {limit:,} bytes already: try again later, or send and ask "
            "for less at a time"
        )
        self.limit = limit


class ByteBudget:
    """How many bytes of large bodies may be held at the same time, for all connections together.

    Attributes:
        limit: beyond so many, nothing large is begun.
        held: how many are held now; more than `limit` by what was begun last, at the utmost.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def hold(self) -> Hold:
        """A share of the budget, empty at first."""
        return Hold(self)


class Hold:
    """One body's share of a `ByteBudget`: released when the ``with`` block is left."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size = 0

    def resize(self, size: int) -> None:
        """Hold `size` bytes from now on.

        Raises:
            BuffersFullError: where that is more than before, and large, and the budget is spent.
        """
        budget = self._budget
        if size > self.size and size > SMALL and budget.held >= budget.limit:
            raise BuffersFullError(budget.limit)
        budget.held += size - self.size
        self.size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.resize(0)

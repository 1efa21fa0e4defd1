"""The bytes that connections hold in memory: bounded in all, and sent in pieces."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tanger.service import problems
from tanger.service.problems import BuffersFullError

# Bodies of at most so many bytes are never refused for want of room: the number of connections
# bounds them. A piece of a longer one is as long.
SMALL = 1 << 16


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


class AnswerPieces:
    """ASGI middleware: a large body goes out piece by piece, as fast as the client takes it.

    The server waits before each piece until there is room in the connection's own buffer. A body
    for which the budget has no room is replaced by 503.
    """

    def __init__(self, app: ASGIApp, *, budget: ByteBudget) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            budget: what its large answers are counted against until they are sent.
        """
        self.app = app
        self.budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # Held back until the body's size is known
        start: Message | None = None
        refused = False

        async def send_in_pieces(message: Message) -> None:
            nonlocal start, refused
            if message["type"] == "http.response.start":
                start = message
                return
            if refused:
                return
            body = message.get("body", b"")
            if len(body) <= SMALL:
                if start is not None:
                    head, start = start, None
                    await send(head)
                await send(message)
                return
            with self.budget.hold() as hold:
                try:
                    hold.resize(len(body))
                except BuffersFullError as e:
                    if start is not None:
                        refused = True
                        await (await problems.known(Request(scope), e))(scope, receive, send)
                        return
                    # It has begun, and comes in pieces already: it waits for each to be taken
                if start is not None:
                    head, start = start, None
                    await send(head)
                more = message.get("more_body", False)
                for first in range(0, len(body), SMALL):
                    piece = body[first : first + SMALL]
                    last = first + SMALL >= len(body)
                    await send({**message, "body": piece, "more_body": more or not last})

        await self.app(scope, receive, send_in_pieces)

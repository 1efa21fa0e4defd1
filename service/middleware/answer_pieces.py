"""Large answers piece by piece, as fast as their clients take them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tanger.service.connections.limits import SMALL, BuffersFullError, ByteBudget
from tanger.service.errors import Respond


class AnswerPieces:
    """ASGI middleware: a large body goes out piece by piece, as fast as the client takes it.

    The server waits before each piece until there is room in the connection's own buffer. A body
    for which the budget has no room is replaced by 503.
    """

    def __init__(self, app: ASGIApp, *, budget: ByteBudget, respond: Respond) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            budget: what its large answers are counted against until they are sent.
            respond: makes the answer in place of one for which there is no room.
        """
        self.app = app
        self.budget = budget
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            send = _PieceSender(self, scope, receive, send)
        await self.app(scope, receive, send)


class _PieceSender:
    """The `send` of one request: passes small bodies on as they are, and cuts large ones up."""

    __slots__ = ("_middleware", "_receive", "_refused", "_scope", "_send", "_start")

    def __init__(
        self, middleware: AnswerPieces, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._middleware = middleware
        self._scope = scope
        self._receive = receive
        self._send = send
        # Held back until the body's size is known
        self._start: Message | None = None
        self._refused = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif self._refused:
            return
        elif len(message.get("body", b"")) <= SMALL:
            await self._send_start()
            await self._send(message)
        else:
            await self._send_large(message)

    async def _send_start(self) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)

    async def _send_large(self, message: Message) -> None:
        body = message["body"]
        with self._middleware.budget.hold() as hold:
            try:
                hold.resize(len(body))
            except BuffersFullError as e:
                if self._start is not None:
                    self._refused = True
                    response = await self._middleware.respond(Request(self._scope), e)
                    await response(self._scope, self._receive, self._send)
                    return
                # It has begun, and comes in pieces already: it waits for each to be taken
            await self._send_start()
            more = message.get("more_body", False)
            for first in range(0, len(body), SMALL):
                piece = body[first : first + SMALL]
                last = first + SMALL >= len(body)
                await self._send({**message, "body": piece, "more_body": more or not last})

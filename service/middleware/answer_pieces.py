"""Large answers: held in pieces, sent piece by piece, as fast as their clients take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import Response
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


class PiecewiseResponse(Response):
    """A body of many parts, never joined: a large one takes up its own size and no more.

    The server takes the next piece when the client has read enough of those before it.
    """

    def __init__(
        self,
        parts: Iterable[bytes],
        *,
        headers: Mapping[str, str],
        media_type: str,
        reservations: ExitStack,
    ) -> None:
        """Make one with status 200.

        Args:
            parts: of the body, in order.
            headers: besides its type and length.
            media_type: its type.
            reservations: what is kept for it; closed when it is sent, or cannot be.
        """
        self._pieces = _joined(parts)
        size = sum(map(len, self._pieces))
        # Starlette's own length would be that of a body in one piece
        super().__init__(
            None, headers={**headers, "Content-Length": f"{size}"}, media_type=media_type
        )
        self._reservations = reservations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._reservations:
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            self._pieces.reverse()
            while self._pieces:
                piece = self._pieces.pop()  # sent, it is held no longer
                more = bool(self._pieces)
                await send({"type": "http.response.body", "body": piece, "more_body": more})


def _joined(parts: Iterable[bytes]) -> list[bytes]:
    """The parts in pieces of a size that is sent together; at least one."""
    pieces: list[bytes] = []
    some = bytearray()
    for part in parts:
        some += part
        if len(some) >= SMALL:
            whole = len(some) // SMALL * SMALL
            pieces += [bytes(some[first : first + SMALL]) for first in range(0, whole, SMALL)]
            del some[:whole]
    if some or not pieces:
        pieces.append(bytes(some))
    return pieces

"""Large answers: held in pieces, sent piece by piece, as fast as their clients take them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from tanger.service.connections.limits import SMALL, BuffersFullError, ByteBudget, Hold
from tanger.service.errors import Respond


class PieceSender:
    """The `send` of one request: passes small bodies on as they are, and cuts large ones up.

    The server waits before each piece until there is room in the connection's own buffer. A body
    for which the budget has no room is replaced by 503.
    """

    __slots__ = ("_budget", "_receive", "_refused", "_respond", "_scope", "_send", "_start")

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, budget: ByteBudget, respond: Respond
    ) -> None:
        """Send the answer to a request.

        Args:
            scope: ASGI's, of the request.
            receive: ASGI's.
            send: ASGI's.
            budget: what large answers are counted against until they are sent.
            respond: makes the answer in place of one for which there is no room.
        """
        self._budget = budget
        self._respond = respond
        self._scope = scope
        self._receive = receive
        self._send = send
        # Held back until the body's size is known
        self._start: Message | None = None
        self._refused = False

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
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
        with self._budget.hold() as hold:
            try:
                hold.resize(len(body))
            except BuffersFullError as e:
                if self._start is not None:
                    self._refused = True
                    response = await self._respond(Request(self._scope), e)
                    await response(self._scope, self._receive, self._send)
                    return
                # It has begun, and comes in pieces already: it waits for each to be taken
            await self._send_start()
            more = message.get("more_body", False)
            for first in range(0, len(body), SMALL):
                piece = body[first : first + SMALL]
                last = first + SMALL >= len(body)
                await self._send({**message, "body": piece, "more_body": more or not last})


async def send_parts(
    send: Send,
    headers: list[tuple[bytes, bytes]],
    media_type: tuple[bytes, bytes],
    parts: Sequence[bytes],
    reservation: Hold | None,
) -> None:
    """Answer with status 200 and a body of many parts, never joined.

    A large one takes up its own size and no more: the server takes the next piece when the client
    has read enough of those before it.

    Args:
        send: ASGI's.
        headers: besides its length and type.
        media_type: the header that tells its type.
        parts: of the body, in order.
        reservation: what is kept for it; released when it is sent, or cannot be.
    """
    try:
        pieces = _joined(parts)
        headers += ((b"content-length", b"%d" % sum(map(len, pieces))), media_type)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        pieces.reverse()
        while pieces:
            piece = pieces.pop()  # sent, it is held no longer
            await send({"type": "http.response.body", "body": piece, "more_body": bool(pieces)})
    finally:
        if reservation is not None:
            reservation.resize(0)


async def send_stream(
    send: Send,
    headers: list[tuple[bytes, bytes]],
    parts: Sequence[bytes],
    more: AsyncGenerator[bytes],
    describe: Callable[[Exception], Awaitable[bytes]],
) -> None:
    """Answer with status 200 and a body whose parts are sent as they are ready.

    Args:
        send: ASGI's; it waits until the client has read enough.
        headers: of the answer.
        parts: the first.
        more: the others.
        describe: what is sent in place of the rest where making it raises.
    """
    async with aclosing(more):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send_pieces(send, parts)
        try:
            async for part in more:
                await _send_pieces(send, [part])
        except Exception as e:
            await _send_pieces(send, [await describe(e)])
        await send({"type": "http.response.body"})


async def _send_pieces(send: Send, parts: Sequence[bytes]) -> None:
    for piece in _joined(parts):
        await send({"type": "http.response.body", "body": piece, "more_body": True})


def _joined(parts: Sequence[bytes]) -> list[bytes]:
    """The parts in pieces of a size that is sent together; at least one."""
    if len(parts) == 1 and len(parts[0]) <= SMALL:
        return [parts[0]]
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

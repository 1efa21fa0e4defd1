"""Send large responses in chunks, at the speed at which clients read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from tanger.service.connections.limits import SMALL, BuffersFullError, ByteBudget, Reservation
from tanger.service.errors import Respond


class ChunkSender:
    """The `send` of one request: passes on small bodies unchanged, and splits large ones.

    Before each chunk, the server waits for space in the connection's send buffer. A body that
    exceeds the budget is replaced by a 503 response.
    """

    __slots__ = ("_budget", "_receive", "_refused", "_respond", "_scope", "_send", "_start")

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, budget: ByteBudget, respond: Respond
    ) -> None:
        """Wrap the `send` of a request.

        Args:
            scope: of ASGI.
            receive: of ASGI.
            send: of ASGI.
            budget: limits the bytes of large responses that have not been sent.
            respond: makes the response in place of one that exceeds the budget.
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
        """Send a part of the response."""
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
        with self._budget.reserve() as reservation:
            try:
                reservation.resize(len(body))
            except BuffersFullError as e:
                if self._start is not None:
                    self._refused = True
                    response = await self._respond(Request(self._scope), e)
                    await response(self._scope, self._receive, self._send)
                    return
                # A streamed response has begun already: it waits after each chunk
            await self._send_start()
            more = message.get("more_body", False)
            for first in range(0, len(body), SMALL):
                chunk = body[first : first + SMALL]
                last = first + SMALL >= len(body)
                await _send_chunk(self._send, chunk, more=more or not last)


async def send_parts(
    send: Send,
    headers: list[tuple[bytes, bytes]],
    media_type: tuple[bytes, bytes],
    parts: Sequence[bytes],
    reservation: Reservation | None,
) -> None:
    """Send a response with status 200 and a body of many parts, without joining all of them.

    A large body is never copied as a whole: the server accepts the next chunk when the client has
    read enough of the previous ones.

    Args:
        send: of ASGI.
        headers: other than Content-Length and Content-Type.
        media_type: the Content-Type header.
        parts: of the body, in order.
        reservation: share of the budget; released when the body was sent, or cannot be sent.
    """
    try:
        left = sum(map(len, parts))
        headers += ((b"content-length", b"%d" % left), media_type)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in _chunks(parts):
            left -= len(chunk)
            await _send_chunk(send, chunk, more=left > 0)
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
    """Send a response with status 200 whose parts are sent as they become ready.

    Args:
        send: of ASGI; it waits until the client has read enough.
        headers: of the response.
        parts: the first parts.
        more: yields the other parts.
        describe: encodes an exception of `more` as the last part.
    """
    async with aclosing(more):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send_chunks(send, parts)
        try:
            async for part in more:
                await _send_chunks(send, [part])
        except Exception as e:
            await _send_chunks(send, [await describe(e)])
        await send({"type": "http.response.body"})


async def _send_chunks(send: Send, parts: Sequence[bytes]) -> None:
    for chunk in _chunks(parts):
        await _send_chunk(send, chunk, more=True)


async def _send_chunk(send: Send, chunk: bytes, *, more: bool) -> None:
    """Send a part of the body, and let other tasks run if more of it follows.

    The server's `send` waits only for clients that read slowly: a large body would go out without a
    pause to one that reads fast.
    """
    await send({"type": "http.response.body", "body": chunk, "more_body": more})
    if more:
        await asyncio.sleep(0)


def _chunks(parts: Sequence[bytes]) -> Iterator[bytes]:
    """Join the parts to chunks of at most `SMALL` bytes, each when it is requested; at least one.

    All at once, a large response would hold the event loop for several milliseconds.
    """
    some = bytearray()
    for part in parts:
        some += part
        while len(some) > SMALL:
            yield bytes(some[:SMALL])
            del some[:SMALL]
    yield bytes(some)

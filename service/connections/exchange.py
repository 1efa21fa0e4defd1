"""A request and its answer on a connection, as ASGI has them (HTTP/1.1: RFC 9112)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

from starlette.types import ASGIApp, Message, Scope

log = logging.getLogger("uvicorn.error")

# Bytes of a body that wait for the application while more are received
HIGH_WATER = 1 << 16
# An answer's head is sent together with a first piece of up to so many bytes
_TOGETHER = 1 << 16

_STATUS_LINES = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}".encode() for status in HTTPStatus
}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = (b"connection", b"close")
_CHUNKED = (b"transfer-encoding", b"chunked")
_FAILURE: Message = {
    "type": "http.response.start",
    "status": 500,
    "headers": [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"21"),
        _CLOSE,
    ],
}


class Connection(Protocol):
    """What an exchange takes place on.

    Attributes:
        writing_paused: whether the client has to take what was sent before more is.
    """

    writing_paused: bool

    @property
    def default_headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Those of every answer, before its own."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    async def writable(self) -> None:
        """Return when the client has taken enough of what was sent."""

    def body_taken(self) -> None:
        """The application has taken what waited of the body."""

    def sent(self, *, last: bool) -> None:
        """The answer was sent; the connection ends with it, or not."""

    def answered(self) -> None:
        """The application is done with the request."""

    def end(self) -> None:
        """The application has failed: the connection ends."""


class Exchange:
    """A request and its answer.

    Attributes:
        keep_alive: whether the connection may go on after the answer.
        complete: whether the answer was sent.
        written: whether any of it was.
        full: whether enough of the body waits for the application.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_connection",
        "_disconnected",
        "_expects_continue",
        "_given",
        "_head",
        "_left",
        "_more",
        "_scope",
        "_started",
        "_waiter",
        "complete",
        "keep_alive",
        "written",
    )

    def __init__(
        self, connection: Connection, scope: Scope, *, keep_alive: bool, expects_continue: bool
    ) -> None:
        """Begin with a request's head.

        Args:
            connection: that it came on.
            scope: ASGI's.
            keep_alive: whether the client will go on with the connection.
            expects_continue: whether it waits for leave to send the body (RFC 9110, 10.1.1).
        """
        self.keep_alive = keep_alive
        self.complete = self.written = False
        self._connection = connection
        self._scope = scope
        self._expects_continue = expects_continue
        # What came of the body and was not taken; whether more comes, and whether that was said
        self._body = b""
        self._more, self._given = True, False
        self._waiter: asyncio.Future[None] | None = None
        self._disconnected = self._started = self._chunked = False
        # The answer's head, until it is sent; bytes of its body that are to come
        self._head = b""
        self._left = 0

    # What the connection says

    @property
    def full(self) -> bool:
        """Whether enough of the body waits for the application."""
        return len(self._body) > HIGH_WATER and not self.complete

    def feed(self, data: bytes, *, more: bool) -> None:
        """Take a piece of the body, and whether more comes; once it is answered, none is kept."""
        if self.complete:
            return
        self._body = self._body + data if self._body else data
        self._more = more
        self._wake()

    def disconnect(self) -> None:
        """The client is gone."""
        self._disconnected = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ASGI

    async def run(self, app: ASGIApp) -> None:
        """Have `app` answer."""
        try:
            await app(self._scope, self.receive, self.send)
        except BaseException as e:
            log.error("Exception in ASGI application\n", exc_info=e)
            await self._fail()
            return
        if not (self.complete or self._disconnected):
            log.error("ASGI callable returned without completing response.")
            await self._fail()
            return
        self._connection.answered()

    async def _fail(self) -> None:
        """Answer that nothing comes, where nothing was sent yet; else end in the middle."""
        if self._started:
            self._connection.end()
        else:
            await self.send(_FAILURE)
            await self.send({"type": "http.response.body", "body": b"Internal Server Error"})

    async def receive(self) -> Message:
        """The next piece of the body, or that there is nobody any more."""
        if self._expects_continue:
            self._expects_continue = False
            if not self._started and not self._disconnected:
                self._connection.write(_CONTINUE)
        while not (self._disconnected or self.complete):
            if self._body or not (self._more or self._given):
                body, self._body = self._body, b""
                self._given = not self._more
                if len(body) > HIGH_WATER:
                    self._connection.body_taken()
                return {"type": "http.request", "body": body, "more_body": self._more}
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send the head of the answer, or a piece of its body.

        Raises:
            RuntimeError: where it is neither, or not what the head says.
        """
        if self._connection.writing_paused and not self._disconnected:
            await self._connection.writable()
        if self._disconnected:
            return
        expected = "body" if self._started else "start"
        if message["type"] != f"http.response.{expected}" or self.complete:
            raise RuntimeError(f"{message['type']} is not what comes next in an answer")
        if self._started:
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            self._start(message["status"], message.get("headers", ()))

    def _start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Compose the head, which is sent with the first piece of the body.

        Raises:
            RuntimeError: where a field has a line end in it.
        """
        fields = [*self._connection.default_headers, *headers]
        known = dict(fields)
        if b"close" in known.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            fields.append(_CLOSE)
        if (length := known.get(b"content-length")) is not None:
            self._left = int(length)
        elif self._scope["method"] != "HEAD" and status not in (204, 304):
            self._chunked = True
            fields.append(_CHUNKED)
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status]
        lines += map(b": ".join, fields)
        head = b"\r\n".join(lines)
        ends = len(fields)
        if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
            raise RuntimeError("a header of the answer has a line end in it")
        self._head = head + b"\r\n\r\n"
        self._started = True

    def _send_body(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the body, after the head where that was not sent.

        Raises:
            RuntimeError: where it is longer or shorter than the head says.
        """
        if self._scope["method"] == "HEAD":
            body, self._left = b"", 0
        elif self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                body += b"0\r\n\r\n"
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body of the answer has not its Content-Length")
        head, self._head = self._head, b""
        if head and len(body) <= _TOGETHER:
            head, body = b"", head + body
        for data in (head, body):
            if data:
                self._connection.write(data)
                self.written = True
        if not more:
            self.complete = True
            self._wake()
            self._connection.sent(last=not self.keep_alive)

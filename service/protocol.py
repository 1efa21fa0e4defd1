"""HTTP/1.1 that does not wait for ever for slow clients, and takes leave of the others politely."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sized
from http import HTTPStatus

import httptools
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.problems import MEDIA_TYPE
from service.schemas import Problem
from service.telemetry import REQUEST_ID

# Longest request line and headers together, in bytes: a word of 10,000 letters, percent-encoded,
# still gets an answer of its own.
LONGEST_HEAD = 1 << 17

_CLOSE = (b"connection", b"close")
# Seconds that what a client sends may be on its way as we hang up.
_LAST_CALL = 0.5
# Requests that wait behind another on its connection before nothing more is read of it
_MOST_AHEAD = 16
# What says how long a body is
_FRAMING = (b"content-length", b"transfer-encoding")


def announce_end(server: uvicorn.Server) -> None:
    """Have every answer say from now on that it is the last on its connection (RFC 9112, 9.6)."""
    if _CLOSE not in server.config.encoded_headers:
        server.config.encoded_headers.append(_CLOSE)
        server.server_state.default_headers.append(_CLOSE)


def patient_for(
    *,
    head: float,
    send: float,
    on_refusal: Callable[[HTTPStatus, str], None] = lambda status, request_id: None,
) -> type[HttpToolsProtocol]:
    """Uvicorn's protocol over httptools, with limits for a request's head and for its answer.

    uvicorn itself limits how long a connection may be idle between two requests, and nothing else.
    How long a body may take is the affair of whoever reads it.

    Args:
        head: seconds for the whole of it, from the first of its bytes, or from the connection's
            beginning.
        send: seconds in which a client has to take something of what is sent. Linux alone watches
            over it (RFC 5482; tcp(7), TCP_USER_TIMEOUT).
        on_refusal: is told of every answer that is given here, in place of the application.
    """

    class PatientProtocol(HttpToolsProtocol):
        """httptools, watching the clock."""

        _limit: asyncio.TimerHandle | None = None
        _begun: RequestResponseCycle = None  # type: ignore[assignment]  # as uvicorn has its own
        _in_head = False
        # Bytes that have come since the parser had something to tell
        _silent = 0
        # Nothing of what still comes is a request
        _deaf = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Wait for a first request."""
            super().connection_made(transport)
            self.flow = _Flow(transport, self.pipeline)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                connection = transport.get_extra_info("socket")
                milliseconds = max(1, round(1e3 * send))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            self._watch()

        def data_received(self, data: bytes) -> None:
            """Take bytes; where they do not end a head, it is being waited for."""
            if self._deaf:
                return
            self._silent += len(data)
            try:
                self._feed(memoryview(data))
            except httptools.HttpParserError as e:
                self.send_400_response(str(e))
                return
            if self._silent > LONGEST_HEAD:
                self.send_400_response("too long")
            elif self._in_head and self._limit is None and not self._answering:
                self._watch()

        def _feed(self, data: memoryview) -> None:
            while True:
                try:
                    self.parser.feed_data(data)
                except httptools.HttpParserUpgrade as e:
                    data = data[e.args[0] :]
                    self._decline()
                else:
                    return

        def on_message_begin(self) -> None:
            """A head begins."""
            self._unset_keepalive_if_required()
            super().on_message_begin()
            self._in_head, self._silent = True, 0

        def on_header(self, name: bytes, value: bytes) -> None:
            """Take a header; trailers, which look the same to the parser, are none."""
            if self._in_head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            """A head is read.

            Raises:
                ValueError: where it has no meaning here. Nothing is begun then.
            """
            self._check_head(self.parser.get_http_version())
            super().on_headers_complete()
            self._in_head, self._silent = False, 0
            self._unwatch()

        def _check_head(self, version: str) -> None:
            hosts, size = 0, len(self.url)
            for name, value in self.headers:
                size += len(name) + len(value)
                if name == b"host":
                    hosts += 1
                elif name == b"transfer-encoding" and value.lower() != b"chunked":
                    raise ValueError("of all codings only chunked is undone")  # RFC 9112, 6.1
            if size > LONGEST_HEAD:
                raise ValueError("too long")
            if version == "1.0":
                self.expect_100_continue = False  # RFC 9110, 10.1.1
                hosts = hosts or 1
            if hosts != 1 or version not in ("1.0", "1.1"):
                raise ValueError("a request of HTTP/1.1 names one host")  # RFC 9112, 3.2

        def on_body(self, body: bytes) -> None:
            """Take a piece of a body."""
            self._silent = 0
            super().on_body(body)

        def on_message_complete(self) -> None:
            """A request is read."""
            self._silent = 0
            super().on_message_complete()

        def on_response_complete(self) -> None:
            """What was sent behind a request is the beginning of the next."""
            super().on_response_complete()
            if self._in_head and not self._answering and not self.transport.is_closing():
                self._unset_keepalive_if_required()
                self._watch()

        def shutdown(self) -> None:
            """End with the answer that is due, or with the next, either of which says so.

            uvicorn itself closes an idle connection without a word, and what was sent on it
            meanwhile is lost.
            """
            if self._answering:
                super().shutdown()
            else:
                self.loop.call_later(_LAST_CALL, self._shut)

        def _shut(self) -> None:
            if not self.transport.is_closing():
                super().shutdown()

        def connection_lost(self, exc: Exception | None) -> None:
            """Wait no more, and begin nothing of what was sent behind a request."""
            self._unwatch()
            self.pipeline.clear()
            if self._answering:
                self._drop(self._begun)
            super().connection_lost(exc)

        def _drop(self, cycle: RequestResponseCycle) -> None:
            cycle.disconnected = True
            cycle.message_event.set()

        def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
            self._begun = cycle  # uvicorn keeps the last that came alone
            super()._start_asgi_task(cycle, app)

        def send_400_response(self, msg: str) -> None:
            """Refuse what is no request, once all before it are answered."""
            del msg
            if self._answering and (self._in_head or self.pipeline):
                if not self._in_head:  # it was in the body of the last one, which waits its turn
                    self.pipeline.popleft()
                    self.cycle = self.pipeline[0][0] if self.pipeline else self._begun
                self.cycle.keep_alive = False
                self._deaf = True
                return
            detail = (
                "this is no HTTP/1.1: look at the request line (a known method in capitals; other "
                "characters than ASCII's percent-encoded), at the headers (one Host among them), "
                "and at how long they are"
            )
            self._refuse(HTTPStatus.BAD_REQUEST, "not_http", detail)

        @property
        def _answering(self) -> bool:
            """Whether an answer is due."""
            return self.cycle is not None and not self.cycle.response_complete

        def _decline(self) -> None:
            """Go on in HTTP/1.1 behind a head that offers another protocol (RFC 9110, 7.8).

            The parser takes its task for done there, and the body for the other protocol's: Java's
            client offers HTTP/2 with each of its requests (Kludex/uvicorn#2722). Another parser is
            told how long the body is, and reads on.
            """
            framing = [(name, value) for name, value in self.headers if name in _FRAMING]
            lines = [b"%s: %s\r\n" % header for header in framing]
            self.parser = httptools.HttpRequestParser(_Behind(self))
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
            self.cycle.more_body = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % b"".join(lines))

        def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
            """Answer in place of the application, and hang up."""
            problem = Problem(
                title=status.phrase,
                status=status,
                detail=detail,
                code=code,
                request_id=os.urandom(16).hex(),
            )
            on_refusal(status, problem.request_id)
            body = problem.model_dump_json().encode()
            headers = {
                "Connection": "close",
                "Content-Type": MEDIA_TYPE,
                "Content-Length": str(len(body)),
                "X-Content-Type-Options": "nosniff",
                REQUEST_ID: problem.request_id,
            }
            if self._in_head or (self._answering and not self._begun.response_started):
                lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
                head = f"HTTP/1.1 {status} {status.phrase}\r\n{''.join(lines)}\r\n"
                self.transport.write(head.encode() + body)
            self._leave()

        def _leave(self) -> None:
            """Say no more, and hear what still comes: else what was said may get lost.

            Source: RFC 9112, 9.6.
            """
            self._deaf = True
            self._unwatch()
            if self._answering:
                self._drop(self._begun)
            if not self.transport.is_closing():
                self.transport.write_eof()
                self.loop.call_later(_LAST_CALL, self.transport.close)

        def _watch(self) -> None:
            self._unwatch()
            self._limit = self.loop.call_later(head, self._give_up)

        def _unwatch(self) -> None:
            if self._limit is not None:
                self._limit.cancel()
                self._limit = None

        def _give_up(self) -> None:
            self._limit = None
            if self._in_head:
                detail = f"the request's head did not come within {head:g} s"
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "head_too_slow", detail)
            else:
                self.transport.close()

    return PatientProtocol


class _Flow(FlowControl):
    """Reads no further while so many requests wait for their turn on a connection.

    uvicorn reads on with each answer, and so one segment of a thousand small requests more.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Read on, where not too many wait."""
        if len(self._pipeline) < _MOST_AHEAD:
            super().resume_reading()


class _Behind:
    """What a parser tells to a protocol that knows of its first head already."""

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._known = True
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete

    def on_message_begin(self) -> None:
        if not self._known:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._known:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._known:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._known:
            self._protocol.on_headers_complete()
        self._known = False

"""HTTP/1.1 that does not wait for ever for slow clients, and takes leave of the others politely."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Any, NoReturn, cast

import httptools
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tanger.service.connections.buffers import BuffersFullError
from tanger.service.connections.flow import Flow, KnownHead, LingeringClose
from tanger.service.connections.limits import Connections, SendProgress
from tanger.service.connections.refusals import (
    FIELDS_TOO_LARGE,
    LONGEST_HEAD,
    MAX_FIELDS,
    MAX_FIELDS_SIZE,
    MAX_TARGET,
    NOT_HTTP,
    TARGET_TOO_LONG,
    Refusal,
    too_many_connections,
)

# What connections beyond the limit are answered
PROBES = frozenset({b"/livez", b"/readyz", b"/startupz", b"/health"})

_CLOSE = (b"connection", b"close")
# Seconds that what a client sends may be on its way as we hang up.
_LAST_CALL = 0.5
# struct linger: a reset in place of a close that waits for what is not sent (socket(7))
_DROP_UNSENT = struct.pack("ii", 1, 0)
# Requests that wait for their turn on a connection before nothing more is read of it
_MAX_AHEAD = 8
# Bytes that the parser gets at a time, outside of bodies: it cannot be stopped within them, and a
# request that is read takes far more memory than its bytes
_SLICE = 512
# Bytes that are parsed as soon as they are received; more have to wait for their turn
_PARSED_AT_ONCE = 8192
# Seconds that a connection beyond the limit has for its request
_SURPLUS_TIMEOUT = 1.0
# What says how long a body is
_FRAMING = (b"content-length", b"transfer-encoding")


def announce_end(server: uvicorn.Server) -> None:
    """Have every answer say from now on that it is the last on its connection (RFC 9112, 9.6)."""
    if _CLOSE not in server.config.encoded_headers:
        server.config.encoded_headers.append(_CLOSE)
        server.server_state.default_headers.append(_CLOSE)


class TimeoutProtocol(HttpToolsProtocol):
    """Uvicorn's protocol over httptools, with limits for a request's head and for its answer.

    uvicorn itself limits how long a connection may be idle between two requests, and nothing else.
    How long a body may take is the affair of whoever reads it.

    While a client does not take what it is sent, none of its further requests is begun, and what
    it sends is read no further.

    uvicorn makes one for each connection, of what it is given as `http`:
    ``functools.partial(TimeoutProtocol, connections=...)``.
    """

    _limit: asyncio.TimerHandle | None = None
    _begun: RequestResponseCycle = None  # type: ignore[assignment]  # as uvicorn has its own
    _in_head = False
    # Bytes that have come since the parser had something to tell
    _unparsed = 0
    # Nothing of what still comes is a request
    _closing = False
    # Beyond the limit of connections: for one request, which should be a probe's
    _surplus = False
    # Why the parser was stopped, where it is not the parser's own complaint
    _refusal: Refusal | None = None
    # Bytes of the header fields of a head
    _fields_size = 0
    # Bytes of a body that are to come, as far as its head says
    _body_left = 0
    # Whether a request was sent ahead of the answer before it
    _in_turn = False
    # One that waits for its turn, and until enough of the answers before it is taken
    _postponed: tuple[RequestResponseCycle, ASGI3Application] | None = None

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        """Take what uvicorn gives to each of its protocols, and where ours is registered."""
        super().__init__(config, server_state, app_state, _loop)
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request."""
        super().connection_made(transport)
        # What has been received and not yet parsed: while there is any, nothing is received
        self._unread = memoryview(b"")
        self._held = self._connections.budget.hold()
        self.flow = Flow(transport, self._may_read_on, self._resume)
        self._progress = SendProgress(
            transport, grace=self._connections.send_timeout, rate=self._connections.min_send_rate
        )
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection = transport.get_extra_info("socket")
            milliseconds = max(1, round(1e3 * self._connections.send_timeout))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._surplus = self._connections.add(self)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; where they do not end a head, it is being waited for."""
        if self._closing:
            return
        self._unread = memoryview(data)
        if len(data) > _PARSED_AT_ONCE:
            self.transport.pause_reading()
            self._connections.in_turn(self._parse_rest)
        else:
            self._parse()

    def _parse(self) -> None:
        """Give the parser what has been received, until enough requests wait for their turn."""
        while self._unread and not self.flow.read_paused:
            size = max(_SLICE, self._body_left)
            piece, self._unread = self._unread[:size], self._unread[size:]
            self._unparsed += len(piece)
            try:
                self._feed(piece)
            except httptools.HttpParserError as e:
                self.send_400_response(str(e))
            else:
                self._check_silence()
            if self._closing or self.transport.is_closing():
                self._unread = memoryview(b"")
        if self._unread:
            if self.pipeline:  # a body is the affair of whoever reads it
                self._hold_unread()
            return
        self._held.resize(0)
        if self._in_head and self._limit is None and not self._answering and not self._closing:
            self._watch()

    def _check_silence(self) -> None:
        """Refuse what goes on and on without an end that the parser could tell."""
        if self._in_head and self._unparsed - len(self.url) > MAX_FIELDS_SIZE + _SLICE:
            self._refusal = FIELDS_TOO_LARGE
        elif self._unparsed <= LONGEST_HEAD:
            return
        self.send_400_response("too long")

    def _hold_unread(self) -> None:
        try:
            self._held.resize(len(self._unread))
        except BuffersFullError:
            self._connections.too_much += 1
            self.abort()

    def _may_read_on(self) -> bool:
        """Whether few enough requests wait for their turn.

        uvicorn reads on with each answer, and so one segment of many small requests more.
        """
        return len(self.pipeline) < _MAX_AHEAD

    def _resume(self) -> bool:
        """Go on with what has been received, soon; whether there is any."""
        if self._unread:
            self.loop.call_soon(self._parse_rest)
        return bool(self._unread)

    def _parse_rest(self) -> None:
        if self.transport.is_closing():
            return
        self._parse()
        if not self._unread and not self.flow.read_paused:
            self.transport.resume_reading()

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
        self._in_head, self._unparsed, self._fields_size = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target.

        Raises:
            ValueError: where it is too long.
        """
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self._stop_parser(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers, which look the same to the parser, are none.

        Raises:
            ValueError: where there are too many, or too large ones.
        """
        if self._in_head:
            super().on_header(name, value)
            self._fields_size += len(name) + len(value) + 4  # ": " and the line's end
            if self._fields_size > MAX_FIELDS_SIZE or len(self.headers) > MAX_FIELDS:
                self._stop_parser(FIELDS_TOO_LARGE)

    def _stop_parser(self, refusal: Refusal) -> NoReturn:
        self._refusal = refusal
        raise ValueError(refusal.code)

    def on_headers_complete(self) -> None:
        """A head is read.

        Raises:
            ValueError: where it has no meaning here. Nothing is begun then.
        """
        self._check_head(self.parser.get_http_version())
        if self._surplus and self.url.partition(b"?")[0] not in PROBES:
            self._connections.refused += 1
            self._stop_parser(too_many_connections(self._connections.limit))
        super().on_headers_complete()
        if any(name in _FRAMING for name, _ in self.headers):
            self._linger(self.cycle)
        if self._surplus:
            self.cycle.keep_alive = False
        self._in_head, self._unparsed = False, 0
        self._unwatch()

    def _check_head(self, version: str) -> None:
        hosts, self._body_left = 0, 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                self._body_left = int(value)  # the parser has checked it
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                raise ValueError("of all codings only chunked is undone")  # RFC 9112, 6.1
        if version == "1.0":
            self.expect_100_continue = False  # RFC 9110, 10.1.1
            hosts = hosts or 1
        if hosts != 1 or version not in ("1.0", "1.1"):
            raise ValueError("a request of HTTP/1.1 names one host")  # RFC 9112, 3.2

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._unparsed = 0
        self._body_left = max(0, self._body_left - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is read."""
        self._unparsed = self._body_left = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What was sent behind a request is the beginning of the next."""
        self._in_turn = True
        super().on_response_complete()
        self._in_turn = False
        if self._in_head and not (self._answering or self._closing or self.transport.is_closing()):
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
        """Wait no more, and begin nothing of what was sent after a request."""
        self._unwatch()
        self._connections.remove(self)
        self._unread, self._postponed = memoryview(b""), None
        self._held.resize(0)
        self.pipeline.clear()
        if self._answering:
            self._drop(self._begun)
        super().connection_lost(exc)

    def _drop(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._begun = cycle  # uvicorn keeps the last that came alone
        if self._in_turn:
            self._postponed = (cycle, app)
            self._connections.in_turn(self._begin_postponed)
        else:
            super()._start_asgi_task(cycle, app)

    def _begin_postponed(self) -> None:
        if self._postponed is None or self.flow.write_paused or self.transport.is_closing():
            return
        (cycle, app), self._postponed = self._postponed, None
        super()._start_asgi_task(cycle, app)

    def resume_writing(self) -> None:
        """The client has taken enough: begin the next request, where one waits for that."""
        super().resume_writing()
        if self._postponed is not None:
            self._connections.in_turn(self._begin_postponed)

    def too_slow(self, now: float) -> bool:
        """Whether the client takes too little of what it is sent."""
        return self._progress.too_slow(now)

    def turn_away(self) -> None:
        """Refuse what has not been asked yet, to make room for another connection."""
        self._connections.refused += 1
        if self._answering or self._closing or self.transport.is_closing():  # it ends soon
            self.abort()
        else:
            self._in_head = True  # an answer is the only thing that can be sent here
            self._refuse(too_many_connections(self._connections.limit))
            self.transport.close()

    def abort(self) -> None:
        """End it at once; what is not sent is dropped, by the system, too."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_UNSENT)
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, once all before it are answered."""
        del msg
        if self._answering and (self._in_head or self.pipeline):
            if not self._in_head:  # it was in the body of the last one, which waits its turn
                self.pipeline.popleft()
                self.cycle = self.pipeline[0][0] if self.pipeline else self._begun
            self.cycle.keep_alive = False
            self._linger(self.cycle)
            self._closing = True
            return
        self._refuse(self._refusal or NOT_HTTP)

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
        self.parser = httptools.HttpRequestParser(KnownHead(self))
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.cycle.more_body = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % b"".join(lines))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in place of the application, and hang up."""
        request_id, answer = refusal.render()
        self._connections.on_refusal(refusal.status, request_id)
        if self._in_head or (self._answering and not self._begun.response_started):
            self.transport.write(answer)
        self._leave()

    def _linger(self, cycle: RequestResponseCycle) -> None:
        """Have the connection ended with care, if it ends with the answer to this request."""
        lingering = LingeringClose(self.transport, self._leave_or_close)
        cycle.transport = cast(asyncio.Transport, lingering)

    def _leave_or_close(self) -> None:
        if self._closing or self._begun.more_body or self._unread:
            self._leave()
        else:
            self.transport.close()

    def _leave(self) -> None:
        """Say no more, and hear what still comes: else what was said may get lost.

        Source: RFC 9112, 9.6.
        """
        self._closing = True
        self._unwatch()
        if self._answering:
            self._drop(self._begun)
        if not self.transport.is_closing():
            self._unread = memoryview(b"")
            self.transport.resume_reading()
            self.transport.write_eof()
            self.loop.call_later(_LAST_CALL, self.transport.close)

    def _watch(self) -> None:
        self._unwatch()
        seconds = self._connections.head_timeout
        if self._surplus:
            seconds = min(seconds, _SURPLUS_TIMEOUT)
        self._limit = self.loop.call_later(seconds, self._give_up)

    def _unwatch(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        self._limit = None
        if self._surplus:
            self.turn_away()
        elif self._in_head:
            detail = f"the request's head did not come within {self._connections.head_timeout:g} s"
            self._refuse(Refusal(HTTPStatus.REQUEST_TIMEOUT, "head_too_slow", detail))
        else:
            self.transport.close()

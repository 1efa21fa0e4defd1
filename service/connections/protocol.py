"""HTTP/1.1 connections with time limits for slow clients, flow control and orderly closing.

uvicorn only limits how long a connection may be idle between two requests. This protocol sits
between a connection and uvicorn's own protocol, like a proxy: it forwards one request at a time,
once its head is complete and valid. uvicorn never sees refused, slow or pipelined requests. The two
communicate only by the methods of `asyncio.Protocol` and `asyncio.Transport`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tanger.service.connections.limits import (
    BODY_RECEIVED,
    BuffersFullError,
    Connections,
    SendProgress,
)
from tanger.service.connections.requests import (
    NOT_HTTP,
    Body,
    HeadReader,
    Refusal,
    RefusedError,
    head_too_slow,
    too_many_connections,
)

# Paths that connections beyond the limit may request
PROBES = frozenset({b"/livez", b"/readyz", b"/startupz", b"/health"})

# Key of a request's state for the callback of its connection
_CONNECTION = "tanger.connection"
# Seconds to wait for data in transit when a connection is closed
_LAST_CALL = 0.5
# struct linger: close with a reset, dropping unsent data (socket(7))
_DROP_UNSENT = struct.pack("ii", 1, 0)
# Requests of at most this many bytes are forwarded at once, larger ones in turn. Receiving pauses
# while as many bytes wait for an earlier request.
_AT_ONCE = 8192
# Beginning of an interim response
_CONTINUE = b"HTTP/1.1 100"
# Seconds that a connection beyond the limit has to send its request
_SURPLUS_TIMEOUT = 1.0


class GuardedProtocol(asyncio.Protocol):
    """A connection with limits on request heads, responses and pipelined requests.

    The time for a body is limited by the code that reads it. While a client does not read its
    response, none of its further requests is started, and nothing more is received.

    uvicorn creates one for each connection from its `http` setting:
    ``functools.partial(GuardedProtocol, connections=...)``; the application has to be an
    `AnswerNotice`.

    Attributes:
        ended: whether no further request is accepted.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        """Take uvicorn's arguments of a protocol, and the registry for this connection."""
        # uvicorn passes a copy of it to each request
        self._state = {**app_state, _CONNECTION: self.answered}
        self._server: asyncio.Protocol = HttpToolsProtocol(config, server_state, self._state, _loop)
        self._connections = connections
        # Received bytes that have not been forwarded
        self._unread = bytearray()
        # Of the next request; None until its first bytes arrive
        self._head: HeadReader | None = None
        # Of the request that was forwarded last, while it is incomplete
        self._body: Body | None = None
        # Whether uvicorn is handling a request
        self._answering = False
        # Whether it is beyond the limit, so that it may only send one request, to a probe
        self._surplus = False
        # Whether the next response closes the connection (Connection: close)
        self._last = False
        self.ended = False
        self._queued = self._receiving_paused = self._writing_paused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection and wait for its first request."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._gate = _Gate(self, transport)
        self._held = self._connections.budget.reserve()
        self._progress = SendProgress(
            transport, grace=self._connections.send_timeout, rate=self._connections.min_send_rate
        )
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection = transport.get_extra_info("socket")
            milliseconds = max(1, round(1e3 * self._connections.send_timeout))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._surplus = self._connections.add(self)
        self._server.connection_made(self._gate)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Buffer bytes, and forward complete requests."""
        if self.ended:
            return
        self._unread += data
        if len(self._unread) > _AT_ONCE:
            self._in_turn(large=True)
            self._steer()
        else:
            self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers, and discard requests that have not been started."""
        self._end()
        self._connections.remove(self)
        self._detach(exc)

    def pause_writing(self) -> None:
        """Pause: the client does not read its response."""
        self._writing_paused = True
        self._server.pause_writing()

    def resume_writing(self) -> None:
        """Start the next pipelined request, since the client has read enough."""
        self._writing_paused = False
        self._server.resume_writing()
        if self._unread:
            self._in_turn()

    def answered(self) -> None:
        """Start the next request, since the application has finished the current one."""
        self._answering = False
        if self.ended:
            return
        if self._body is not None:
            self._start_timer()
        if self._unread:
            self._in_turn()

    # Called by `_Gate` for what uvicorn does with the connection

    def closed_by_server(self) -> None:
        """Close the connection after the response that was sent.

        If there was none, since the connection was idle or the service stops, wait a moment for a
        request in transit, which would otherwise be lost without a response.
        """
        if self.ended:
            return
        if self._answering:
            if self._body is not None or self._unread:
                self._linger()
            else:
                self._end()
                self._transport.close()
        elif not self._last:
            self._last = True
            self._loop.call_later(_LAST_CALL, self._close_idle)

    def steered_by_server(self) -> None:
        """Resume or pause receiving."""
        if not self.ended:
            self._steer()
            if self._unread and not self._gate.reading_paused:
                self._in_turn()

    # Receiving

    def _in_turn(self, *, large: bool = False) -> None:
        """Schedule the forwarding of received bytes for this connection's turn."""
        if not self._queued:
            self._queued = True
            self._connections.in_turn(self._take_turn, large=large)

    def _take_turn(self) -> None:
        self._queued = False
        if not self.ended:
            self._advance()

    def _advance(self) -> None:
        """Forward received bytes: the rest of a body, then complete requests, one by one."""
        try:
            while self._unread and not self.ended:
                if self._body is not None:
                    if self._gate.reading_paused:
                        break
                    size = self._body.take(self._unread, 0)
                    if not size:
                        break
                    self._hand_on(size)
                elif self._answering or self._writing_paused or not self._begin():
                    break
            if self._unread or self._held.size:
                # A body is counted by the code that reads it
                self._held.resize(0 if self._body is not None else len(self._unread))
        except RefusedError as e:
            self._refuse(e.refusal)
        except BuffersFullError:
            self._connections.too_much += 1
            self.abort()
        else:
            self._steer()

    def _begin(self) -> bool:
        """Forward the next request if its head is complete; return whether it was.

        Raises:
            RefusedError: if it is not a valid request.
        """
        head = self._head = self._head or HeadReader()
        if not head.read(self._unread):
            if self._timer is None:
                self._start_timer()
            return False
        if self._surplus and head.target.partition(b"?")[0] not in PROBES:
            self._connections.refused += 1
            raise RefusedError(too_many_connections(self._connections.limit))
        self._stop_timer()
        last = self._last or self._surplus
        size = head.rewrite(self._unread, last=last)
        self._head, self._body = None, head.body()
        self._answering, self._gate.written = True, False
        if self._body is not None:
            size = self._body.take(self._unread, size)
        self._state[BODY_RECEIVED] = self._body is None or self._body.complete
        self._hand_on(size)
        return True

    def _hand_on(self, size: int) -> None:
        """Forward the first `size` received bytes to uvicorn, up to the end of a request."""
        if self._body is not None and self._body.complete:
            self._body = None
        piece = bytes(memoryview(self._unread)[:size])
        del self._unread[:size]
        if not self._gate.hand_on(self._server, piece):
            raise RefusedError(NOT_HTTP)

    def _steer(self) -> None:
        """Resume receiving, or pause it while enough bytes are waiting."""
        waits = self._queued or self._answering or self._writing_paused
        enough = self._gate.reading_paused or (waits and len(self._unread) > _AT_ONCE)
        if enough == self._receiving_paused or self._transport.is_closing():
            return
        self._receiving_paused = enough
        if enough:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # Timers

    def _start_timer(self) -> None:
        """Start the timer for a head, or for the rest of an unread body."""
        self._stop_timer()
        seconds = self._connections.head_timeout
        if self._surplus:
            seconds = min(seconds, _SURPLUS_TIMEOUT)
        self._timer = self._loop.call_later(seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._surplus:
            self.turn_away()
        elif self._body is None and self._unread.strip(b"\r\n"):
            self._refuse(head_too_slow(self._connections.head_timeout))
        else:
            self._end()
            self._transport.close()

    def _close_idle(self) -> None:
        if not (self._answering or self.ended or self._unread):
            self._end()
            self._transport.close()

    # Closing

    def too_slow(self, now: float) -> bool:
        """Return whether the client reads its response too slowly."""
        return self._progress.too_slow(now)

    def turn_away(self) -> None:
        """Refuse a connection without a request, to make room for another one."""
        self._connections.refused += 1
        if self._answering or self.ended:  # it ends soon anyway
            self.abort()
        else:
            self._refuse(too_many_connections(self._connections.limit))

    def abort(self) -> None:
        """End the connection at once with a reset; unsent data is dropped."""
        self._end()
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_UNSENT)
        self._transport.abort()

    def _refuse(self, refusal: Refusal) -> None:
        """Respond in place of the application, and close the connection."""
        request_id, answer = refusal.render()
        self._connections.on_refusal(refusal.status, request_id)
        if not (self._answering and self._gate.written):
            self._transport.write(answer)
        self._detach(None)
        self._linger()

    def _detach(self, exc: Exception | None) -> None:
        """Tell uvicorn that its connection is lost, which cancels a pending request."""
        self._gate.detach()
        server, self._server = self._server, asyncio.Protocol()  # a no-op
        server.connection_lost(exc)

    def _linger(self) -> None:
        """Close the sending side and read on for a while, so that no reset destroys the response.

        Source: RFC 9112, 9.6.
        """
        self._end()
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._transport.write_eof()
            self._loop.call_later(_LAST_CALL, self._transport.close)

    def _end(self) -> None:
        """Accept no further request."""
        self.ended = True
        self._stop_timer()
        self._unread, self._head = bytearray(), None
        self._held.resize(0)


class _Gate(asyncio.Transport):
    """The transport that a `GuardedProtocol` gives to uvicorn's protocol.

    Attributes:
        written: whether any part of the current response was written.
        reading_paused: whether uvicorn has paused reading.
    """

    def __init__(self, guard: GuardedProtocol, transport: asyncio.Transport) -> None:
        super().__init__()
        self.written = self.reading_paused = False
        self._guard: GuardedProtocol | None = guard
        self._transport = transport
        self._receiving = self._rejected = False

    def hand_on(self, server: asyncio.Protocol, data: bytes) -> bool:
        """Pass bytes to uvicorn; return False if it rejects them as invalid HTTP.

        A rejection shows as an immediate write, where no other write is possible.
        """
        self._receiving = True
        server.data_received(data)
        self._receiving = False
        return not self._rejected

    def detach(self) -> None:
        """Ignore uvicorn's further calls."""
        self._guard = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a part of a response."""
        if self._receiving:
            self._rejected = True
        elif self._guard is not None:
            self.written = self.written or data[:12] != _CONTINUE
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Return whether the connection is closing."""
        return self._guard is None or self._guard.ended or self._transport.is_closing()

    def close(self) -> None:
        """Close the connection after the response."""
        if self._guard is not None and not self._receiving:
            self._guard.closed_by_server()

    def abort(self) -> None:
        """End the connection at once."""
        if self._guard is not None:
            self._guard.abort()

    def pause_reading(self) -> None:
        """Pause reading a body."""
        self._steer(pause=True)

    def resume_reading(self) -> None:
        """Resume reading a body."""
        self._steer(pause=False)

    def _steer(self, *, pause: bool) -> None:
        self.reading_paused = pause
        if self._guard is not None:
            self._guard.steered_by_server()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information on the underlying transport."""
        return self._transport.get_extra_info(name, default)


class AnswerNotice:
    """ASGI middleware that notifies a request's `GuardedProtocol` when the application returns."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. If the application raises, uvicorn closes the connection."""
        answered: Callable[[], None] | None = scope.get("state", {}).pop(_CONNECTION, None)
        await self.app(scope, receive, send)
        if answered is not None:
            answered()

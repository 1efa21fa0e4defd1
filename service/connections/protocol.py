"""HTTP/1.1 that does not wait for ever for slow clients, and takes leave of the others politely.

uvicorn limits how long a connection may be idle between two requests, and nothing else. What stands
here lies between a connection and uvicorn's own protocol, like a proxy: it hands on one request at
a time, once its head is whole and fit. uvicorn never has to do with what is refused, slow or sent
ahead. Only the methods of `asyncio.Protocol` and `asyncio.Transport` are between the two.
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

# What connections beyond the limit are answered
PROBES = frozenset({b"/livez", b"/readyz", b"/startupz", b"/health"})

# Where a request's state names its connection
_CONNECTION = "tanger.connection"
# Seconds that what a client sends may be on its way as we hang up.
_LAST_CALL = 0.5
# struct linger: a reset in place of a close that waits for what is not sent (socket(7))
_DROP_UNSENT = struct.pack("ii", 1, 0)
# Bytes that are handed on as soon as they are received; more have to wait for their turn. While as
# many wait for their request's turn, nothing more is received.
_AT_ONCE = 8192
# How an interim answer begins
_CONTINUE = b"HTTP/1.1 100"
# Seconds that a connection beyond the limit has for its request
_SURPLUS_TIMEOUT = 1.0


class GuardedProtocol(asyncio.Protocol):
    """A connection with limits for its heads, its answers, and for what is sent ahead.

    How long a body may take is the affair of whoever reads it. While a client does not take what it
    is sent, none of its further requests is begun, and what it sends is read no further.

    uvicorn makes one for each connection, of what it is given as `http`:
    ``functools.partial(GuardedProtocol, connections=...)``; its application has to be an
    `AnswerNotice`.

    Attributes:
        ended: nothing of what still comes is a request.
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
        """Take what uvicorn gives to each of its protocols, and where this one is registered."""
        # uvicorn gives a copy of it to each request
        self._state = {**app_state, _CONNECTION: self.answered}
        self._server: asyncio.Protocol = HttpToolsProtocol(config, server_state, self._state, _loop)
        self._connections = connections
        # What was received and not handed on
        self._unread = bytearray()
        # Of the request that comes next; None until any of it has come
        self._head: HeadReader | None = None
        # Of the request that was handed on last, while it is not complete
        self._body: Body | None = None
        # Whether uvicorn has a request that is not answered
        self._answering = False
        # Beyond the limit of connections: for one request, which should be a probe's
        self._surplus = False
        # The next answer ends the connection, and says so
        self._last = False
        self.ended = False
        self._queued = self._receiving_paused = self._writing_paused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._gate = _Gate(self, transport)
        self._held = self._connections.budget.hold()
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
        """Take bytes, and hand on what is whole of them."""
        if self.ended:
            return
        self._unread += data
        if len(self._unread) > _AT_ONCE:
            self._in_turn()
            self._steer()
        else:
            self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more, and begin nothing of what was sent after a request."""
        self._end()
        self._connections.remove(self)
        self._detach(exc)

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        self._writing_paused = True
        self._server.pause_writing()

    def resume_writing(self) -> None:
        """The client has taken enough: begin the next request, where one waits for that."""
        self._writing_paused = False
        self._server.resume_writing()
        if self._unread:
            self._in_turn()

    def answered(self) -> None:
        """The application is done with the request that it had: the next may come."""
        self._answering = False
        if self.ended:
            return
        if self._body is not None:
            self._start_timer()
        if self._unread:
            self._in_turn()

    # What uvicorn does with the connection, by way of `_Gate`

    def closed_by_server(self) -> None:
        """End with the answer that was given.

        Without one, because it was idle for long or the service stops, a request that is on its way
        is heard: else it would be lost without a word.
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
        """Receive on, or no more."""
        if not self.ended:
            self._steer()
            if self._unread and not self._gate.reading_paused:
                self._in_turn()

    # What comes in

    def _in_turn(self) -> None:
        """Hand on what has been received a little later, when it is this connection's turn."""
        if not self._queued:
            self._queued = True
            self._connections.in_turn(self._take_turn)

    def _take_turn(self) -> None:
        self._queued = False
        if not self.ended:
            self._advance()

    def _advance(self) -> None:
        """Hand on what has been received: the rest of a body, then whole requests, one by one."""
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
                # A body is the affair of whoever reads it
                self._held.resize(0 if self._body is not None else len(self._unread))
        except RefusedError as e:
            self._refuse(e.refusal)
        except BuffersFullError:
            self._connections.too_much += 1
            self.abort()
        else:
            self._steer()

    def _begin(self) -> bool:
        """Hand on the next request, where its head is whole.

        Raises:
            RefusedError: where it is none.
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
        """Give uvicorn so many bytes of what was received, up to the end of a request."""
        if self._body is not None and self._body.complete:
            self._body = None
        piece = bytes(memoryview(self._unread)[:size])
        del self._unread[:size]
        if not self._gate.hand_on(self._server, piece):
            raise RefusedError(NOT_HTTP)

    def _steer(self) -> None:
        """Receive on, unless there is enough that waits."""
        waits = self._queued or self._answering or self._writing_paused
        enough = self._gate.reading_paused or (waits and len(self._unread) > _AT_ONCE)
        if enough == self._receiving_paused or self._transport.is_closing():
            return
        self._receiving_paused = enough
        if enough:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # Time

    def _start_timer(self) -> None:
        """Wait no longer for a head, or for the rest of a body that nobody reads."""
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

    # The end

    def too_slow(self, now: float) -> bool:
        """Whether the client takes too little of what it is sent."""
        return self._progress.too_slow(now)

    def turn_away(self) -> None:
        """Refuse what has not been asked yet, to make room for another connection."""
        self._connections.refused += 1
        if self._answering or self.ended:  # it ends soon
            self.abort()
        else:
            self._refuse(too_many_connections(self._connections.limit))

    def abort(self) -> None:
        """End it at once; what is not sent is dropped, by the system, too."""
        self._end()
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_UNSENT)
        self._transport.abort()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in place of the application, and hang up."""
        request_id, answer = refusal.render()
        self._connections.on_refusal(refusal.status, request_id)
        if not (self._answering and self._gate.written):
            self._transport.write(answer)
        self._detach(None)
        self._linger()

    def _detach(self, exc: Exception | None) -> None:
        """Let uvicorn go: its connection is lost, and a request without its answer, too."""
        self._gate.detach()
        server, self._server = self._server, asyncio.Protocol()  # one that does nothing
        server.connection_lost(exc)

    def _linger(self) -> None:
        """Say no more, and hear what still comes: else what was said may get lost.

        Source: RFC 9112, 9.6.
        """
        self._end()
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._transport.write_eof()
            self._loop.call_later(_LAST_CALL, self._transport.close)

    def _end(self) -> None:
        """Take nothing more for a request."""
        self.ended = True
        self._stop_timer()
        self._unread, self._head = bytearray(), None
        self._held.resize(0)


class _Gate(asyncio.Transport):
    """A connection as uvicorn's protocol has it, which is behind a `GuardedProtocol`.

    Attributes:
        written: whether anything of the present answer was written.
        reading_paused: whether uvicorn wants nothing more of a body for now.
    """

    def __init__(self, guard: GuardedProtocol, transport: asyncio.Transport) -> None:
        super().__init__()
        self.written = self.reading_paused = False
        self._guard: GuardedProtocol | None = guard
        self._transport = transport
        self._receiving = self._rejected = False

    def hand_on(self, server: asyncio.Protocol, data: bytes) -> bool:
        """Give uvicorn bytes; false where it takes them for no HTTP.

        It says so at once, where nothing else would be written.
        """
        self._receiving = True
        server.data_received(data)
        self._receiving = False
        return not self._rejected

    def detach(self) -> None:
        """Nothing that uvicorn does with it counts any more."""
        self._guard = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a part of an answer."""
        if self._receiving:
            self._rejected = True
        elif self._guard is not None:
            self.written = self.written or data[:12] != _CONTINUE
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._guard is None or self._guard.ended or self._transport.is_closing()

    def close(self) -> None:
        """End the connection, when it is time."""
        if self._guard is not None and not self._receiving:
            self._guard.closed_by_server()

    def abort(self) -> None:
        """End it at once."""
        if self._guard is not None:
            self._guard.abort()

    def pause_reading(self) -> None:
        """Take nothing more of a body."""
        self._steer(pause=True)

    def resume_reading(self) -> None:
        """Take more."""
        self._steer(pause=False)

    def _steer(self, *, pause: bool) -> None:
        self.reading_paused = pause
        if self._guard is not None:
            self._guard.steered_by_server()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)


class AnswerNotice:
    """The application, telling a request's `GuardedProtocol` when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Where the application raises, uvicorn ends the connection."""
        answered: Callable[[], None] | None = scope.get("state", {}).pop(_CONNECTION, None)
        await self.app(scope, receive, send)
        if answered is not None:
            answered()

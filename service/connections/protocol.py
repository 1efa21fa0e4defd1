"""HTTP/1.1 that does not wait for ever for slow clients, and takes leave of the others politely.

uvicorn's own protocols limit how long a connection may be idle between two requests, and nothing
else. This one takes their place: uvicorn listens, starts and stops, and makes one for each
connection.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.types import Scope
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from tanger.service.connections.exchange import Exchange
from tanger.service.connections.limits import (
    BODY_RECEIVED,
    BuffersFullError,
    Connections,
    SendProgress,
)
from tanger.service.connections.requests import (
    Body,
    HeadReader,
    Refusal,
    RefusedError,
    head_too_slow,
    too_many_connections,
)

# What connections beyond the limit are answered
PROBES = frozenset({b"/livez", b"/readyz", b"/startupz", b"/health"})

# Seconds that what a client sends may be on its way as we hang up.
_LAST_CALL = 0.5
# struct linger: a reset in place of a close that waits for what is not sent (socket(7))
_DROP_UNSENT = struct.pack("ii", 1, 0)
# Bytes that are handed on as soon as they are received; more have to wait for their turn. While as
# many wait for their request's turn, nothing more is received.
_AT_ONCE = 8192
# Seconds that a connection beyond the limit has for its request
_SURPLUS_TIMEOUT = 1.0


class GuardedProtocol(asyncio.Protocol):
    """A connection with limits for its heads, its answers, and for what is sent ahead.

    How long a body may take is the affair of whoever reads it. Requests are answered one by one:
    while a client does not take what it is sent, none of its further requests is begun, and what
    it sends is read no further.

    uvicorn makes one for each connection, of what it is given as `http`:
    ``functools.partial(GuardedProtocol, connections=...)``.

    Attributes:
        ended: nothing of what still comes is a request.
        writing_paused: whether the client has to take what was sent before more is.
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
        if not config.loaded:
            config.load()
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._connections = connections
        # What was received and not handed on
        self._unread = bytearray()
        # Of the request that comes next; None until any of it has come
        self._head: HeadReader | None = None
        # Of the request that was begun last, while it is not complete
        self._body: Body | None = None
        # The request that is being answered
        self._exchange: Exchange | None = None
        # Beyond the limit of connections: for one request, which should be a probe's
        self._surplus = False
        # The next answer ends the connection, and says so
        self._last = False
        self.ended = self.writing_paused = False
        self._queued = self._receiving_paused = False
        self._writable: asyncio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None
        # When the last answer was sent, and what looks whether that is long ago
        self._idle_since = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None

    @property
    def default_headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Those that the server gives to every answer: the date."""
        return self._server_state.default_headers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held = self._connections.budget.hold()
        self._progress = SendProgress(
            transport, grace=self._connections.send_timeout, rate=self._connections.min_send_rate
        )
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection = transport.get_extra_info("socket")
            milliseconds = max(1, round(1e3 * self._connections.send_timeout))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        # What is the same in each of its requests
        self._scope: Scope = {
            "type": "http",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.3"},
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "scheme": "https" if is_ssl(transport) else "http",
            "root_path": self._config.root_path,
        }
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # it is as one of its own
        self._surplus = self._connections.add(self)
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
        self._detach()

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        self.writing_paused = True
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """The client has taken enough: begin the next request, where one waits for that."""
        self.writing_paused = False
        if self._writable is not None:
            self._writable.set()
        if self._unread:
            self._in_turn()

    def shutdown(self) -> None:
        """End when uvicorn stops: at once, or with the answer that is being given."""
        if self._exchange is None:
            self._close_when_idle()
        else:
            self._exchange.keep_alive = False

    # What an `Exchange` does with the connection

    def write(self, data: bytes) -> None:
        """Send a part of an answer."""
        if not self.ended:
            self._transport.write(data)

    async def writable(self) -> None:
        """Return when the client has taken enough of what was sent."""
        if self._writable is not None:
            await self._writable.wait()

    def body_taken(self) -> None:
        """Hand on more of a body."""
        if not self.ended:
            self._steer()
            if self._unread:
                self._in_turn()

    def sent(self, *, last: bool) -> None:
        """Note that an answer was sent whole; with the last one, the connection ends."""
        self._server_state.total_requests += 1
        if last:
            self.end()

    def end(self) -> None:
        """End with what was sent."""
        if self.ended:
            return
        if self._body is not None or self._unread:
            self._linger()
        else:
            self._end()
            self._transport.close()

    def answered(self) -> None:
        """The application is done with the request that it had: the next may come."""
        self._exchange = None
        if self.ended:
            return
        if self._body is not None:
            self._start_timer()
        if self._unread:
            self._in_turn()
        self._idle_since = self._loop.time()
        if self._idle_timer is None:
            self._idle_timer = self._loop.call_later(
                self._config.timeout_keep_alive, self._check_idle
            )

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
                    if not self._take_body():
                        break
                elif self._exchange is not None or self.writing_paused or not self._begin():
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
        """Begin the next request, where its head is whole.

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
        path, query = head.location()
        self._stop_timer()
        del self._unread[: head.size]
        self._head, body, data = None, head.body(), b""
        if body is not None:
            data = body.take(self._unread)
            if body.complete:
                body = None
        self._body = body
        text = path.decode("ascii")
        scope = {
            **self._scope,
            "http_version": head.version,
            "method": head.method,
            "path": self._config.root_path + (unquote(text) if "%" in text else text),
            "raw_path": self._config.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": head.headers,
            "state": {**self._app_state, BODY_RECEIVED: body is None},
        }
        exchange = self._exchange = Exchange(
            self,
            scope,
            keep_alive=head.keep_alive and not (self._last or self._surplus),
            expects_continue=head.expects_continue,
        )
        exchange.feed(data, more=body is not None)
        task = self._loop.create_task(exchange.run(self._config.loaded_app))
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)
        return True

    def _take_body(self) -> bool:
        """Give the application more of its request's body; whether there was any of it.

        Raises:
            RefusedError: where it is none.
        """
        assert self._body is not None
        if self._exchange is not None and self._exchange.full:
            return False
        before = len(self._unread)
        data = self._body.take(self._unread)
        complete = self._body.complete
        if complete:
            self._body = None
        if self._exchange is not None and (data or complete):
            self._exchange.feed(data, more=not complete)
        return len(self._unread) < before

    def _steer(self) -> None:
        """Receive on, unless there is enough that waits."""
        exchange = self._exchange
        waits = self._queued or exchange is not None or self.writing_paused
        enough = (exchange is not None and exchange.full) or (
            waits and len(self._unread) > _AT_ONCE
        )
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

    def _check_idle(self) -> None:
        """Close the connection if it is idle for long: looked at seldom, for most never are."""
        self._idle_timer = None
        if self.ended or self._exchange is not None:
            return
        left = self._idle_since + self._config.timeout_keep_alive - self._loop.time()
        if left > 0:
            self._idle_timer = self._loop.call_later(left, self._check_idle)
        else:
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        """Close the connection, but hear a request that is on its way.

        It would else be lost without a word.
        """
        if not (self.ended or self._last):
            self._last = True
            self._loop.call_later(_LAST_CALL, self._close_idle)

    def _close_idle(self) -> None:
        if not (self._exchange is not None or self.ended or self._unread):
            self._end()
            self._transport.close()

    # The end

    def too_slow(self, now: float) -> bool:
        """Whether the client takes too little of what it is sent."""
        return self._progress.too_slow(now)

    def turn_away(self) -> None:
        """Refuse what has not been asked yet, to make room for another connection."""
        self._connections.refused += 1
        if self._exchange is not None or self.ended:  # it ends soon
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
        if self._exchange is None or not self._exchange.written:
            self._transport.write(answer)
        self._detach()
        self._linger()

    def _detach(self) -> None:
        """Let uvicorn and the application go: to them the connection is lost."""
        self._server_state.connections.discard(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.disconnect()
        if self._writable is not None:
            self._writable.set()

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
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        self._unread, self._head = bytearray(), None
        self._held.resize(0)

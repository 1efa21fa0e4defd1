"""Limits on connections: their number, how slowly clients read, and the bytes they buffer."""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Protocol, Self

# Open connections beyond the limit, each for a single request, so that probes are answered even if
# all others are in use
RESERVED = 64
# Pipelined or large requests that start in one iteration of the event loop before other
# connections are served
_A_ROUND = 4
# Large ones wait until so many iterations have accepted no connection, but for no more than so many
# in all. libuv accepts few in an iteration (since 1.47), so a short request behind many new
# connections would wait for whatever is read meanwhile.
_QUIET, _PUT_OFF = 3, 100
# Open files other than connections: workers' sockets, lexicons, the log, ...
_OTHER_FILES = 128
# Position of tcpi_bytes_acked, the bytes that the peer has acknowledged, in struct tcp_info of
# linux/tcp.h
_BYTES_ACKED = slice(120, 128)
# Bodies of at most this many bytes are never refused, since the number of connections bounds their
# total. Longer ones are sent in chunks of this size.
SMALL = 1 << 16


# Key of a request's state that tells that the whole body came with the head
BODY_RECEIVED = "tanger.body_received"


class BuffersFullError(Exception):
    """The buffers for large requests and responses are full.

    Attributes:
        limit: size of the buffers in bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"connections hold more than {limit:,} bytes already: try again later, or send and ask "
            "for less at a time"
        )
        self.limit = limit


class ByteBudget:
    """A limit on the bytes of large bodies that are held for all connections together.

    Attributes:
        limit: bytes from which on no further large body is accepted.
        held: bytes held now; may exceed `limit` by the body that was accepted last.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def accepts(self, size: int) -> bool:
        """Return whether a share can grow to `size` bytes."""
        return size <= SMALL or self.held < self.limit

    def reserve(self) -> Reservation:
        """Return a share of the budget, empty at first."""
        return Reservation(self)


class Reservation:
    """One body's share of a `ByteBudget`: released when the ``with`` block is left."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size = 0

    def resize(self, size: int) -> None:
        """Change the share to `size` bytes.

        Raises:
            BuffersFullError: if the share is to grow and is large, and the budget is used up.
        """
        budget = self._budget
        if size > self.size and not budget.accepts(size):
            raise BuffersFullError(budget.limit)
        budget.held += size - self.size
        self.size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.resize(0)


class Connection(Protocol):
    """A connection that is registered with `Connections`."""

    def turn_away(self) -> None:
        """End a connection beyond the limit to make room for a new one."""

    def too_slow(self, now: float) -> bool:
        """Return whether the client reads too slowly, at the time `now`."""

    def abort(self) -> None:
        """End the connection at once; unsent data is dropped."""


@dataclass(eq=False, kw_only=True)
class Connections:
    """The registry of all open connections.

    Attributes:
        limit: how many may be open.
        budget: limit on the bytes that they buffer together.
        head_timeout: seconds within which a request's head has to arrive.
        send_timeout: seconds within which a client has to read some of its response.
        min_send_rate: bytes per second that it has to read on average.
        on_refusal: called with status and request ID of each response that a connection sends in
            place of the application.
        refused: number of connections that were refused because of the limit.
        too_slow: number of connections that were ended because the client read too slowly.
        too_much: number of connections that were ended because the client pipelined too much while
            the budget was used up.
    """

    limit: int
    budget: ByteBudget
    head_timeout: float
    send_timeout: float
    min_send_rate: float
    on_refusal: Callable[[HTTPStatus, str], None]
    refused: int = field(default=0, init=False)
    too_slow: int = field(default=0, init=False)
    too_much: int = field(default=0, init=False)
    _regular: set[Connection] = field(default_factory=set, init=False)
    # In the order of their arrival
    _surplus: dict[Connection, None] = field(default_factory=dict, init=False)
    _turns: deque[Callable[[], None]] = field(default_factory=deque, init=False)
    # Turns that are put off while connections arrive
    _large: deque[Callable[[], None]] = field(default_factory=deque, init=False)
    _taking_turns: bool = field(default=False, init=False)
    # Iterations since the last connection, and since the last round
    _quiet: int = field(default=_QUIET, init=False)
    _put_off: int = field(default=0, init=False)
    _sweeping: asyncio.TimerHandle | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._regular) + len(self._surplus)

    @property
    def held(self) -> int:
        """Return the bytes of large requests and responses that are buffered."""
        return self.budget.held

    def add(self, connection: Connection) -> bool:
        """Register an open connection; return whether it is beyond the limit."""
        self._quiet = 0
        if self._sweeping is None:
            self._schedule()
        if len(self._regular) < self.limit:
            self._regular.add(connection)
            return False
        if len(self._surplus) >= RESERVED:
            # The oldest without a request: probes send theirs at once, so they always get a place
            oldest = next(iter(self._surplus))
            del self._surplus[oldest]
            oldest.turn_away()
        self._surplus[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Unregister a closed connection."""
        self._regular.discard(connection)
        self._surplus.pop(connection, None)

    def in_turn(self, begin: Callable[[], None], *, large: bool = False) -> None:
        """Call `begin`, such as the start of a pipelined request, in a later iteration of the loop.

        Few of these calls are made in each iteration, so that clients that pipeline thousands of
        requests on many connections cannot delay those that send one at a time; `large` ones begin
        when no more connections arrive.
        """
        (self._large if large else self._turns).append(begin)
        if not self._taking_turns:
            self._taking_turns = True
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        self._quiet += 1
        self._put_off += 1
        waits = self._quiet <= _QUIET and self._put_off <= _PUT_OFF
        if not waits:
            self._put_off = 0
        for place in range(_A_ROUND):
            # One of a round at least, so that neither kind keeps the other waiting
            if self._large and not waits and (place == 0 or not self._turns):
                self._large.popleft()()
            elif self._turns:
                self._turns.popleft()()
        self._taking_turns = bool(self._turns or self._large)
        if self._taking_turns:
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(min(1.0, self.send_timeout / 4), self._sweep)

    def _sweep(self) -> None:
        """End the connections whose clients read too slowly."""
        self._sweeping = None
        if not len(self):
            return
        now = time.monotonic()
        for connection in [*self._regular, *self._surplus]:
            if connection.too_slow(now):
                self.too_slow += 1
                connection.abort()
        self._schedule()


class SendProgress:
    """Measure how fast a client reads, as a leaky bucket.

    While the process has unsent data, the client may lag at most `grace` seconds behind a steady
    `rate`; reading faster earns no credit. Only Linux reports the bytes that the peer has
    acknowledged.
    """

    def __init__(self, transport: asyncio.Transport, *, grace: float, rate: float) -> None:
        """Start to watch a transport.

        Args:
            transport: of a TCP connection.
            grace: seconds.
            rate: bytes a second.
        """
        self._transport = transport
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._grace = grace
        self._rate = rate
        # Time and acknowledged bytes of the last check; None while there is no unsent data
        self._last: tuple[float, int] | None = None
        self._lag = 0.0

    def too_slow(self, now: float) -> bool:
        """Return whether it is too slow at `now` (`time.monotonic`); to be called regularly."""
        if not self._transport.get_write_buffer_size():
            self._last = None
            return False
        acknowledged = _acknowledged(self._socket)
        if self._last is None or not acknowledged:
            self._lag = 0.0
        else:
            before, count = self._last
            taken = (acknowledged - count) / self._rate
            self._lag = max(0.0, self._lag + now - before - taken)
        self._last = (now, acknowledged)
        return self._lag > self._grace


def _acknowledged(connection: socket.socket) -> int:
    """Return the bytes that the peer has acknowledged; 0 if unknown."""
    if sys.platform != "linux":
        return 0
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
    except OSError:  # it has been closed
        return 0
    return int.from_bytes(info[_BYTES_ACKED], sys.byteorder)


def within_file_limit(wanted: int) -> int:
    """Return how many of the `wanted` connections fit the limit on open files.

    The soft limit is raised for them as far as the hard limit allows.
    """
    needed = wanted + RESERVED + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - RESERVED - _OTHER_FILES))

"""What open connections may take up: how many there are, how slowly they read, what they hold."""

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

# Connections beyond the limit that may be open at the same time, each for a single request: probes
# are answered there, whatever holds the others.
RESERVED = 64
# Requests sent ahead, or large ones, that are begun in a round of the event loop before others
# are heard
_A_ROUND = 4
# Files that the process has open besides its connections: workers' sockets, lexicons, the log, ...
_OTHER_FILES = 128
# Where Linux keeps how many bytes the other side has acknowledged: tcpi_bytes_acked of struct
# tcp_info in linux/tcp.h
_BYTES_ACKED = slice(120, 128)
# Bodies of at most so many bytes are never refused for want of room: the number of connections
# bounds them. A piece of a longer one is as long.
SMALL = 1 << 16


# Where a request's state says that its whole body came with its head
BODY_RECEIVED = "tanger.body_received"


class BuffersFullError(Exception):
    """More bytes than there is room for are held for clients that take or send them slowly.

    Attributes:
        limit: bytes that there is room for.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"connections hold more than {limit:,} bytes already: try again later, or send and ask "
            "for less at a time"
        )
        self.limit = limit


class ByteBudget:
    """How many bytes of large bodies may be held at the same time, for all connections together.

    Attributes:
        limit: beyond so many, nothing large is begun.
        held: how many are held now; more than `limit` by what was begun last, at the utmost.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def hold(self) -> Hold:
        """A share of the budget, empty at first."""
        return Hold(self)


class Hold:
    """One body's share of a `ByteBudget`: released when the ``with`` block is left."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size = 0

    def resize(self, size: int) -> None:
        """Hold `size` bytes from now on.

        Raises:
            BuffersFullError: where that is more than before, and large, and the budget is spent.
        """
        budget = self._budget
        if size > self.size and size > SMALL and budget.held >= budget.limit:
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
    """What is registered."""

    def turn_away(self) -> None:
        """End a connection beyond the limit, because others come."""

    def too_slow(self, now: float) -> bool:
        """Whether the client takes what it is sent too slowly, at the time `now`."""

    def abort(self) -> None:
        """End it at once; what is not sent is dropped."""


@dataclass(eq=False, kw_only=True)
class Connections:
    """All open connections.

    Attributes:
        limit: how many may be open.
        budget: what they may hold.
        head_timeout: seconds that a request's head may take to come.
        send_timeout: seconds in which a client has to take something of what it is sent.
        min_send_rate: bytes a second that it has to take on average.
        on_refusal: is called with status and request ID of an answer that a connection gives in
            place of the application.
        refused: how many were beyond the limit and were answered so.
        too_slow: how many were ended because their clients took too little.
        too_much: how many were ended because they sent too far ahead, with the budget spent.
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
    # In the order in which they came
    _surplus: dict[Connection, None] = field(default_factory=dict, init=False)
    _turns: deque[Callable[[], None]] = field(default_factory=deque, init=False)
    _taking_turns: bool = field(default=False, init=False)
    _sweeping: asyncio.TimerHandle | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._regular) + len(self._surplus)

    @property
    def held(self) -> int:
        """Bytes of large requests and answers that are held."""
        return self.budget.held

    def add(self, connection: Connection) -> bool:
        """Register an open connection; whether it is beyond the limit."""
        if self._sweeping is None:
            self._schedule()
        if len(self._regular) < self.limit:
            self._regular.add(connection)
            return False
        if len(self._surplus) >= RESERVED:
            # Who came first and has not asked yet: a probe asks at once, and always finds a place
            oldest = next(iter(self._surplus))
            del self._surplus[oldest]
            oldest.turn_away()
        self._surplus[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._regular.discard(connection)
        self._surplus.pop(connection, None)

    def in_turn(self, begin: Callable[[], None]) -> None:
        """Do what takes its time, such as to begin a request that was sent ahead, a little later.

        Few of these are begun in each round of the event loop: who sends thousands ahead on many
        connections must not keep those waiting who ask for one thing at a time.
        """
        self._turns.append(begin)
        if not self._taking_turns:
            self._taking_turns = True
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        for _ in range(min(_A_ROUND, len(self._turns))):
            self._turns.popleft()()
        self._taking_turns = bool(self._turns)
        if self._taking_turns:
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(min(1.0, self.send_timeout / 4), self._sweep)

    def _sweep(self) -> None:
        """End the connections whose clients take too little of what they are sent."""
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
    """How fast a client takes what it is sent: a leaky bucket.

    While anything waits in the process to be sent, the client may lag at most `grace` seconds
    from a steady `rate`; what it took faster before does not count. Only Linux says what the
    other side has acknowledged.
    """

    def __init__(self, transport: asyncio.Transport, *, grace: float, rate: float) -> None:
        """Watch a transport.

        Args:
            transport: of a TCP connection.
            grace: seconds.
            rate: bytes a second.
        """
        self._transport = transport
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._grace = grace
        self._rate = rate
        # When it was looked last, and what had been acknowledged; None while nothing waits
        self._last: tuple[float, int] | None = None
        self._lag = 0.0

    def too_slow(self, now: float) -> bool:
        """Whether it is too slow at the time `now` (`time.monotonic`); asked regularly."""
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
    """Bytes that the other side has acknowledged; 0 where that is not known."""
    if sys.platform != "linux":
        return 0
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
    except OSError:  # it is closed by now
        return 0
    return int.from_bytes(info[_BYTES_ACKED], sys.byteorder)


def within_file_limit(wanted: int) -> int:
    """How many of the `wanted` connections the process may have open, beside its other files.

    The soft limit on open files is raised for them as far as the hard one lets it.
    """
    needed = wanted + RESERVED + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - RESERVED - _OTHER_FILES))

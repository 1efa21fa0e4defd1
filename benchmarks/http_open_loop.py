"""Open-loop load: requests come when they are due, whether or not others were answered by then.

Latency counts from when a request was due: nothing is gained by keeping the next one waiting.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

# Most connections: half of the files that a process may commonly have open.
_MAXIMUM = 512
# The loop's clock goes in milliseconds: half of one more, and it wakes late instead of turning.
_HALF_TICK = 0.0005
# Seconds to wait for the last answers.
PATIENCE = 5.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Answers:
    """What became of the requests.

    Attributes:
        requested: how many were due.
        seconds: over how long.
        latencies: in seconds, of those answered with 2xx.
        refused: how many were answered otherwise.
        lost: how many connections broke.
    """

    requested: int
    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0

    def goodput(self, within: float) -> float:
        """Requests a second that were answered `within` so many seconds."""
        return sum(latency <= within for latency in self.latencies) / self.seconds

    @property
    def unanswered(self) -> int:
        """Not even long after the last one was due."""
        return self.requested - len(self.latencies) - self.refused


def steadily(rate: float, seconds: float) -> list[float]:
    """When requests are due, all at the same distance."""
    return [number / rate for number in range(round(rate * seconds))]


def at_random(rate: float, seconds: float, *, seed: int = 1) -> list[float]:
    """When requests are due that know nothing of each other: a Poisson process."""
    draw = random.Random(seed)
    due, found = draw.expovariate(rate), []
    while due < seconds:
        found.append(due)
        due += draw.expovariate(rate)
    return found


def posts(words: Iterable[str]) -> Iterator[bytes]:
    """A request for each word."""
    for word in words:
        body = json.dumps({"source": "model", "words": [word]}).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        yield f"POST /pronounce HTTP/1.1\r\nHost: bench\r\n{head}\r\n\r\n".encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def connections(rate: float) -> int:
    """Enough to wait for answers of two seconds, few enough for each to be used as often."""
    return min(_MAXIMUM, max(64, round(2 * rate)))


def offer(
    port: int,
    requests: Iterator[bytes],
    due: Sequence[float],
    *,
    seconds: float,
    connections: int,
    connected: Callable[[], None] = lambda: None,
) -> Answers:
    """Send each of the `requests` when it is `due`, on a connection that is free.

    The server has to answer `GET /livez`, too.

    Args:
        port: on the loopback.
        requests: as many as there are dues, or more.
        due: seconds from the start.
        seconds: what the rates are counted over.
        connections: how many there are; what finds none free waits, and its latency grows.
        connected: what to do once there are, before the first request is due.
    """
    answers = Answers(requested=len(due), seconds=seconds)
    gc.collect()
    gc.disable()  # its pauses would be the server's
    try:
        uvloop.run(_offer(port, requests, due, connections, connected, answers))
    finally:
        gc.enable()
    return answers


async def _offer(
    port: int,
    requests: Iterator[bytes],
    due: Sequence[float],
    connections: int,
    connected: Callable[[], None],
    answers: Answers,
) -> None:
    # A server under load takes its time to accept connections: each is used once before it counts
    first = Answers(requested=connections, seconds=1)
    line = _Line(port, connections, first)
    for _ in range(connections):
        await line.open()
    for connection in list(line.free):
        line.free.remove(connection)
        connection.send(get("/livez"), time.monotonic())
    await _last(first)
    line.answers = answers
    connected()
    start = time.monotonic()
    for moment in due:
        left = start + moment - time.monotonic()
        await asyncio.sleep(left + _HALF_TICK if left > 0 else 0)
        line.join(next(requests), start + moment)
    await _last(answers)
    line.close()


async def _last(answers: Answers) -> None:
    """Wait for the last answers, but not for ever."""
    until = time.monotonic() + PATIENCE
    while answers.unanswered and time.monotonic() < until:
        await asyncio.sleep(0.01)


class _Line:
    """Requests that wait for a connection, or connections that wait for a request."""

    def __init__(self, port: int, maximum: int, answers: Answers) -> None:
        self.port = port
        self.maximum = maximum
        self.answers = answers
        self.free: deque[_Connection] = deque()
        self.waiting: deque[tuple[bytes, float]] = deque()
        self.everyone: set[_Connection] = set()
        self.opening: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)

    def join(self, request: bytes, due: float) -> None:
        if self.free:
            # In turns: servers close what is idle for some seconds
            self.free.popleft().send(request, due)
            return
        self.waiting.append((request, due))
        if len(self.everyone) + len(self.opening) < self.maximum:
            task = asyncio.create_task(self.open())
            self.opening.add(task)
            task.add_done_callback(self.opening.discard)

    def take(self, connection: _Connection) -> None:
        """Give a connection its next request, or a rest."""
        if self.waiting:
            connection.send(*self.waiting.popleft())
        else:
            self.free.append(connection)

    def answered(self, connection: _Connection, status: int, due: float) -> None:
        if 200 <= status < 300:
            self.answers.latencies.append(time.monotonic() - due)
        else:
            self.answers.refused += 1
        self.take(connection)

    def left(self, connection: _Connection) -> None:
        """Forget a connection that the server closed."""
        self.everyone.discard(connection)
        if connection in self.free:
            self.free.remove(connection)
        else:
            self.answers.lost += 1

    def close(self) -> None:
        self.waiting.clear()
        everyone, self.everyone = self.everyone, set()
        for connection in everyone:
            connection.close()


class _Connection(asyncio.Protocol):
    """A kept-alive connection with one request on its way at most."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._received = b""
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._line.everyone.add(self)
        self._line.take(self)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if ended and length and len(body) >= int(length[1]):
            self._received = b""
            self._line.answered(self, int(head[9:12]), self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._line.everyone:
            self._line.left(self)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

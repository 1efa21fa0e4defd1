"""Open-loop load: requests are sent on schedule, regardless of earlier responses.

Latency counts from the scheduled time, so that delays of later requests are included.
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

# Most connections: half of the usual limit on open files
_MAXIMUM = 512
# Half of the resolution of the loop's timers, added to each wait, since waking early would spin
_HALF_TICK = 0.0005
# Seconds to wait for the last responses
PATIENCE = 5.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Answers:
    """The outcome of the requests.

    Attributes:
        requested: number of scheduled requests.
        seconds: duration of the schedule.
        latencies: of 2xx responses, in seconds.
        refused: number of other responses.
        lost: number of broken connections.
    """

    requested: int
    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0

    def goodput(self, within: float) -> float:
        """Return the requests per second that were answered within so many seconds."""
        return sum(latency <= within for latency in self.latencies) / self.seconds

    @property
    def unanswered(self) -> int:
        """Return the number of requests without a response, even after `PATIENCE`."""
        return self.requested - len(self.latencies) - self.refused


def steadily(rate: float, seconds: float) -> list[float]:
    """Return the times of a schedule with equal intervals."""
    return [number / rate for number in range(round(rate * seconds))]


def at_random(rate: float, seconds: float, *, seed: int = 1) -> list[float]:
    """Return the times of a schedule of independent requests: a Poisson process."""
    draw = random.Random(seed)
    due, found = draw.expovariate(rate), []
    while due < seconds:
        found.append(due)
        due += draw.expovariate(rate)
    return found


def posts(words: Iterable[str]) -> Iterator[bytes]:
    """Yield a request for each word."""
    for word in words:
        body = json.dumps({"source": "model", "words": [word]}).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        yield f"POST /pronounce HTTP/1.1\r\nHost: bench\r\n{head}\r\n\r\n".encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def connections(rate: float) -> int:
    """Return the number of connections: enough for latencies of two seconds, and all in use."""
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
    """Send each of the `requests` at its scheduled time, on a free connection.

    The server has to support `GET /livez` too.

    Args:
        port: on the loopback.
        requests: at least as many as scheduled times.
        due: scheduled times, in seconds from the start.
        seconds: duration to compute rates from.
        connections: number of connections; waiting for a free one counts as latency.
        connected: called when they are established, before the first scheduled time.
    """
    answers = Answers(requested=len(due), seconds=seconds)
    gc.collect()
    gc.disable()  # its pauses would count as the server's
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
    # A loaded server accepts connections slowly, so each is used once before the measurement
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
    """Wait for the last responses, for a limited time."""
    until = time.monotonic() + PATIENCE
    while answers.unanswered and time.monotonic() < until:
        await asyncio.sleep(0.01)


class _Line:
    """Matches waiting requests with free connections."""

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
            # In rotation, since servers close connections that are idle for some seconds
            self.free.popleft().send(request, due)
            return
        self.waiting.append((request, due))
        if len(self.everyone) + len(self.opening) < self.maximum:
            task = asyncio.create_task(self.open())
            self.opening.add(task)
            task.add_done_callback(self.opening.discard)

    def take(self, connection: _Connection) -> None:
        """Send the next request on a connection, or mark it as free."""
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
        """Remove a connection that the server closed."""
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
    """A persistent connection with at most one request in flight."""

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

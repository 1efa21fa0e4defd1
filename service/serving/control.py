"""What goes between the parent of several HTTP processes and each of them: calls and answers.

Both sides call the other's methods by messages (see `wire.DescriptorChannel`); each `Call` is
answered by a `Return`, but those that need none. The parent has models loaded, checked, switched
and dropped (see `supervisor.HttpClient`); an HTTP process reports faults of workers, and passes on
what has to be done everywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, TypeAlias

import msgspec

from tanger.service.serving.wire import DescriptorChannel, JoinedWorker, read_message

log = logging.getLogger("tanger.control")

# Longest message in bytes: what an artifact's evaluation and its ranking may have
_LONGEST_MESSAGE = 1 << 30


class Load(msgspec.Struct, tag=True):
    """Load a model: what it is made of, as `ModelSource.pack` writes it. Answered by a digest."""

    generation: int
    source: bytes


class Check(msgspec.Struct, tag=True):
    """Wait for the answers to pinned words. Answered by what was wrong with them."""

    generation: int


class Switch(msgspec.Struct, tag=True):
    """Answer with a model from now on."""

    generation: int


class Drop(msgspec.Struct, tag=True):
    """Forget a model."""

    generation: int
    at_once: bool


class RefreshKeys(msgspec.Struct, tag=True):
    """Read the API keys anew. Answered by why those from before stay."""


class Snapshot(msgspec.Struct, tag=True):
    """Tell all metrics. Answered by what `metric_sums.snapshot` returns."""


class Ping(msgspec.Struct, tag=True):
    """Say that the event loop turns."""


class Plan(msgspec.Struct, tag=True):
    """The device of each worker. Not answered."""

    generation: int
    devices: list[str]


class Add(msgspec.Struct, tag=True):
    """A worker, whose connection comes with the message. Not answered."""

    generation: int
    worker: JoinedWorker


class Lost(msgspec.Struct, tag=True):
    """A worker that is lost. Not answered."""

    generation: int
    slot: int
    problem: str
    exhausted: bool


class Attach(msgspec.Struct, tag=True):
    """An HTTP process has loaded its first model: the digest of its dictionaries."""

    revision: str


class ReportFault(msgspec.Struct, tag=True):
    """A worker is of no use. Not answered."""

    generation: int
    slot: int
    problem: str


class Reload(msgspec.Struct, tag=True):
    """Reload everywhere. Answered by name and version of the model."""


class Scrape(msgspec.Struct, tag=True):
    """Answered by the metrics of all processes, as Prometheus reads them."""


ToHttp: TypeAlias = Load | Check | Switch | Drop | RefreshKeys | Snapshot | Ping | Plan | Add | Lost
ToParent: TypeAlias = Attach | ReportFault | Reload | Scrape
Body: TypeAlias = ToHttp | ToParent


class Call(msgspec.Struct, tag=True, array_like=True):
    """A call; number 0 wants no answer."""

    number: int
    body: Body


class Return(msgspec.Struct, tag=True, array_like=True):
    """What a call returned, or the message of the error that it raised."""

    number: int
    result: Any = None
    error: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Call | Return).decode
_decode_call = msgspec.msgpack.Decoder(Call).decode


class CallError(Exception):
    """What the other side raised; its message."""


class PeerGoneError(Exception):
    """The other side has ended before it answered."""


class Peer:
    """The other side of a control connection: takes calls and makes them."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        handle: Callable[[Body, Peer], Awaitable[Any] | None],
        expected: tuple[type[Exception], ...],
        on_end: Callable[[], None],
    ) -> None:
        """Take calls from now on.

        Args:
            connection: to the other side, this one's from now on.
            handle: is given each call, in order, and returns what takes its time.
            expected: errors whose messages are for the caller; others are a fault of ours.
            on_end: is called when the other side ends.
        """
        self._handle = handle
        self._expected = expected
        self._on_end = on_end
        self._numbers = 0
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False
        self._channel = DescriptorChannel(
            connection,
            on_message=self._on_message,
            on_fault=lambda error: self._end(),
            longest=_LONGEST_MESSAGE,
            on_end=self._end,
        )

    async def call(self, body: Body) -> Any:
        """What the other side returns.

        Raises:
            CallError: where it raised.
            PeerGoneError: where it ends before.
        """
        if self._ended:
            raise PeerGoneError
        self._numbers += 1
        number = self._numbers
        self._calls[number] = answer = asyncio.get_running_loop().create_future()
        self._send(Call(number, body))
        try:
            return await answer
        finally:
            del self._calls[number]

    def notify(self, body: Body, descriptor: int | None = None) -> None:
        """Call without waiting for anything.

        Args:
            body: the call.
            descriptor: goes with it, and is closed here.
        """
        self._send(Call(0, body), descriptor)

    def take_descriptor(self) -> int:
        """The descriptor that a call brought, while it is handled."""
        return self._channel.take_descriptor()

    def close(self) -> None:
        """End the connection."""
        for task in self._tasks:
            task.cancel()
        self._channel.close()
        self._fail_calls()

    def _send(self, message: Call | Return, descriptor: int | None = None) -> None:
        with contextlib.suppress(OSError):  # it ends: `_end` will say so
            self._channel.send(_encode(message), descriptor)

    def _on_message(self, message: bytes) -> None:
        try:
            found = _decode(message)
        except ValueError:
            log.exception("a message between our own processes cannot be read")
            self._end()
            return
        if isinstance(found, Return):
            future = self._calls.get(found.number)
            if future is not None and not future.done():
                if found.error is None:
                    future.set_result(found.result)
                else:
                    future.set_exception(CallError(found.error))
            return
        work = self._handle(found.body, self)
        if work is not None:
            task = asyncio.create_task(self._answer(found.number, work), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, work: Awaitable[Any]) -> None:
        try:
            returned = Return(number, await work)
        except self._expected as e:
            returned = Return(number, error=str(e))
        except Exception as e:
            log.exception("a call of another process failed")
            returned = Return(number, error=repr(e))
        if number:
            self._send(returned)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._fail_calls()
            self._on_end()

    def _fail_calls(self) -> None:
        self._ended = True
        for future in self._calls.values():
            if not future.done():
                future.set_exception(PeerGoneError())


def receive_first(connection: socket.socket) -> Body | None:
    """The call that comes before all others, waiting for it; None where the other side ends."""
    message = read_message(connection)
    return None if message is None else _decode_call(message).body

"""Remote procedure calls between the parent and each of several HTTP processes.

Both sides call the other's methods by messages (see `wire.DescriptorChannel`); each `Call` is
answered by a `Return`, unless it needs none. The parent makes HTTP processes load, check, switch
and drop models (see `supervisor.SupervisorClient`). An HTTP process reports faulty workers, and
passes on calls that concern all processes.
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

# Most bytes of a message, the largest being an artifact's evaluation and ranking
_LONGEST_MESSAGE = 1 << 30


class Load(msgspec.Struct, tag=True):
    """Load a model, serialized by `Sources.pack`. Returns the digest of its dictionaries."""

    generation: int
    sources: bytes


class Check(msgspec.Struct, tag=True):
    """Wait for a self-check with the pinned words. Returns what failed, or None."""

    generation: int


class Switch(msgspec.Struct, tag=True):
    """Serve a model from now on."""

    generation: int


class Drop(msgspec.Struct, tag=True):
    """Unload a model."""

    generation: int
    at_once: bool


class RefreshKeys(msgspec.Struct, tag=True):
    """Reload the API keys. Returns why the previous ones stay in use, or None."""


class Snapshot(msgspec.Struct, tag=True):
    """Return all metrics, from `metric_sums.snapshot`."""


class Ping(msgspec.Struct, tag=True):
    """Check that the event loop is running."""


class Plan(msgspec.Struct, tag=True):
    """Set the devices of the planned workers. No return."""

    generation: int
    devices: list[str]


class Add(msgspec.Struct, tag=True):
    """Add a worker; the message carries its connection. No return."""

    generation: int
    worker: JoinedWorker


class Lost(msgspec.Struct, tag=True):
    """Report that a worker is lost. No return."""

    generation: int
    slot: int
    problem: str
    exhausted: bool


class Attach(msgspec.Struct, tag=True):
    """Report the first loaded model of an HTTP process, by the digest of its dictionaries."""

    revision: str


class ReportFault(msgspec.Struct, tag=True):
    """Report a faulty worker. No return."""

    generation: int
    slot: int
    problem: str


class Reload(msgspec.Struct, tag=True):
    """Reload in all processes. Returns name and version of the model."""


class Scrape(msgspec.Struct, tag=True):
    """Return the metrics of all processes in the Prometheus text format."""


ToHttp: TypeAlias = Load | Check | Switch | Drop | RefreshKeys | Snapshot | Ping | Plan | Add | Lost
ToParent: TypeAlias = Attach | ReportFault | Reload | Scrape
Body: TypeAlias = ToHttp | ToParent


class Call(msgspec.Struct, tag=True, array_like=True):
    """A call; number 0 expects no return."""

    number: int
    body: Body


class Return(msgspec.Struct, tag=True, array_like=True):
    """The return value of a call, or the message of the error that it raised."""

    number: int
    result: Any = None
    error: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Call | Return).decode
_decode_call = msgspec.msgpack.Decoder(Call).decode


class CallError(Exception):
    """The call raised on the other side; the message is that of its error."""


class PeerGoneError(Exception):
    """The other side ended before it answered."""


class Peer:
    """The other side of a control connection, with calls in both directions."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        handle: Callable[[Body, Peer], Awaitable[Any] | None],
        expected: tuple[type[Exception], ...],
        on_end: Callable[[], None],
    ) -> None:
        """Take over a connection and start to handle calls.

        Args:
            connection: to the other side.
            handle: called with each call, in order; returns an awaitable if it takes time.
            expected: errors whose messages are returned to the caller; others are internal errors.
            on_end: called when the other side ends.
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
        """Call the other side and return its result.

        Raises:
            CallError: if the call raised.
            PeerGoneError: if the other side ends before it answers.
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
        """Call without waiting for a return.

        Args:
            body: the call.
            descriptor: sent with the call, and closed here.
        """
        self._send(Call(0, body), descriptor)

    def take_descriptor(self) -> int:
        """Return the descriptor of the call that is being handled."""
        return self._channel.take_descriptor()

    def close(self) -> None:
        """Close the connection."""
        for task in self._tasks:
            task.cancel()
        self._channel.close()
        self._fail_calls()

    def _send(self, message: Call | Return, descriptor: int | None = None) -> None:
        with contextlib.suppress(OSError):  # it has ended, which `_end` will handle
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
    """Wait for the first call; return None if the other side ends."""
    message = read_message(connection)
    return None if message is None else _decode_call(message).body

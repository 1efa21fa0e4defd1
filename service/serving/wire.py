"""Messages between the service's processes, over pairs of connected sockets.

Each message is MessagePack with a length prefix. A decoding process has one socket pair with the
process that started it: it sends `Ready` or `NotReady` once it has loaded its artifact (see
`networks`), and then receives a `Connect` for each HTTP process, with one end of another pair. On
that, each `DecodeBatch` is answered by a list of `Answer`, one per word, in order. Decoding
processes render pronunciations as JSON (see `rendering`), so messages contain them as strings.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import msgspec

from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import Failure
from tanger.service.serving.pricing import decode_letters

# Exit status of a process that cannot decode any word any more, such as when out of memory:
# EX_TEMPFAIL of sysexits.h
EXHAUSTED = 75

_LENGTH = struct.Struct(">I")
_PIECE = 1 << 16
# Most descriptors received with one read
_DESCRIPTORS = 16


class DecodeRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, cache_hash=True):
    """A word to decode, and all options that determine its answer.

    Attributes:
        word: in the artifact's graphemes.
        n: most pronunciations.
        alignment: whether to include the letters of each phoneme.
        alphabet: of the phonemes; by default the artifact's own symbols.
        marks: whether to include stress.
        given: pronunciations of the word, with or without stress digits, to align with its letters
            instead of decoding it.
        language: index of its artifact (see `networks`).
    """

    word: str
    n: int = 1
    alignment: bool = False
    alphabet: Alphabet = "native"
    marks: bool = False
    given: tuple[tuple[str, ...], ...] = ()
    language: int = 0

    @property
    def work(self) -> int:
        """Return the work in letters of words decoded for one pronunciation."""
        if self.n == 1 and not self.alignment and not self.given:
            return len(self.word)
        return decode_letters(len(self.word), len(self.given) or self.n, aligned=self.alignment)


class DecodeBatch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Words to be decoded together.

    Attributes:
        requests: one for each word.
        alone: whether it must not be merged with other batches, since a lost worker had it.
    """

    requests: list[DecodeRequest]
    alone: bool = False


# The answer for one word: its pronunciations, rendered by `rendering.pronunciations`, or an error
Answer: TypeAlias = str | Failure


class Ready(msgspec.Struct, tag=True):
    """A decoding process has loaded the artifact and warmed up.

    Attributes:
        device: the device that it decodes on.
        gpus: number of GPUs that it sees.
        engine: its decode engine.
        pace: letters and seconds of warm-up batches.
    """

    device: str
    gpus: int
    engine: str
    pace: list[tuple[int, float]]


class JoinedWorker(msgspec.Struct):
    """A decoding process that is ready.

    Attributes:
        slot: its slot in the `shared_counts`.
        pid: its process ID.
        ready: its readiness message.
    """

    slot: int
    pid: int
    ready: Ready


class NotReady(msgspec.Struct, tag=True):
    """A decoding process cannot start, for a reason."""

    reason: str


class Connect(msgspec.Struct):
    """A new connection for a decoding process; the message carries its descriptor.

    Attributes:
        row: row in the `shared_counts` of the HTTP process at the other end.
    """

    row: int


encode = msgspec.msgpack.Encoder().encode
decode_batch = msgspec.msgpack.Decoder(DecodeBatch).decode
decode_connect = msgspec.msgpack.Decoder(Connect).decode
decode_answers = msgspec.msgpack.Decoder(list[Answer]).decode
decode_readiness = msgspec.msgpack.Decoder(Ready | NotReady).decode


class FrameReader:
    """Splits a byte stream into messages."""

    def __init__(self, longest: int) -> None:
        """Start a stream whose messages have at most `longest` bytes."""
        self._longest = longest
        self._received = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """Add bytes of the stream; return the messages that they complete.

        Raises:
            ValueError: if the next message is too long.
        """
        received = self._received
        received += piece
        messages = []
        start, end = 0, len(received)
        while end - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(received, start)
            if size > self._longest:
                raise ValueError(f"its message has over {self._longest:,} bytes")
            stop = start + _LENGTH.size + size
            if stop > end:
                break
            messages.append(bytes(received[start + _LENGTH.size : stop]))
            start = stop
        del received[:start]
        return messages


def frame(message: bytes) -> bytes:
    """Return a message with its length prefix."""
    return _LENGTH.pack(len(message)) + message


def read_message(connection: socket.socket) -> bytes | None:
    """Read the next message of a blocking connection; return None at its end."""
    head = connection.recv(_LENGTH.size, socket.MSG_WAITALL)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    message = bytearray()
    while len(message) < size:
        piece = connection.recv(min(size - len(message), 1 << 20))
        if not piece:
            return None
        message += piece
    return bytes(message)


class Channel:
    """One end of a socket pair that carries messages in both directions.

    It is used instead of uvloop's transports because these write at the end of a loop iteration and
    read at the start of the next one. With hundreds of concurrent requests, an iteration takes
    longer than the work of the other process.
    """

    def __init__(
        self,
        ours: socket.socket,
        *,
        on_message: Callable[[bytes], None],
        on_fault: Callable[[Exception], None],
        longest: int,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Take over a socket and start to receive.

        Args:
            ours: a connected socket.
            on_message: called with every message.
            on_fault: called with the error that ended the channel.
            longest: most bytes of a message.
            on_end: called when the other side closes its end, which is not an error.
        """
        ours.setblocking(False)
        self._socket = ours
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._on_fault = on_fault
        self._on_end = on_end
        self._frames = FrameReader(longest)
        self._tx_buffer = bytearray()
        self._loop.add_reader(ours, self.receive)

    def send(self, message: bytes) -> None:
        """Send a message, buffering what cannot be sent now.

        Raises:
            OSError: if the other side has closed; the channel is closed then.
        """
        self._tx_buffer += frame(message)
        try:
            self._write()
        except OSError:
            self.close()
            raise

    def receive(self) -> None:
        """Process received messages now, without waiting for the event loop to do it."""
        while self._socket.fileno() >= 0:
            try:
                piece = self._receive_some()
            except BlockingIOError:
                return
            except OSError as e:
                self._fail(e)
                return
            if not piece:
                self._loop.remove_reader(self._socket)
                self._on_end()
                return
            try:
                messages = self._frames.feed(piece)
            except ValueError as e:
                self._fail(e)
                return
            if messages:
                for message in messages:
                    self._on_message(message)
                return

    def close(self) -> None:
        """Close the channel."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _receive_some(self) -> bytes:
        return self._socket.recv(_PIECE)

    def _send_some(self) -> int:
        """Send the beginning of the buffer; return the number of bytes sent."""
        return self._socket.send(self._tx_buffer)

    def _write(self) -> None:
        with suppress(BlockingIOError):
            while self._tx_buffer:
                del self._tx_buffer[: self._send_some()]
        if self._tx_buffer:
            self._loop.add_writer(self._socket, self._write_on)
        else:
            self._loop.remove_writer(self._socket)

    def _write_on(self) -> None:
        try:
            self._write()
        except OSError as e:
            self._fail(e)

    def _fail(self, error: Exception) -> None:
        self.close()
        self._on_fault(error)


class DescriptorChannel(Channel):
    """A channel whose messages may carry a descriptor (SCM_RIGHTS of unix(7))."""

    def __init__(
        self,
        ours: socket.socket,
        *,
        on_message: Callable[[bytes], None],
        on_fault: Callable[[Exception], None],
        longest: int,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Take over a socket, see `Channel`."""
        # Each with the offset of its message in the send buffer
        self._tx_descriptors: list[tuple[int, int]] = []
        self._rx_descriptors: deque[int] = deque()
        super().__init__(
            ours, on_message=on_message, on_fault=on_fault, longest=longest, on_end=on_end
        )

    def send(self, message: bytes, descriptor: int | None = None) -> None:
        """Send a message, with a descriptor that is closed here once it is sent.

        Raises:
            OSError: if the other side has closed; the channel is closed then.
        """
        if descriptor is not None:
            self._tx_descriptors.append((len(self._tx_buffer), descriptor))
        super().send(message)

    def take_descriptor(self) -> int:
        """Return the descriptor of the message being handled; the caller has to close it.

        Raises:
            ValueError: if the message carried none.
        """
        if not self._rx_descriptors:
            raise ValueError("its message lacks a descriptor")
        return self._rx_descriptors.popleft()

    def close(self) -> None:
        """Close the channel."""
        super().close()
        for descriptor in (*self._rx_descriptors, *(fd for _, fd in self._tx_descriptors)):
            os.close(descriptor)
        self._rx_descriptors.clear()
        self._tx_descriptors.clear()

    def _receive_some(self) -> bytes:
        piece, descriptors, _, _ = socket.recv_fds(self._socket, _PIECE, _DESCRIPTORS)
        self._rx_descriptors.extend(descriptors)
        return piece

    def _send_some(self) -> int:
        """Send up to the next message with a descriptor, or that message with its descriptor."""
        waiting = self._tx_descriptors
        if not waiting:
            return super()._send_some()
        place, descriptor = waiting[0]
        if place:
            sent = self._socket.send(self._tx_buffer[:place])
        else:
            end = waiting[1][0] if len(waiting) > 1 else len(self._tx_buffer)
            sent = socket.send_fds(self._socket, [self._tx_buffer[:end]], [descriptor])
            del waiting[0]
            os.close(descriptor)
        self._tx_descriptors = [(place - sent, fd) for place, fd in waiting]
        return sent

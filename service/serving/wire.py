"""What goes between the service's processes: typed messages over pairs of connected sockets.

Each is MessagePack with its length before it. Who starts a decoding process has one pair with it:
the process gets the artifact first (see `artifact.pack`), answers `Ready` or `NotReady`, and from
then on gets a `Connect` for each HTTP process, with the end of a pair of their own. Through that,
each `DecodeBatch` is answered by a list of `Answer`, one a word, in their order. A word's
pronunciations are rendered as JSON where they are decoded (see `rendering`): to the messages they
are text.
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

# Exit status of a process that can decode no more, whatever the word: out of memory, say.
# EX_TEMPFAIL of sysexits.h.
EXHAUSTED = 75

_LENGTH = struct.Struct(">I")
_PIECE = 1 << 16
# Descriptors that may come with one piece
_DESCRIPTORS = 16


class DecodeRequest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that decides what is answered.

    Attributes:
        word: in the artifact's graphemes.
        n: the most answers.
        alignment: with the letters of each phoneme.
        alphabet: that phonemes are written in; by default in the artifact's own symbols.
        marks: with stress.
        given: pronunciations of the word, with stress digits or without, that are aligned with its
            letters instead of what the network would answer.
    """

    word: str
    n: int = 1
    alignment: bool = False
    alphabet: Alphabet = "native"
    marks: bool = False
    given: tuple[tuple[str, ...], ...] = ()

    @property
    def work(self) -> int:
        """How much there is to do: in letters of a word that is decoded for one answer."""
        return decode_letters(len(self.word), len(self.given) or self.n, aligned=self.alignment)


class DecodeBatch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Words to be decoded together.

    Attributes:
        requests: for each word one.
        alone: not with words of other batches: a lost worker held them.
    """

    requests: list[DecodeRequest]
    alone: bool = False


# What is answered to one word: its pronunciations as `rendering.pronunciations` has them.
Answer: TypeAlias = str | Failure


class Ready(msgspec.Struct, tag=True):
    """What a process says when it has loaded and warmed up.

    Attributes:
        device: that it decodes on.
        gpus: how many it sees.
        engine: what it decodes with.
        pace: letters and seconds of batches that it decoded to warm up.
    """

    device: str
    gpus: int
    engine: str
    pace: list[tuple[int, float]]


class JoinedWorker(msgspec.Struct):
    """A decoding process that is ready.

    Attributes:
        slot: its place in the `shared_counts`.
        pid: its process ID.
        ready: what it said.
    """

    slot: int
    pid: int
    ready: Ready


class NotReady(msgspec.Struct, tag=True):
    """Why a process will never be ready."""

    reason: str


class Connect(msgspec.Struct):
    """A connection for a decoding process, whose descriptor comes with the message.

    Attributes:
        row: of the HTTP process at its other end, in the `shared_counts`.
    """

    row: int


encode = msgspec.msgpack.Encoder().encode
decode_batch = msgspec.msgpack.Decoder(DecodeBatch).decode
decode_connect = msgspec.msgpack.Decoder(Connect).decode
decode_answers = msgspec.msgpack.Decoder(list[Answer]).decode
decode_readiness = msgspec.msgpack.Decoder(Ready | NotReady).decode


class FrameReader:
    """Takes whole messages out of the bytes of a stream."""

    def __init__(self, longest: int) -> None:
        """Begin a stream whose messages have at most `longest` bytes."""
        self._longest = longest
        self._received = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """The messages that are whole with the next piece of the stream.

        Raises:
            ValueError: where the next one is too long.
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
    """A message as it goes through a stream."""
    return _LENGTH.pack(len(message)) + message


def read_message(connection: socket.socket) -> bytes | None:
    """The next message of a connection that blocks, waiting for it; None at its end."""
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
    """Our end of a pair of connected sockets, through which messages go there and back.

    uvloop's transports write when a turn of the loop ends, and read when the next one begins. Where
    hundreds of requests come at the same time, a turn takes longer than what the other process has
    to do.
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
        """Listen on a socket, which is this one's from now on.

        Args:
            ours: connected.
            on_message: gets every message that comes.
            on_fault: gets the error that ends all.
            longest: most bytes of a message.
            on_end: is called when the other side ends, which is no fault.
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
        """Send a message: now, or what does not go now as soon as it can.

        Raises:
            OSError: where nobody listens any more; all is ended then.
        """
        self._tx_buffer += frame(message)
        try:
            self._write()
        except OSError:
            self.close()
            raise

    def receive(self) -> None:
        """Take what has come, which the loop sees to by itself; now, where there is no time."""
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
        """Neither send nor listen any more."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _receive_some(self) -> bytes:
        return self._socket.recv(_PIECE)

    def _send_some(self) -> int:
        """Send the beginning of what waits to be sent; how many bytes of it."""
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
    """A channel whose messages may bring a descriptor with them (SCM_RIGHTS of unix(7))."""

    def __init__(
        self,
        ours: socket.socket,
        *,
        on_message: Callable[[bytes], None],
        on_fault: Callable[[Exception], None],
        longest: int,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Listen on a socket, as `Channel`."""
        # Each with the place in what waits to be sent where its message begins
        self._tx_descriptors: list[tuple[int, int]] = []
        self._rx_descriptors: deque[int] = deque()
        super().__init__(
            ours, on_message=on_message, on_fault=on_fault, longest=longest, on_end=on_end
        )

    def send(self, message: bytes, descriptor: int | None = None) -> None:
        """Send a message, and with it a descriptor, which is closed here once it is sent.

        Raises:
            OSError: where nobody listens any more; all is ended then.
        """
        if descriptor is not None:
            self._tx_descriptors.append((len(self._tx_buffer), descriptor))
        super().send(message)

    def take_descriptor(self) -> int:
        """The descriptor that a message brought, while that is handled; the caller closes it.

        Raises:
            ValueError: where it brought none.
        """
        if not self._rx_descriptors:
            raise ValueError("its message lacks a descriptor")
        return self._rx_descriptors.popleft()

    def close(self) -> None:
        """Neither send nor listen any more."""
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
        """Send up to the next message with a descriptor, or that message and its descriptor."""
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

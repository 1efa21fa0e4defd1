"""What goes between the service and its decoding processes: typed messages over a pair of sockets.

Each is MessagePack with its length before it. A process gets the artifact first (see
`artifact.pack`), and answers `Ready` or `NotReady`; from then on, each batch of `DecodeRequest` is
answered by a list of `Answer`, one a word, in their order. A word's pronunciations are rendered as
JSON where they are decoded (see `rendering`): to the messages they are text.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, TypeAlias

import msgspec

from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import Failure
from tanger.service.serving.pricing import decode_letters

# Exit status of a process that can decode no more, whatever the word: out of memory, say.
# EX_TEMPFAIL of sysexits.h.
EXHAUSTED = 75

_LENGTH = struct.Struct(">I")
_PIECE = 1 << 16


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


class NotReady(msgspec.Struct, tag=True):
    """Why a process will never be ready."""

    reason: str


encode = msgspec.msgpack.Encoder().encode
decode_requests = msgspec.msgpack.Decoder(list[DecodeRequest]).decode
decode_answers = msgspec.msgpack.Decoder(list[Answer]).decode
decode_readiness = msgspec.msgpack.Decoder(Ready | NotReady).decode


def read_message(stream: BinaryIO) -> bytes | None:
    """The next message of a stream, waiting for it; None at its end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    message = stream.read(size)
    return message if len(message) == size else None


def write_message(stream: BinaryIO, message: bytes) -> None:
    """Send a message by a stream."""
    stream.write(_LENGTH.pack(len(message)) + message)
    stream.flush()


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
    ) -> None:
        """Listen on a socket, which is this one's from now on.

        Args:
            ours: connected.
            on_message: gets every message that comes.
            on_fault: gets the error that ends all.
            longest: most bytes of a message.
        """
        ours.setblocking(False)
        self._socket = ours
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._on_fault = on_fault
        self._longest = longest
        self._rx_buffer = bytearray()
        self._tx_buffer = bytearray()
        self._loop.add_reader(ours, self.receive)

    def send(self, message: bytes) -> None:
        """Send a message: now, or what does not go now as soon as it can.

        Raises:
            OSError: where nobody listens any more; all is ended then.
        """
        self._tx_buffer += _LENGTH.pack(len(message)) + message
        try:
            self._write()
        except OSError:
            self.close()
            raise

    def receive(self) -> None:
        """Take what has come, which the loop sees to by itself; now, where there is no time.

        Where the other side ends, nobody is told: that is no fault, and it has nothing to say.
        """
        while True:
            try:
                piece = self._socket.recv(_PIECE)
            except BlockingIOError:
                return
            except OSError as e:
                self._fail(e)
                return
            if not piece:
                self._loop.remove_reader(self._socket)
                return
            self._rx_buffer += piece
            try:
                messages = self._whole_messages()
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

    def _whole_messages(self) -> list[bytes]:
        """Those that have come, taken out of what was received.

        Raises:
            ValueError: where the next one is too long.
        """
        messages = []
        start, received = 0, len(self._rx_buffer)
        while received - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._rx_buffer, start)
            if size > self._longest:
                raise ValueError(f"its message has over {self._longest:,} bytes")
            end = start + _LENGTH.size + size
            if end > received:
                break
            messages.append(bytes(self._rx_buffer[start + _LENGTH.size : end]))
            start = end
        del self._rx_buffer[:start]
        return messages

    def _write(self) -> None:
        with suppress(BlockingIOError):
            del self._tx_buffer[: self._socket.send(self._tx_buffer)]
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

"""Lines to another process and back, without waiting for the event loop to come round."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

_PIECE = 1 << 16


class Channel:
    """Our end of a pair of connected sockets, through which lines go there and back.

    uvloop's transports write when a turn of the loop ends, and read when the next one begins. Where
    hundreds ask at the same time, a turn takes longer than what the other process has to do.
    """

    def __init__(
        self,
        ours: socket.socket,
        *,
        on_line: Callable[[bytes], None],
        on_fault: Callable[[Exception], None],
        maximum: int,
    ) -> None:
        """Listen on a socket, which is this one's from now on.

        Args:
            ours: connected.
            on_line: gets every line that comes, without its end.
            on_fault: gets the error that ends all.
            maximum: bytes in a line.
        """
        ours.setblocking(False)
        self._socket = ours
        self._loop = asyncio.get_running_loop()
        self._on_line = on_line
        self._on_fault = on_fault
        self._maximum = maximum
        self._rx_buffer = bytearray()
        self._tx_buffer = b""
        self._loop.add_reader(ours, self.receive)

    def send(self, line: bytes) -> None:
        """Send a line: now, or what does not go now as soon as it can.

        Raises:
            OSError: where nobody listens any more; all is ended then.
        """
        self._tx_buffer += line + b"\n"
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
            *lines, rest = piece.split(b"\n")
            if lines:
                lines[0] = bytes(self._rx_buffer) + lines[0]
                self._rx_buffer = bytearray(rest)
                for line in lines:
                    self._on_line(line)
                return
            self._rx_buffer += piece
            if len(self._rx_buffer) > self._maximum:
                self._fail(ValueError(f"its line has over {self._maximum:,} bytes"))
                return

    def close(self) -> None:
        """Neither send nor listen any more."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _write(self) -> None:
        with suppress(BlockingIOError):
            self._tx_buffer = self._tx_buffer[self._socket.send(self._tx_buffer) :]
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

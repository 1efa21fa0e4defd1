"""Lines to another process and back, without waiting for the event loop to come round."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

_PIECE = 1 << 16


class Channel:
    """Our end of a pair of connected sockets, through which lines go there and back in turns.

    uvloop's transports write when a turn of the loop ends, and read when the next one begins. Where
    hundreds ask at the same time, a turn takes longer than what the other process has to do.
    """

    def __init__(
        self,
        ours: socket.socket,
        *,
        on_line: Callable[[bytes], None],
        on_fault: Callable[[Exception], None],
        most: int,
    ) -> None:
        """Listen on a socket, which is this one's from now on.

        Args:
            ours: connected.
            on_line: gets every line that comes, without its end.
            on_fault: gets the error that ends all.
            most: bytes in a line.
        """
        ours.setblocking(False)
        self._socket = ours
        self._loop = asyncio.get_running_loop()
        self._on_line = on_line
        self._on_fault = on_fault
        self._most = most
        self._coming = bytearray()
        self._going = b""
        self._loop.add_reader(ours, self.receive)

    def send(self, line: bytes) -> None:
        """Send a line: now, or what does not go now as soon as it can."""
        self._going += line + b"\n"
        self._write()

    def receive(self) -> None:
        """Take what has come, which the loop sees to by itself; now, where there is no time."""
        try:
            while piece := self._socket.recv(_PIECE):
                self._coming += piece
                if piece.endswith(b"\n"):
                    line, self._coming = bytes(self._coming[:-1]), bytearray()
                    self._on_line(line)
                    return
                if len(self._coming) > self._most:
                    self._fail(ValueError(f"its line has over {self._most:,} bytes"))
                    return
        except BlockingIOError:
            return
        except OSError as e:
            self._fail(e)
        else:  # whoever spoke has ended, or is about to
            self._loop.remove_reader(self._socket)

    def close(self) -> None:
        """Neither send nor listen any more."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _write(self) -> None:
        try:
            self._going = self._going[self._socket.send(self._going) :]
        except BlockingIOError:
            pass
        except OSError as e:
            self._fail(e)
            return
        if self._going:
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _fail(self, error: Exception) -> None:
        self.close()
        self._on_fault(error)

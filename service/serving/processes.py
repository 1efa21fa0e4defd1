"""Processes of the service's own: started with a socket to their parent, ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import signal
import socket
import sys
from collections.abc import Collection, Mapping

log = logging.getLogger("tanger.processes")

# PR_SET_PDEATHSIG of prctl(2)
_PARENT_DEATH_SIGNAL = 1
# Seconds for which one that was killed is waited for: what a driver holds may stay for ever.
_KILL_TIMEOUT = 5.0


class StartError(Exception):
    """No process can be made: no memory, no process or no file is left, for now perhaps."""


class Process:
    """A running process, and the socket to it, which is its stdin.

    Attributes:
        control: our end of the socket.
        exited: is done once it has ended.
    """

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.control = control
        self.exited = asyncio.ensure_future(process.wait())
        self._process = process

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def kill(self) -> None:
        """End it, whatever it is doing, and wait until it has ended."""
        self.send_signal(signal.SIGKILL)
        ended, _ = await asyncio.wait({self.exited}, timeout=_KILL_TIMEOUT)
        if not ended:
            log.error("process %d does not end although it was killed", self.pid)


async def start(
    module: str,
    *arguments: object,
    descriptors: Collection[int],
    environment: Mapping[str, str],
) -> Process:
    """Start a module of the service as a process.

    Args:
        module: its name.
        arguments: of its command line.
        descriptors: that it inherits, beside stderr.
        environment: its variables.

    Raises:
        StartError: where there can be none.
    """
    with contextlib.ExitStack() as ends:
        try:
            ours, theirs = map(ends.enter_context, socket.socketpair())
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", module),
                *map(str, arguments),
                stdin=theirs.fileno(),
                stdout=2,  # whatever a library prints is none of our messages
                pass_fds=tuple(descriptors),
                env=environment,
                # Ctrl-C in a terminal is for the service, which then stops its processes in order
                start_new_session=True,
            )
        except OSError as e:
            raise StartError(f"no process can be made: {e}") from e
        theirs.close()  # else nobody would notice that the process has closed its own
        ends.pop_all()
    return Process(process, ours)


def end_with_parent() -> None:
    """Have the system kill this process once its parent is dead, whatever either was doing.

    Elsewhere than on Linux the end of stdin has to do.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)

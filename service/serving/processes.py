"""Child processes of the service, with a socket to the parent; they end with the parent."""

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
# Seconds to wait for a killed process, which a device driver may keep alive for ever
_KILL_TIMEOUT = 5.0


class StartError(Exception):
    """No process can be started, perhaps temporarily: out of memory, processes or files."""


class Process:
    """A child process, and the socket to it, which is its stdin.

    Attributes:
        control: the parent's end of the socket.
        exited: a future that is done once it has ended.
    """

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.control = control
        self.exited = asyncio.ensure_future(process.wait())
        self._process = process

    @property
    def pid(self) -> int:
        """Return its process ID."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Return its exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def kill(self) -> None:
        """Kill it and wait until it has ended."""
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
        module: name of the module.
        arguments: command line arguments.
        descriptors: descriptors to inherit in addition to stderr.
        environment: environment variables.

    Raises:
        StartError: if it cannot be started.
    """
    with contextlib.ExitStack() as ends:
        try:
            ours, theirs = map(ends.enter_context, socket.socketpair())
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", module),
                *map(str, arguments),
                stdin=theirs.fileno(),
                stdout=2,  # output of libraries must not mix with messages
                pass_fds=tuple(descriptors),
                env=environment,
                # Ctrl-C in a terminal only reaches the parent, which then stops its processes
                start_new_session=True,
            )
        except OSError as e:
            raise StartError(f"no process can be made: {e}") from e
        theirs.close()  # so that the end of the process shows as end of file
        ends.pop_all()
    return Process(process, ours)


def end_with_parent() -> None:
    """Make Linux kill this process when its parent dies.

    On other systems, a process only ends when it reads the end of stdin.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)

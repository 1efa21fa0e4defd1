"""Child processes of the service, with a socket to the parent; they end with the parent."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

log = logging.getLogger("tanger.processes")

# PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER of prctl(2)
_PARENT_DEATH_SIGNAL = 1
_CHILD_SUBREAPER = 36
# M_MMAP_THRESHOLD of mallopt(3), and its value: bytes
_MMAP_THRESHOLD = -3
_LARGE_BLOCK = 1 << 20
# Seconds to wait for a killed process, which a device driver may keep alive for ever
_KILL_TIMEOUT = 5.0
# Seconds of uptime after which a process is restarted with the shortest pause again
_SETTLED = 60.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class RestartPauses:
    """Seconds to wait before a process is started again: twice as long each time, up to a limit."""

    def __init__(self) -> None:
        """Begin with the shortest pause."""
        self._next = _FIRST_PAUSE

    def ran(self, uptime: float) -> None:
        """Begin again with the shortest pause if the process has run for long."""
        if uptime > _SETTLED:
            self._next = _FIRST_PAUSE

    def next(self) -> float:
        """Return the pause before the next start."""
        pause, self._next = self._next, min(2 * self._next, _LONGEST_PAUSE)
        return pause


class StartError(Exception):
    """No process can be started, perhaps temporarily: out of memory, processes or files."""


class Process:
    """A child process, and the socket to it, which is its stdin.

    Attributes:
        pid: its process ID.
        control: the parent's end of the socket.
        exited: a future of its exit status, negative for a signal.
    """

    def __init__(
        self,
        pid: int,
        control: socket.socket,
        exited: asyncio.Future[int],
        send: Callable[[int], None],
    ) -> None:
        """Watch a process.

        Args:
            pid: its process ID.
            control: the parent's end of the socket.
            exited: a future of its exit status.
            send: sends it a signal, unless it has ended.
        """
        self.pid = pid
        self.control = control
        self.exited = exited
        self._send = send

    @property
    def status(self) -> int | None:
        """Return its exit status, negative for a signal; None while it runs."""
        return self.exited.result() if self.exited.done() else None

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._send(number)

    async def kill(self) -> None:
        """Kill it and wait until it has ended."""
        self.send_signal(signal.SIGKILL)
        ended, _ = await asyncio.wait({self.exited}, timeout=_KILL_TIMEOUT)
        if not ended:
            log.error("process %d does not end although it was killed", self.pid)


class Start(Protocol):
    """A way to start a module of the service as a process."""

    def __call__(
        self,
        module: str,
        *arguments: object,
        descriptors: Collection[int],
        environment: Mapping[str, str],
    ) -> Awaitable[Process]:
        """Start a process, see `start`."""


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
    return Process(process.pid, ours, asyncio.ensure_future(process.wait()), process.send_signal)


def adopted(pid: int, control: socket.socket) -> Process:
    """Return a child that another process has forked for this one (see `fork_server`).

    Raises:
        StartError: if it cannot be watched; it is killed.
    """
    loop = asyncio.get_running_loop()
    exited: asyncio.Future[int] = loop.create_future()
    try:
        descriptor = os.pidfd_open(pid)
    except OSError as e:  # too many open files
        control.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise StartError(f"process {pid} cannot be watched: {e}") from e

    def end() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        exited.set_result(os.waitstatus_to_exitcode(status))

    def send(number: int) -> None:
        if not exited.done():
            os.kill(pid, number)

    loop.add_reader(descriptor, end)
    return Process(pid, control, exited, send)


def name(shown: str) -> None:
    """Set the name by which the system shows this process, of 15 characters at most."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(shown)


def adopt_orphans() -> None:
    """Make this process the parent of its descendants whose own parent ends."""
    ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1)


def release_memory() -> None:
    """Return freed memory to the system, where the C library can.

    By itself it does so only with what lies at the end of its heap.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def map_large_blocks() -> None:
    """Make the C library return blocks of a megabyte or more to the system once they are freed.

    glibc does so only until one was freed, and keeps later ones of that size in its heap. The
    tables of a full cache are replaced by new ones now and then, each of which could leave a hole
    of megabytes there.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)


def end_with_parent() -> None:
    """Make Linux kill this process when its parent dies.

    On other systems, a process only ends when it reads the end of stdin.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)

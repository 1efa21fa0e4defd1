"""A fork server: a process that has imported what others need, and starts these by forking itself.

They share its memory until they write to it, and start at once. The server is forked off before
its parent has a second thread, and has none itself. The processes that it starts are children of
its parent, not its own: it forks twice, and the system gives the orphans to the parent, which is
their subreaper (prctl(2)). So the parent waits for them as for any child, and they outlive the
server. Linux only; elsewhere, and once the server has ended, `processes.start` does its work.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import logging
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from tanger.service.serving import processes, wire
from tanger.service.serving.processes import Process, StartError

log = logging.getLogger("tanger.processes")

# Process ID, or an error number below zero
_REPLY = struct.Struct(">q")
# Most bytes of a request, most of which are the environment
_LONGEST_REQUEST = 1 << 26
_PIECE = 1 << 16
# Most descriptors that a process inherits
_DESCRIPTORS = 250
# Seconds within which the server has to fork
_PATIENCE = 10.0
# Seconds between two checks of an orphan whether it has a new parent
_ADOPTION_CHECK = 0.0005


class _Start(msgspec.Struct):
    """A request to start a process; its descriptors are sent along, that of stdin first."""

    module: str
    arguments: list[str]
    descriptors: list[int]
    environment: dict[str, str]


class ForkServer:
    """The connection to a fork server."""

    def __init__(self, connection: socket.socket, shared: object) -> None:
        connection.settimeout(_PATIENCE)
        self._connection: socket.socket | None = connection
        self._shared = shared  # to free it here would copy its memory first

    @classmethod
    def launch(cls, modules: Sequence[str], shared: object = None) -> ForkServer | None:
        """Fork the server off this process; return None if it cannot be.

        It returns in this process only. In those that the server starts, it exits with the status
        that the ``main`` of their module returns.

        Args:
            modules: imported first.
            shared: kept in the memory of the processes.
        """
        for module in modules:
            importlib.import_module(module)
        if not _may_fork():
            return None
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        processes.adopt_orphans()
        # What is garbage now would never be freed; and the collector writes to what it visits,
        # which would copy it for each process
        gc.collect()
        gc.freeze()
        if os.fork() == 0:
            ours.close()
            sys.exit(_serve(theirs, parent))
        theirs.close()
        return cls(ours, shared)

    async def start(
        self,
        module: str,
        *arguments: object,
        descriptors: Collection[int],
        environment: Mapping[str, str],
    ) -> Process:
        """Start a module of the service as a process, see `processes.start`.

        Raises:
            StartError: if it cannot be started.
        """
        wanted = _Start(module, list(map(str, arguments)), list(descriptors), dict(environment))
        if (found := self._fork(wanted)) is None:
            return await processes.start(
                module, *arguments, descriptors=descriptors, environment=environment
            )
        return found

    def _fork(self, wanted: _Start) -> Process | None:
        """Start a process; return None if the server has ended.

        It blocks for the milliseconds of a fork, so that requests and replies cannot mix.
        """
        if self._connection is None:
            return None
        try:
            ours, theirs = socket.socketpair()
        except OSError as e:
            raise StartError(f"no process can be made: {e}") from e
        message = wire.frame(msgspec.msgpack.encode(wanted))
        try:
            with theirs:
                inherited = [theirs.fileno(), *wanted.descriptors]
                sent = socket.send_fds(self._connection, [message], inherited)
                self._connection.sendall(message[sent:])
            reply = self._connection.recv(_REPLY.size, socket.MSG_WAITALL)
            (pid,) = _REPLY.unpack(reply)
        except (OSError, struct.error) as e:
            log.error("the fork server has ended (%s); processes take longer to start now", e)
            self._connection.close()
            self._connection = None
            ours.close()
            return None
        if pid < 0:
            ours.close()
            raise StartError(f"no process can be made: {os.strerror(-pid)}")
        return processes.adopted(pid, ours)


def _may_fork() -> bool:
    """Return whether this process may be forked, and can wait for what the server starts."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return False
    # Python's own threads are not all: libraries for linear algebra start some, too
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # an old kernel, or a sandbox
        return False
    return True


# ------------------------------------------------------------------------------------------------
# In the server, and in the processes that it starts


def _serve(connection: socket.socket, parent: int) -> int | str | None:
    """Start processes until the parent ends; return in these, with their exit status."""
    processes.end_with_parent()
    processes.name("tanger-fork")
    os.setsid()
    # It ends with its parent, and nothing else should end it before
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while (request := _receive(connection)) is not None:
        wanted, descriptors = request
        pid = _fork_orphan()
        if pid == 0:
            connection.close()
            return _run(wanted, descriptors, parent)
        for each in descriptors:
            os.close(each)
        try:
            connection.sendall(_REPLY.pack(pid))
        except OSError:
            break
    os._exit(0)


def _receive(connection: socket.socket) -> tuple[_Start, list[int]] | None:
    """Wait for a request and its descriptors; return None if the parent has ended."""
    frames = wire.FrameReader(_LONGEST_REQUEST)
    descriptors: list[int] = []
    while True:
        try:
            piece, some, _, _ = socket.recv_fds(connection, _PIECE, _DESCRIPTORS)
        except OSError:
            return None
        if not piece:
            return None
        descriptors += some
        for message in frames.feed(piece):
            return msgspec.msgpack.decode(message, type=_Start), descriptors


def _fork_orphan() -> int:
    """Fork a process that is no child of this one; return its ID, or an error number below zero.

    Returns 0 in that process.
    """
    reader, writer = os.pipe()
    try:
        between = os.fork()
    except OSError as e:
        os.close(reader)
        os.close(writer)
        return -(e.errno or 1)
    if between == 0:
        try:
            pid = os.fork()
        except OSError as e:
            pid = -(e.errno or 1)
        if pid == 0:
            os.close(reader)
            os.close(writer)
            return 0
        os.write(writer, _REPLY.pack(pid))
        os._exit(0)
    os.close(writer)
    reply = os.read(reader, _REPLY.size)
    os.close(reader)
    os.waitpid(between, 0)  # from here on, the parent has the orphan
    return int(_REPLY.unpack(reply)[0])


def _run(wanted: _Start, received: Sequence[int], parent: int) -> int | str | None:
    """Run the ``main`` of a module as if Python had been started with it."""
    os.setsid()
    processes.name("tanger-child")  # until it gives itself another
    _await_parent(parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    places = [0, *wanted.descriptors]
    beyond = 1 + max(*places, *received)
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, beyond) for each in received]
    for each in received:
        os.close(each)
    for each, place in zip(moved, places, strict=True):
        os.dup2(each, place)
        os.close(each)
    os.dup2(2, 1)  # output of libraries must not mix with messages
    os.environ.clear()
    os.environ.update(wanted.environment)
    status: int | str | None = importlib.import_module(wanted.module).main(*wanted.arguments)
    return status


def _await_parent(parent: int) -> None:
    """Wait until the parent has adopted this orphan, after which its death can be noticed."""
    between = os.getppid()
    while (found := os.getppid()) != parent:
        if found != between:
            os._exit(1)  # the parent has ended, and another has adopted it
        time.sleep(_ADOPTION_CHECK)

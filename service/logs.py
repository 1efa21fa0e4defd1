"""Logging as JSON lines or text, for the service, its libraries and the access log.

Logging never blocks on a slow reader: a thread writes what does not fit a pipe or socket at once,
and everything for a file or a terminal.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, TextIO, cast

import msgspec
import structlog
from msgspec import UNSET, UnsetType
from structlog.typing import EventDict

log = logging.getLogger("tanger.logs")

# Most bytes of unwritten lines: some ten thousand lines
CAPACITY = 1 << 22
# Most bytes of one write
_PIECE = 1 << 16


class LogWriter:
    """A text stream on a file descriptor. Lines that do not fit into its queue are dropped.

    It never blocks the caller, even if nobody reads the output.

    Attributes:
        dropped: number of lines that were dropped.
    """

    def __init__(self, descriptor: int, *, capacity: int = CAPACITY) -> None:
        """Write to `descriptor`, which the caller has to close.

        Args:
            descriptor: of a file, a pipe, a terminal, ...
            capacity: most bytes in the queue.
        """
        self.dropped = 0
        self._descriptor = descriptor
        self._capacity = capacity
        self._queue: deque[bytes] = deque()
        # Bytes in the queue, or being written
        self._waiting = 0
        self._noted = 0
        self._closing = False
        # Whether to write without the thread if possible: waking it can cost milliseconds
        self._direct = hasattr(os, "RWF_NOWAIT")
        # Descriptor of a file to lock while writing, if other processes write too
        self.lock: int | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Queue complete lines, or drop all of them; return the number of characters."""
        self.write_lines(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def write_lines(self, lines: bytes) -> None:
        """Like `write`, for encoded lines."""
        with self._changed:
            written = 0
            if self._direct and not (self._waiting or self._closing):
                written = self._write_at_once(lines)
            if written:
                lines = lines[written:]
                if not lines:
                    return
            elif self._closing or self._waiting + len(lines) > self._capacity:
                self.dropped += lines.count(b"\n")
                return
            self._queue.append(lines)
            self._waiting += len(lines)
            self._changed.notify()

    def _write_at_once(self, lines: bytes) -> int:
        """Write as much as possible without blocking; return the number of bytes."""
        if self.lock is None:
            return self._write_now(lines)
        # With other writers, all or nothing: a pipe takes up to PIPE_BUF bytes whole (POSIX)
        if len(lines) > select.PIPE_BUF:
            return 0
        try:
            fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another process writes
            return 0
        try:
            return self._write_now(lines)
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN)

    def _write_now(self, lines: bytes) -> int:
        try:
            return os.pwritev(self._descriptor, [lines], -1, os.RWF_NOWAIT)
        except BlockingIOError:
            return 0
        except OSError:  # a file, a terminal, or closed
            self._direct = False
            return 0

    def flush(self) -> None:
        """Do nothing: the thread writes as soon as it can."""

    def close(self, *, seconds: float = 1.0) -> None:
        """Write the queue, for at most `seconds`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if not self._queue:
                    return
                lines = b"".join(self._queue)
                self._queue.clear()
            try:
                self._write_all(lines)
            except OSError:  # the disk is full, or the reader has ended
                with self._changed:
                    self.dropped += lines.count(b"\n")
                    self._waiting -= len(lines)
                continue
            with self._changed:
                self._waiting -= len(lines)
                lost, self._noted = self.dropped - self._noted, self.dropped
            if lost:
                log.warning("%d log lines dropped: nobody read them in time", lost)

    def _write_all(self, content: bytes) -> None:
        """Write lines under the lock, since writes to a pipe may otherwise interleave."""
        if self.lock is None:
            self._write_pieces(content)
            return
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        try:
            self._write_pieces(content)
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN)

    def _write_pieces(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            try:
                left = left[os.write(self._descriptor, left[:_PIECE]) :]
            except BlockingIOError:  # another process made it non-blocking
                select.select([], [self._descriptor], [])


# ------------------------------------------------------------------------------------------------
# Processors and configuration of structlog

# Number of this process, if there are several
_process: int | None = None
# Request ID and trace of the current request
_NO_REQUEST: Mapping[str, str] = {}
request_context: ContextVar[Mapping[str, str]] = ContextVar("request_context", default=_NO_REQUEST)


def _with_process(_: Any, __: str, event: EventDict) -> EventDict:
    """Add the number of the process, if there are several."""
    if _process is not None:
        event["process"] = _process
    return event


def _merge_request(_: Any, __: str, event: EventDict) -> EventDict:
    """Add the ID and trace of the current request, unless the event has them."""
    for name, value in request_context.get().items():
        event.setdefault(name, value)
    return event


_SHARED: tuple[Any, ...] = (
    _merge_request,
    structlog.processors.add_log_level,
    _with_process,
    # Adds a timestamp unless there is one
    structlog.processors.MaybeTimeStamper(fmt="iso", utc=True),
)


class RequestLine(msgspec.Struct, tag_field="event", tag="request", gc=False):
    """A line of the access log.

    Attributes:
        client: address, if known.
        key: name of the API key, if one was sent.
        language: tag of the language that was spoken, if one was requested.
        method: HTTP method.
        route: template of the route.
        status: of the response.
        seconds: duration.
        request_id: ID of the request.
        trace_id, parent_id, span_id: W3C Trace Context, if the request has one.
        timestamp: of its end.
        level: of the line.
        process: number of the process, if there are several.
    """

    client: str | None
    key: str | None
    method: str
    route: str
    status: int
    request_id: str
    timestamp: datetime
    seconds: float | UnsetType = UNSET
    language: str | UnsetType = UNSET
    trace_id: str | UnsetType = UNSET
    parent_id: str | UnsetType = UNSET
    span_id: str | UnsetType = UNSET
    level: str = "info"
    process: int | str | UnsetType = UNSET


_writer: LogWriter | None = None
_as_json = False
_encoder = msgspec.json.Encoder()


def write_requests(lines: Sequence[RequestLine]) -> None:
    """Write access log lines together, which is several times as fast as one by one."""
    if _process is not None:
        for line in lines:
            line.process = _process
    if _writer is not None and _as_json:
        _writer.write_lines(_encoder.encode_lines(lines))
        return
    processors = structlog.get_config()["processors"]
    rendered = []
    for line in lines:
        event: Any = msgspec.to_builtins(line)
        for processor in processors:
            event = processor(None, event["level"], event)
        rendered.append(f"{event}\n")
    stream().write("".join(rendered))
    stream().flush()


def stream() -> LogWriter | TextIO:
    """Return the stream for log lines."""
    return _writer or sys.stderr


def dropped_lines() -> int:
    """Return the number of lines dropped because the reader was too slow."""
    return _writer.dropped if _writer else 0


def _without_colours(_: Any, __: str, event: EventDict) -> EventDict:
    """Remove uvicorn's copies of messages with terminal colour codes."""
    event.pop("color_message", None)
    return event


def share(process: int, lock: int) -> None:
    """Share stderr with other processes: lines are kept whole and name their process.

    Args:
        process: number of this process.
        lock: descriptor of a lock file that all of them have open.
    """
    global _process  # noqa: PLW0603  # logging is global to the process
    _process = process
    if _writer is not None:
        _writer.lock = lock


def configure(level: str, form: str) -> None:
    """Send all logging to stderr, without ever blocking.

    Args:
        level: debug, info, warning or error.
        form: json or text.
    """
    global _writer, _as_json  # noqa: PLW0603  # logging is global to the process
    _as_json = form == "json"
    if _writer is None:
        _writer = LogWriter(2)
        atexit.register(_writer.close)
    renderers: tuple[Any, ...] = (
        (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
        if form == "json"
        else (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),)
    )
    named = (structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder())
    handler = logging.StreamHandler(_writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, *named],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_colours,
                *renderers,
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Access log lines bypass this: see `write_requests`
    structlog.configure(
        processors=[*_SHARED, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _writer)),
        cache_logger_on_first_use=True,
    )

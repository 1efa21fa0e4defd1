"""The log: one JSON object a line, or text: our own, the libraries', and a line a request.

Nothing waits for who reads the lines: a thread of its own writes what a pipe or a socket has no
room for, and all that goes to a file or a terminal.
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

# Bytes of lines that wait to be written: some ten thousand lines
CAPACITY = 1 << 22
# Bytes to write at once; a reader that is slow lets go of them piece by piece
_PIECE = 1 << 16


class LogWriter:
    """A text stream over a file descriptor. What does not fit into its queue is dropped.

    It never blocks its caller: not while nobody reads what is written, and not at the end.

    Attributes:
        dropped: lines that were dropped.
    """

    def __init__(self, descriptor: int, *, capacity: int = CAPACITY) -> None:
        """Write to `descriptor`, which stays its owner's.

        Args:
            descriptor: of a file, a pipe, a terminal, ...
            capacity: bytes that may wait.
        """
        self.dropped = 0
        self._descriptor = descriptor
        self._capacity = capacity
        self._queue: deque[bytes] = deque()
        # Bytes in the queue, or being written
        self._waiting = 0
        self._noted = 0
        self._closing = False
        # To wake the thread takes the event loop several milliseconds where both want to run
        self._direct = hasattr(os, "RWF_NOWAIT")
        # Of a file that is locked while lines are written, where other processes write, too
        self.lock: int | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Have whole lines written soon, or drop them all; how many characters they have."""
        self.write_lines(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def write_lines(self, lines: bytes) -> None:
        """As `write`, of what is encoded already."""
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
        """Write what can be written without waiting; how many bytes."""
        try:
            return os.pwritev(self._descriptor, [lines], -1, os.RWF_NOWAIT)
        except BlockingIOError:
            return 0
        except OSError:  # it is a file or a terminal, or gone
            self._direct = False
            return 0

    def flush(self) -> None:
        """Nothing to do: the thread writes as soon as it can."""

    def close(self, *, seconds: float = 1.0) -> None:
        """Write what waits, but for no longer than `seconds`."""
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
            except OSError:  # the disk is full, or who read it is gone
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
        """Write lines, and among them none of other processes: a pipe takes few bytes at once."""
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
            except BlockingIOError:  # it is shared with somebody who wants it so
                select.select([], [self._descriptor], [])


# ------------------------------------------------------------------------------------------------
# What is logged, and how it is rendered.

# Number of this process, where there are several
_process: int | None = None
# The ID and the trace of the request that is being answered
_NO_REQUEST: Mapping[str, str] = {}
request_context: ContextVar[Mapping[str, str]] = ContextVar("request_context", default=_NO_REQUEST)


def _with_process(_: Any, __: str, event: EventDict) -> EventDict:
    """Lines say which process they are of, where there are several."""
    if _process is not None:
        event["process"] = _process
    return event


def _merge_request(_: Any, __: str, event: EventDict) -> EventDict:
    """Name the request that something is logged for, where the line does not say."""
    for name, value in request_context.get().items():
        event.setdefault(name, value)
    return event


_SHARED: tuple[Any, ...] = (
    _merge_request,
    structlog.processors.add_log_level,
    _with_process,
    # Where it is not stamped yet
    structlog.processors.MaybeTimeStamper(fmt="iso", utc=True),
)


class RequestLine(msgspec.Struct, tag_field="event", tag="request", gc=False):
    """The line of a request.

    Attributes:
        client: its address, where it is known.
        key: name of the API key, where it brought one.
        method: of HTTP.
        route: template of the route that answered.
        status: of the answer.
        seconds: that it took.
        request_id: its ID.
        trace_id, parent_id, span_id: W3C Trace Context, where the request has one.
        timestamp: of its end.
        level: of the line.
        process: number of the process, where there are several.
    """

    client: str | None
    key: str | None
    method: str
    route: str
    status: int
    request_id: str
    timestamp: datetime
    seconds: float | UnsetType = UNSET
    trace_id: str | UnsetType = UNSET
    parent_id: str | UnsetType = UNSET
    span_id: str | UnsetType = UNSET
    level: str = "info"
    process: int | str | UnsetType = UNSET


_writer: LogWriter | None = None
_as_json = False
_encoder = msgspec.json.Encoder()


def write_requests(lines: Sequence[RequestLine]) -> None:
    """Write the lines of requests, together: one by one they would take several times as long."""
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
    """Where log lines go."""
    return _writer or sys.stderr


def dropped_lines() -> int:
    """How many lines were dropped, because nobody read those before them."""
    return _writer.dropped if _writer else 0


def _without_colours(_: Any, __: str, event: EventDict) -> EventDict:
    """Uvicorn says some things twice, the second time with the codes of a terminal."""
    event.pop("color_message", None)
    return event


def share(process: int, lock: int) -> None:
    """Write with other processes to one stderr: whole lines, which say whose they are.

    Args:
        process: number of this one.
        lock: descriptor of a file that all of them have open.
    """
    global _process  # noqa: PLW0603  # logging is the process's own
    _process = process
    if _writer is not None:
        _writer.lock = lock


def configure(level: str, form: str) -> None:
    """Send everything that is logged to stderr, without ever waiting for who reads it.

    Args:
        level: debug, info, warning or error.
        form: json or text.
    """
    global _writer, _as_json  # noqa: PLW0603  # logging is the process's own
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
    # The line of a request takes a shorter way: see `write_requests`
    structlog.configure(
        processors=[*_SHARED, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _writer)),
        cache_logger_on_first_use=True,
    )

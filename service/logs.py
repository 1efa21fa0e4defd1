"""Logs as one JSON object a line, or as text: our own, the libraries', and a line a request."""

from __future__ import annotations

import atexit
import logging
import sys
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict

from tanger.service.middleware.log_writer import LogWriter

_SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    # Where it is not stamped yet
    structlog.processors.MaybeTimeStamper(fmt="iso", utc=True),
)


_writer: LogWriter | None = None


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


def configure(level: str, form: str) -> None:
    """Send everything that is logged to stderr, without ever waiting for who reads it.

    Args:
        level: debug, info, warning or error.
        form: json or text.
    """
    global _writer  # noqa: PLW0603  # logging is the process's own
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
    # The line of a request takes the short way, past the standard library's records: see RequestLog
    structlog.configure(
        processors=[*_SHARED, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _writer)),
        cache_logger_on_first_use=True,
    )

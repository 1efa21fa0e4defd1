"""Logs as one JSON object a line, or as text: our own, the libraries', and a line a request."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

_SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    # Where it is not stamped yet
    structlog.processors.MaybeTimeStamper(fmt="iso", utc=True),
)


def _without_colours(_: Any, __: str, event: EventDict) -> EventDict:
    """Uvicorn says some things twice, the second time with the codes of a terminal."""
    event.pop("color_message", None)
    return event


def configure(level: str, form: str) -> None:
    """Send everything that is logged to stderr.

    Args:
        level: debug, info, warning or error.
        form: json or text.
    """
    renderers: tuple[Any, ...] = (
        (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
        if form == "json"
        else (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),)
    )
    named = (structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder())
    handler = logging.StreamHandler()
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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )

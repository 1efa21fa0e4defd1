"""The service as a process: settings in, HTTP out, an exit status that tells how it went."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, TextIO, cast

import structlog
import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp
from structlog.typing import EventDict

from tanger.model import TangerError
from tanger.service.app import create_app
from tanger.service.connections.limits import Connections, within_file_limit
from tanger.service.middleware.log_writer import LogWriter
from tanger.service.protocol import announce_end, timeout_protocol
from tanger.service.serving.manager import ModelManager
from tanger.service.settings import SettingError, Settings, unknown

log = logging.getLogger("tanger.server")


class Server(uvicorn.Server):
    """uvicorn, telling the service when it is told to stop."""

    def __init__(self, config: uvicorn.Config, service: ModelManager) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that the service drains, so that its probes and its answers say so."""
        self.service.draining = True
        announce_end(self)
        super().handle_exit(sig, frame)


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        0 after an orderly stop, 1 where there is nothing to serve or no worker to serve it, 2 for
        wrong settings. Where the port is taken, uvicorn itself ends the process, with 3.
    """
    try:
        settings = CliApp.run(Settings, cli_args=list(arguments))
    except ValidationError as e:
        for fault in e.errors(include_url=False):
            name = ".".join(map(str, fault["loc"])) or "settings"
            print(f"error: {name}: {fault['msg']}", file=sys.stderr)
        return 2
    configure(settings.log_level, settings.log_format)
    for name in unknown(os.environ):
        log.warning("%s is none of the settings, and counts for nothing", name)
    try:
        app = create_app(settings)
    except SettingError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except TangerError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    service: ModelManager = app.state.service
    connections: Connections = app.state.connections
    connections.limit = within_file_limit(settings.max_connections)
    if connections.limit < settings.max_connections:
        log.warning(
            "only %d connections at a time, not %d (max_connections): the hard limit on open "
            "files (ulimit -Hn) leaves no more",
            connections.limit,
            settings.max_connections,
        )
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=timeout_protocol(
            connections=connections,
            head=settings.head_timeout,
            send=settings.send_timeout,
            on_refusal=app.state.refused,
        ),
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),  # for the log alone
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.grace,
    )
    # uvicorn handles these while it serves and raises them again when all is done: by then it is
    # time to leave, and the exit status should say so.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1 if service.failure else 0))
    Server(config, service).run()
    return 1 if service.failure else 0


# ------------------------------------------------------------------------------------------------
# Logs as one JSON object a line, or as text: our own, the libraries', and a line a request.


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

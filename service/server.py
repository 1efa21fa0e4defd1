"""The service as a process: settings in, HTTP out, an exit status that tells how it went."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp

from tanger.model import TangerError
from tanger.service.app import create_app
from tanger.service.connections.limits import Connections, within_file_limit
from tanger.service.connections.protocol import AnswerNotice, GuardedProtocol
from tanger.service.logs import configure
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
    service: ModelManager = app.state.manager
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
        AnswerNotice(app),
        host=settings.host,
        port=settings.port,
        # uvicorn calls it with what it gives to any protocol's class
        http=cast("type[asyncio.Protocol]", partial(GuardedProtocol, connections=connections)),
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

"""The service as a process: settings in, HTTP out, an exit status that tells how it went."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_settings import CliApp
from uvicorn.config import STARTUP_FAILURE

from tanger.model import TangerError
from tanger.model.decoding import devices
from tanger.service import logs
from tanger.service.app import create_app
from tanger.service.connections.limits import Connections, within_file_limit
from tanger.service.connections.protocol import AnswerNotice, GuardedProtocol
from tanger.service.parent import Parent, bind
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.settings import SettingError, Settings, unknown
from tanger.service.user_lexicon.store import UserLexicon

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
    settings = settings.model_copy(
        update={
            "http_processes": http_processes(settings.http_processes, devices.available_cores())
        }
    )
    logs.configure(settings.log_level, settings.log_format)
    for name in unknown(os.environ):
        log.warning("%s is none of the settings, and counts for nothing", name)
    try:
        if settings.http_processes > 1:
            return asyncio.run(serve_by_several(settings, arguments))
        return serve(create_app(settings), settings)
    except SettingError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except TangerError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1


def http_processes(wanted: int, cores: int) -> int:
    """How many HTTP processes there are; 0 for one for every three cores.

    A cached word takes one a sixth of what decoding a new one takes a worker and HTTP together, so
    that more of them would only take the cores from the workers.
    """
    return wanted or max(1, round(cores / 3))


async def serve_by_several(settings: Settings, arguments: Sequence[str]) -> int:
    """Serve by several HTTP processes: the exit status.

    Raises:
        TangerError: where there is nothing to serve.
    """
    counts = SharedCounts(settings.http_processes)
    logs.share(0, counts.descriptor)
    if settings.user_lexicon:  # made by one process, not by several at the same time
        UserLexicon(settings.user_lexicon).close()
    try:
        sockets = bind(settings.host, settings.port)
    except OSError as e:
        log.error("%s", e)
        return STARTUP_FAILURE
    return await Parent(settings, arguments, sockets, counts).run()


def serve(app: FastAPI, settings: Settings, sockets: list[socket.socket] | None = None) -> int:
    """Serve an application until told to stop: the exit status.

    Args:
        app: by `create_app`.
        settings: that it was made with.
        sockets: that listen; by default one is bound.
    """
    service: ModelManager = app.state.manager
    connections: Connections = app.state.connections
    wanted = settings.max_connections // service.backend.processes or 1
    connections.limit = within_file_limit(wanted)
    if connections.limit < wanted:
        log.warning(
            "only %d connections at a time, not %d (max_connections): the hard limit on open "
            "files (ulimit -Hn) leaves no more",
            connections.limit,
            wanted,
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
    Server(config, service).run(sockets)
    return 1 if service.failure else 0

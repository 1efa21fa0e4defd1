"""uvicorn in front of the application, with connections that are guarded."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from tanger.service.connections.limits import Connections, within_file_limit
from tanger.service.connections.protocol import AnswerNotice, GuardedProtocol
from tanger.service.serving.manager import ModelManager
from tanger.service.settings import Settings

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

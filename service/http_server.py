"""Run the application in uvicorn, with `GuardedProtocol` connections."""

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
from tanger.service.serving import processes
from tanger.service.serving.manager import ModelManager
from tanger.service.settings import Settings

log = logging.getLogger("tanger.server")


class Server(uvicorn.Server):
    """A uvicorn server that notifies the service when it is to stop."""

    def __init__(self, config: uvicorn.Config, service: ModelManager) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Mark the service as draining, which shows in its probes and responses."""
        self.service.draining = True
        super().handle_exit(sig, frame)


def serve(app: FastAPI, settings: Settings, sockets: list[socket.socket] | None = None) -> int:
    """Serve an application until it is stopped; return the exit status.

    Args:
        app: from `create_app`.
        settings: of the application.
        sockets: to accept connections from; by default one is bound.
    """
    processes.map_large_blocks()
    server = make_server(app, settings)
    service = server.service
    # uvicorn handles these signals and raises them again after its shutdown; the exit status has to
    # show them then
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1 if service.failure else 0))
    server.run(sockets)
    return 1 if service.failure else 0


def make_server(app: FastAPI, settings: Settings) -> Server:
    """Create the server of an application.

    Args:
        app: from `create_app`.
        settings: of the application.
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
        # uvicorn calls it with the arguments of a protocol class
        http=cast("type[asyncio.Protocol]", partial(GuardedProtocol, connections=connections)),
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),  # for the log only
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.grace,
    )
    return Server(config, service)

"""Entry point of the service: read the settings, serve HTTP, return an exit status."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from tanger.model import TangerError
from tanger.model.decoding import devices
from tanger.service import logs
from tanger.service.parent import HTTP_PROCESS, Parent, bind
from tanger.service.serving import processes
from tanger.service.serving.fork_server import ForkServer
from tanger.service.serving.languages import shared_pipeline
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.settings import SettingError, Settings, read_settings, unknown

log = logging.getLogger("tanger.server")

# Exit status if the port is in use, as uvicorn's
_PORT_TAKEN = 3


def main(arguments: Sequence[str]) -> int:
    """Serve until stopped.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        0 after an orderly stop, 1 if the artifact cannot be loaded or no worker can start, 2 for
        invalid settings, 3 if the port is in use.
    """
    try:
        settings = read_settings(arguments)
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
    try:
        if settings.http_processes > 1:
            return serve_by_several(settings, arguments)
        _begin_log(settings)
        # Imported here to save memory in a parent that does not serve HTTP itself
        from tanger.service import http_server
        from tanger.service.app import create_app

        return http_server.serve(create_app(settings), settings)
    except SettingError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except TangerError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1


def _begin_log(settings: Settings) -> None:
    """Configure the log, and warn of settings that do not exist."""
    logs.configure(settings.log_level, settings.log_format)
    for name in unknown(os.environ):
        log.warning("unknown setting %s is ignored: check its spelling", name)


def http_processes(wanted: int, cores: int) -> int:
    """Return the number of HTTP processes; by default (0) one for every three cores.

    A cached word takes a sixth of the CPU time of decoding and serving a new one, so more HTTP
    processes would only take cores from the workers.
    """
    return wanted or max(1, round(cores / 3))


def serve_by_several(settings: Settings, arguments: Sequence[str]) -> int:
    """Serve by several HTTP processes; return the exit status.

    Raises:
        TangerError: if the artifact or a lexicon cannot be loaded.
    """
    # Before all that it should not have: the log's thread, sockets, the artifact's weights
    server = ForkServer.launch([HTTP_PROCESS], shared=shared_pipeline(settings))
    _begin_log(settings)
    counts = SharedCounts(settings.http_processes)
    parent = Parent(
        settings, arguments, counts, processes.start if server is None else server.start
    )
    logs.share(0, counts.descriptor)
    try:
        sockets = bind(settings.host, settings.port)
    except OSError as e:
        log.error("%s", e)
        return _PORT_TAKEN
    parent.create_lexicons()
    return asyncio.run(parent.run(sockets))

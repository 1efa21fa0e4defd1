"""The service as a process: settings in, HTTP out, an exit status that tells how it went."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_settings import CliApp

from tanger.model import TangerError
from tanger.model.decoding import devices
from tanger.service import logs
from tanger.service.parent import Parent, bind
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.settings import SettingError, Settings, unknown
from tanger.service.user_lexicon.store import UserLexicon

log = logging.getLogger("tanger.server")

# Exit status where the port is taken, as of uvicorn
_PORT_TAKEN = 3


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
        # What only speaks HTTP takes memory, which a parent need not have
        from tanger.service import http_server
        from tanger.service.app import create_app

        return http_server.serve(create_app(settings), settings)
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
        return _PORT_TAKEN
    return await Parent(settings, arguments, sockets, counts).run()

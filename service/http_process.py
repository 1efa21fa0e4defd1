"""One of several HTTP processes of a service, started by their parent (see `parent`).

It is forked by the `fork_server`, which calls `main`, or started as
``python -m tanger.service.http_process ROW PROCESSES COUNTS SOCKETS ARGUMENT...``.
Its stdin is a socket to the parent, through which it gets the first model and the workers.
"""

from __future__ import annotations

import os
import socket
import sys

from tanger.model import TangerError
from tanger.service import http_server, logs
from tanger.service.app import create_app
from tanger.service.serving import control, processes
from tanger.service.serving.model_source import Sources
from tanger.service.serving.remote_backend import RemoteBackend
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.settings import SettingError, read_settings


def main(row: str, count: str, counts: str, sockets: str, *arguments: str) -> int:
    """Serve until the parent stops this process, or ends.

    Args:
        row: row of this process in the `SharedCounts`, from 0.
        count: number of HTTP processes.
        counts: descriptor of the `SharedCounts`.
        sockets: descriptors to listen on, separated by commas.
        arguments: the command line of the service.

    Returns:
        the exit status, see `server.main`.
    """
    processes.end_with_parent()
    processes.name(f"tanger-http-{int(row) + 1}")
    settings = read_settings(arguments)
    logs.configure(settings.log_level, settings.log_format)
    logs.share(int(row) + 1, int(counts))
    connection = socket.socket(fileno=os.dup(0))
    first = control.receive_first(connection)
    if not isinstance(first, control.Load):  # the parent has ended
        return 1
    try:
        backend = RemoteBackend(
            connection,
            SharedCounts(int(count), int(counts)).client(int(row)),
            generation=first.generation,
            sources=Sources.unpack(first.sources),
            processes=int(count),
        )
        app = create_app(settings, backend)
    except SettingError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except TangerError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    listening = [socket.socket(fileno=int(each)) for each in sockets.split(",")]
    return http_server.serve(app, settings, listening)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

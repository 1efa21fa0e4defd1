"""A module for processes of a fork server: it tells what it finds, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path


def main(writer: str, *arguments: str) -> int:
    """Write what this process is to a descriptor; exit with the status that comes by stdin."""
    found = {
        "arguments": arguments,
        "environment": dict(os.environ),
        "parent": os.getppid(),
        "session": os.getsid(0) == os.getpid(),
        "stdin_is_socket": stat.S_ISSOCK(os.fstat(0).st_mode),
        "descriptors": sorted(int(each.name) for each in Path("/proc/self/fd").iterdir()),
        "ends_by_sigterm": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
    }
    os.write(int(writer), json.dumps(found).encode())
    os.close(int(writer))
    return int(os.read(0, 16) or b"1")

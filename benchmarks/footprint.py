"""Measure the memory and start-up time of the service and of bare imports."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple


class Footprint(NamedTuple):
    """Seconds until ready, and memory of all processes then (megabytes of 10^6 bytes, PSS)."""

    seconds: float
    megabytes: float


def of_import(*modules: str) -> Footprint:
    """Measure a Python process that only imports `modules`."""
    script = f"import {', '.join(modules)}; print(flush=True); input()"
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = Footprint(time.perf_counter() - started, megabytes(process.pid))
        process.kill()
    return found


def of_service(artifact: Path, workers: int, **settings: object) -> Footprint:
    """Measure the service with `workers` workers and these settings, after one request."""
    port = free_port()
    variables = {f"TANGER_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, "TANGER_LOG_LEVEL": "error", **variables}
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "tanger", "serve", "--port", str(port), "--artifact", str(artifact),
         "--workers", str(workers)], env=environment,
    ) as process:  # fmt: skip
        while not _ready(port, workers):
            if process.poll() is not None:
                raise RuntimeError(f"the service ended with {process.returncode}")
            time.sleep(0.01)
        seconds = time.perf_counter() - started
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/pronounce/tanger") as answer:
            answer.read()
        found = Footprint(seconds, of_family(process.pid))
        process.terminate()
    return found


def of_family(pid: int) -> float:
    """Return the memory of a process and its descendants, in megabytes."""
    return sum(map(megabytes, family(pid)))


def _ready(port: int, workers: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return f'"workers":{workers}' in re.sub(r"\s", "", answer.read().decode())
    except (urllib.error.URLError, ConnectionError):
        return False


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def family(pid: int) -> list[int]:
    """Return the process IDs of a process and its descendants."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for thread in threads for child in thread.read_text().split()]
    return [pid, *(member for child in children for member in family(child))]


def megabytes(pid: int) -> float:
    """Return the memory of a process (PSS), in megabytes."""
    rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rolled, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6

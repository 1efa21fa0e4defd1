"""Servers as processes: started on a free port of the loopback, watched, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.footprint import family, free_port

ROOT = Path(__file__).parent.parent
_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 120.0


class CPU(NamedTuple):
    """Seconds of the process itself, and of all its family."""

    own: float
    all: float


class Server(NamedTuple):
    """A server that answers."""

    name: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> CPU:
        """Used since it started."""
        return CPU(cpu_seconds(self.pid), sum(map(cpu_seconds, family(self.pid))))


@contextmanager
def running(
    name: str,
    command: Callable[[int], Sequence[str]],
    *,
    probe: str,
    ready: Callable[[bytes], bool],
    log: Path,
) -> Iterator[Server]:
    """A server that is ready, and ended in the end.

    It sees no GPU, and none of our settings from the environment.

    Args:
        name: what to call it.
        command: Python's arguments for a port.
        probe: path to ask whether it is ready.
        ready: whether that is what the probe's answer, of status 200, means.
        log: where its output goes.
    """
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TANGER_")}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command(port)],
            cwd=ROOT,
            env={**environment, "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    server = Server(name, port, process.pid)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(server.url + probe, ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} does not serve:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield server
    finally:
        _end(process)


def _answers(url: str, ready: Callable[[bytes], bool]) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return ready(answer.read())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    # Its session is its own: whoever is left in it is one of its children.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    try:
        # The command stands in parentheses and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # a child that just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK

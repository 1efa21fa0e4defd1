"""Run servers as child processes on a free port of the loopback, and measure their CPU time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.footprint import family, free_port

ROOT = Path(__file__).parent.parent
_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 120.0


class CPU(NamedTuple):
    """CPU seconds of a process itself, and including its descendants."""

    own: float
    all: float


class Server(NamedTuple):
    """A running server."""

    name: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> CPU:
        """Return the CPU seconds used since the start."""
        return CPU(cpu_seconds(self.pid), sum(map(cpu_seconds, family(self.pid))))


@contextmanager
def running(
    name: str,
    command: Callable[[int], Sequence[str]],
    *,
    probe: str,
    ready: Callable[[bytes], bool],
    log: Path,
    root: Path = ROOT,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start a server, wait until it is ready, and stop it at the end.

    It sees no GPU, and no tanger settings of the environment.

    Args:
        name: name of the server.
        command: returns the arguments of Python for a port.
        probe: path of the readiness probe.
        ready: returns whether the body of a 200 response of the probe means ready.
        log: file for its output.
        root: checkout to run it from.
        settings: environment variables of tanger.
    """
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TANGER_")}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command(port)],
            cwd=root,
            env={
                **environment,
                **(settings or {}),
                "PYTHONPATH": str(root),
                "CUDA_VISIBLE_DEVICES": "",
            },
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
    # It has its own session, in which only its descendants can be left
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    try:
        # The command is in parentheses and may contain anything
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # a child that just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK

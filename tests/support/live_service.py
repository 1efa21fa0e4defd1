"""A real service for tests: a process started by its command line, observed from outside."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.support import ROOT

T = TypeVar("T")

# Generous, because a loaded machine is slow.
PATIENCE = 120.0


def eventually(condition: Callable[[], T], what: str, *, seconds: float = PATIENCE) -> T:
    """Wait until `condition` returns a true value, and return it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.02)
    return value


def get(path: str, **headers: Any) -> bytes:
    """The bytes of a GET request; `path` is sent unchanged."""
    return _request(f"GET {path}", b"", headers)


def post(body: bytes | list[str], **headers: Any) -> bytes:
    """The bytes of a request to pronounce words, or of a POST with another body."""
    if isinstance(body, list):
        body = json.dumps({"words": body}).encode()
    reported = {"Content_Type": "application/json", "Content_Length": len(body), **headers}
    return _request("POST /pronounce", body, reported)


def _request(line: str, body: bytes, headers: dict[str, Any]) -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: test", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Exchange:
    """A request that was sent, and its future answer."""

    def __init__(self, port: int, request: bytes) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.send(request)

    def send(self, more: bytes) -> None:
        self.connection.sendall(more)

    def answer(self) -> httpx.Response:
        """Wait for the answer."""
        with self.connection, HTTPResponse(self.connection) as response:
            response.begin()
            return httpx.Response(
                response.status, headers=response.getheaders(), content=response.read()
            )

    def answered(self) -> bool:
        """Whether the answer has arrived."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def hang_up(self) -> None:
        self.connection.close()


class LiveService:
    """``tanger serve`` on a free port of the loopback interface, in its own session."""

    def __init__(
        self, log: Path, *arguments: str, stderr: int | None = None, **settings: Any
    ) -> None:
        self.log_file = log
        # By default one worker with one thread, independent of the machine.
        usual = {"device": "cpu", "port": 0, "http_processes": 1, "workers": 1, "threads": 1}
        settings = {**usual, **settings}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TANGER_")}
        environment |= {f"TANGER_{name.upper()}": str(value) for name, value in settings.items()}
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tanger", "serve", *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file if stderr is None else stderr,
                start_new_session=True,
            )
        self._workers: set[int] = set()
        self._port: int | None = None
        self._exchanges: list[Exchange] = []
        self._started: set[int] = set()
        self._log_offset = 0

    def use_port(self, port: int) -> None:
        """Use this port instead of reading it from the log."""
        self._port = port

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def wait_for_log(self, text: str) -> str:
        """Wait until the log has a line with this text, and return the line.

        A thread writes the log, perhaps after the answer whose line it is. All is written when the
        service has ended.
        """

        def found() -> str | None:
            ended = self.process.poll() is not None
            lines = [line for line in self.log.splitlines(keepends=True) if text in line]
            assert lines or not ended, f"the log has no {text!r}:\n{self.log}"
            return next((line for line in lines if line.endswith("\n")), None)

        return eventually(found, f"{text!r} in the log").rstrip("\n")

    def request_line(self, request_id: str) -> dict[str, Any]:
        """Wait for the line of the access log with this request ID, and return it."""
        return dict(json.loads(self.wait_for_log(f'"request_id":"{request_id}"')))

    def started_servers(self) -> set[int]:
        """Process IDs of all servers whose start was logged.

        Reads only what was added to the log since the last call, since under load it grows fast.
        """
        with self.log_file.open("rb") as file:
            file.seek(self._log_offset)
            lines, newline, _ = file.read().rpartition(b"\n")
        self._log_offset += len(lines) + len(newline)
        self._started.update(map(int, re.findall(rb"Started server process \[(\d+)\]", lines)))
        return self._started

    @property
    def port(self) -> int:
        """The port; waits until the service listens."""
        if self._port is None:
            self._port = int(eventually(self._announced, "the service to listen")[1])
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """The process IDs of the decoding processes."""
        return self._children(lambda pid: _runs(pid, "tanger.service.serving.worker"))

    def refuses_connections(self) -> bool:
        """Whether the service no longer listens on its port."""
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return True
        return False

    def http_processes(self) -> list[int]:
        """The process IDs of the HTTP processes in their order, where there are several."""
        return sorted(self._children(lambda pid: _name(pid).startswith("tanger-http-")), key=_name)

    def fork_servers(self) -> list[int]:
        """The process ID of the process that others are forked from, if there is one."""
        return self._children(lambda pid: _name(pid) == "tanger-fork")

    def _children(self, chosen: Callable[[int], bool]) -> list[int]:
        found = [
            pid
            for pid, parent, state in _processes()
            if parent == self.process.pid and state != "Z" and chosen(pid)
        ]
        self._workers.update(found)
        return found

    def remaining(self) -> set[int]:
        """Processes of the service that were seen before and are still running."""
        return self._workers & {pid for pid, _, state in _processes() if state != "Z"}

    def wait_until_ready(self, workers: int = 1) -> None:
        """Wait until this number of workers is ready."""

        def ready() -> bool:
            probe = httpx.get(f"{self.url}/readyz").json()
            return probe.get("workers", 0) >= workers

        eventually(ready, f"{workers} workers to be ready")

    def signal_workers(self, number: int) -> list[int]:
        """Send a signal to every worker."""
        workers = self.workers()
        for pid in workers:
            os.kill(pid, number)
        if number == signal.SIGSTOP:
            eventually(
                lambda: all(state == "T" for pid, _, state in _processes() if pid in workers),
                "the workers to stop",
            )
        return workers

    def wait(self) -> int:
        """Wait until the service exits by itself, and return its exit code."""
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Send SIGTERM, as a container engine does, and return the exit code."""
        self.process.terminate()
        return self.wait()

    def end(self) -> None:
        """Kill the service and its workers, in any state."""
        with suppress(OSError):
            self.workers()
            self.http_processes()
            self.fork_servers()
        self.process.kill()
        self.process.wait()
        for exchange in self._exchanges:
            exchange.hang_up()
        for pid in self.remaining():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def send(self, request: bytes) -> Exchange:
        """Send raw bytes on a new connection."""
        exchange = Exchange(self.port, request)
        self._exchanges.append(exchange)
        return exchange

    def ask(self, request: bytes) -> httpx.Response:
        """Send raw bytes, and wait for the answer."""
        return self.send(request).answer()

    @contextmanager
    def stopped_workers(self) -> Iterator[list[int]]:
        """Suspend the workers, so that requests sent inside the context stay in flight."""
        workers = self.signal_workers(signal.SIGSTOP)
        try:
            yield workers
        finally:
            for pid in workers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _announced(self) -> re.Match[str] | None:
        found = re.search(r"running on http://127\.0\.0\.1:(\d+) ", self.log)
        assert found or self.process.poll() is None, f"the service ended:\n{self.log}"
        return found


@contextmanager
def running(
    log: Path, *arguments: str, stderr: int | None = None, **settings: Any
) -> Iterator[LiveService]:
    """Start a service, and kill it at the end in any case."""
    service = LiveService(log, *arguments, stderr=stderr, **settings)
    try:
        yield service
    finally:
        service.end()


def _runs(pid: int, module: str) -> bool:
    """Whether the process runs the module already.

    Between fork and exec it still has the service's command line, and the service waits for it:
    stopping it there would stop the service.
    """
    try:
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _name(pid: int) -> str:
    """The name that a process has given itself; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _processes() -> list[tuple[int, int, str]]:
    """Process ID, parent's ID and state of every process."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The command is in parentheses, and may contain spaces and parentheses.
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
            found.append((int(file.parent.name), int(parent), state))
    return found

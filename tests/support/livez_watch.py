"""How long a probe waits, and how much memory is held, while something else goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from tests.support.live_service import LiveService


class Watch:
    """What the probes saw.

    Attributes:
        seconds: the longest that ``/livez`` took on a connection of its own.
        probes: how many there were.
        grown: bytes of memory that the HTTP process has grown by, at most.
    """

    def __init__(self, service: LiveService) -> None:
        self.seconds = 0.0
        self.probes = 0
        self.grown = 0
        self._service = service
        self._resident = _resident(service.process.pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._probe)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _probe(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._service.port, timeout=60)
        while not self._stop.is_set():
            started = time.monotonic()
            connection.request("GET", "/livez")
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            self.seconds = max(self.seconds, time.monotonic() - started)
            self.probes += 1
            self.grown = max(self.grown, _resident(self._service.process.pid) - self._resident)
            self._stop.wait(0.005)
        connection.close()


def _resident(pid: int) -> int:
    """Bytes of memory of a process: proc_pid_statm(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@contextmanager
def watched(service: LiveService) -> Iterator[Watch]:
    """Probes for as long as what is inside goes on."""
    watch = Watch(service)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()

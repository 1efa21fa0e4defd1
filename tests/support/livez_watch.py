"""Measure the latency of probes and the growth of memory during other work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from tests.support.live_service import LiveService


class Watch:
    """Measurements of the probes.

    Attributes:
        seconds: longest latency of ``/livez`` on a separate connection.
        probes: number of probes.
        grown: largest growth of the HTTP process's memory, in bytes.
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
    """Resident memory of a process in bytes: proc_pid_statm(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@contextmanager
def watched(service: LiveService) -> Iterator[Watch]:
    """Probe the service until the end of the context."""
    watch = Watch(service)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()

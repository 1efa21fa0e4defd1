"""Constant load from several connections, every answer accounted for."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException


class Load:
    """What clients that never stop asking were told.

    Attributes:
        statuses: how often each status was answered.
        wrong: answers that were not what they had to be; 200s of another length or order.
        refused: connections that were closed or refused without a byte of an answer.
        cut: answers that broke off.
        seconds: the longest wait for an answer.
    """

    def __init__(self, port: int, *, connections: int = 4, words: int = 3, seed: int = 1) -> None:
        self.port = port
        self.words = words
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.refused = 0
        self.cut = 0
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(random.Random(seed * 1000 + number),))
            for number in range(connections)
        ]

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def lost(self) -> int:
        """Requests that got no whole answer, or a wrong one."""
        return self.cut + len(self.wrong)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, draw: random.Random) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._stop.is_set():
            words = ["".join(draw.choices("ABDEGNRT", k=6)) for _ in range(self.words)]
            started = time.monotonic()
            try:
                connection.request(
                    "POST",
                    "/pronounce",
                    json.dumps({"words": words}),
                    {"Content-Type": "application/json"},
                )
                response = connection.getresponse()
            except (OSError, HTTPException):
                connection.close()
                with self._lock:
                    self.refused += 1
                time.sleep(0.01)
                continue
            try:
                body = response.read()
            except (OSError, HTTPException):
                connection.close()
                with self._lock:
                    self.cut += 1
                continue
            with self._lock:
                self.seconds = max(self.seconds, time.monotonic() - started)
                self.statuses[response.status] += 1
                if response.status == 200 and not _right(body, words):
                    self.wrong.append(body.decode()[:500])
        connection.close()


def _right(body: bytes, words: list[str]) -> bool:
    results = json.loads(body)["results"]
    return [result["word"] for result in results] == words and all(
        result["error"] is None for result in results
    )


@contextmanager
def under_load(port: int, **how):
    load = Load(port, **how)
    load.start()
    try:
        yield load
    finally:
        load.stop()

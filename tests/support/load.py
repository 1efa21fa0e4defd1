"""Constant load on several connections, with every answer checked and counted."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse

# Statuses after which a client may retry.
LATER = (429, 503, 504)


class Load:
    """Clients that send requests continuously, and counts of their answers.

    Attributes:
        statuses: number of answers by status.
        wrong: incorrect answers: a 200 with another number or order of words, or a refusal without
            Retry-After.
        refused: connections that were not accepted, or closed before their first answer.
        closed: requests on a kept-alive connection that was closed before any byte of the answer.
        cut: answers that were not complete.
        seconds: longest latency.
    """

    def __init__(self, port: int, *, connections: int = 4, words: int = 3, seed: int = 1) -> None:
        self.port = port
        self.words = words
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.refused = 0
        self.closed = 0
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
        """Number of requests without a complete and correct answer while the service ran."""
        return self.closed + self.cut + len(self.wrong)

    def assert_all_answered(self) -> None:
        """Check that every request was answered with pronunciations."""
        assert set(self.statuses) == {200}, self.statuses
        assert self.refused == self.lost == 0, (self.refused, self.closed, self.cut, self.wrong[:1])

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, draw: random.Random) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        kept = False
        while not self._stop.is_set():
            words = ["".join(draw.choices("ABDEGNRT", k=8)) for _ in range(self.words)]
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
                self._note("closed" if kept else "refused")
                kept = False
                time.sleep(0.01)
                continue
            try:
                body = response.read()
            except (OSError, HTTPException):
                connection.close()
                self._note("cut")
                kept = False
                continue
            kept = not response.will_close
            with self._lock:
                self.seconds = max(self.seconds, time.monotonic() - started)
                self.statuses[response.status] += 1
                if fault := _fault(response, body, words):
                    self.wrong.append(fault)
            if response.status == 429:
                time.sleep(0.05)
        connection.close()

    def _note(self, what: str) -> None:
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)


def _fault(response: HTTPResponse, body: bytes, words: list[str]) -> str | None:
    if response.status != 200:
        silent = response.status in LATER and not response.headers["Retry-After"]
        return f"{response.status} without Retry-After" if silent else None
    results = json.loads(body)["results"]
    right = [result["word"] for result in results] == words and all(
        result["error"] is None for result in results
    )
    return None if right else body.decode()[:500]


@contextmanager
def under_load(port: int, **how: int) -> Iterator[Load]:
    load = Load(port, **how)
    load.start()
    try:
        yield load
    finally:
        load.stop()

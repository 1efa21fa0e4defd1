"""Replicas on the loopback behind Envoy, restarted and killed under load."""

import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from urllib.parse import quote

import httpx

from benchmarks.footprint import free_port
from tests.support.live_service import LiveService


class Replicas:
    """Instances of the service on separate ports, like the pods of a Kubernetes Deployment."""

    def __init__(self, artifact, folder, count=3, **settings):
        self.settings = {"artifact": artifact, "keep_alive": 75, **settings}
        self.folder = folder
        self.starts = 0
        self.instances = {}
        for _ in range(count):
            self.start(free_port())
        for instance in self.instances.values():
            instance.wait_until_ready()

    @property
    def ports(self):
        return list(self.instances)

    def start(self, port):
        self.starts += 1
        log = self.folder / f"replica-{self.starts}.log"
        self.instances[port] = LiveService(log, **self.settings, port=port)

    def restart(self, port):
        """Stop one as a rollout does, start its successor, and wait until that is ready."""
        assert self.instances[port].stop() == 0
        self.start(port)
        self.instances[port].wait_until_ready()

    def kill(self, port):
        """Kill one with all its processes."""
        self.instances[port].end()

    def end(self):
        for instance in self.instances.values():
            instance.end()


class DoorLoad:
    """Clients that send requests through Envoy, and counts of their outcomes.

    Attributes:
        outcomes: number of responses or exceptions by method and status.
        wrong: incorrect responses.
        seconds: longest latency.
    """

    def __init__(self, port, *, clients=4, pause=0.01):
        self.url = f"http://127.0.0.1:{port}"
        self.outcomes = Counter()
        self.wrong = []
        self.seconds = 0.0
        self._pause = pause
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._send, args=(random.Random(number),))
            for number in range(clients)
        ]

    @property
    def answered(self):
        return sum(self.outcomes.values())

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def assert_all_answered(self):
        assert set(self.outcomes) == {("GET", 200), ("POST", 200)}, self.outcomes
        assert self.wrong == []

    def _send(self, draw):
        with httpx.Client(base_url=self.url, timeout=80) as client:
            while not self._stop.is_set():
                words = ["".join(draw.choices("ABDEGNRT", k=draw.randint(3, 8))) for _ in range(3)]
                self._ask(client, "GET", f"/pronounce/{quote(words[0])}", words[:1])
                self._ask(client, "POST", "/pronounce", words)
                time.sleep(self._pause)

    def _ask(self, client, method, path, words):
        started = time.monotonic()
        body = {"words": words} if method == "POST" else None
        try:
            answer = client.request(method, path, json=body)
            status = answer.status_code
            given = [each["word"] for each in answer.json()["results"]] if status == 200 else words
        except httpx.HTTPError as e:
            status, given = repr(e), words
        with self._lock:
            self.seconds = max(self.seconds, time.monotonic() - started)
            self.outcomes[method, status] += 1
            if given != words:
                self.wrong.append((words, given))


@contextmanager
def door_load(port, **how):
    load = DoorLoad(port, **how)
    load.start()
    try:
        yield load
    finally:
        load.stop()

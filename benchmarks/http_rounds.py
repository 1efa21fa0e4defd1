"""The measurements of `benchmarks.http`: rounds in which all servers take turns."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path

from benchmarks import http_bare, http_h2load, http_load
from benchmarks.http_bare import Bare
from benchmarks.http_h2load import Offered
from benchmarks.http_load import Load
from benchmarks.http_servers import ROOT, Server, running
from benchmarks.http_words import new_words

USUAL = 32  # connections
MANY = 256
WARMING = 16  # words per request
# Words per request and connections; many more would exceed the queue's 32,768 letters
FULL = (256, 8)

OPEN_RATE = 4700  # requests per second of the open loop
OPEN_CLIENTS = 470  # so that each sends one every 100 ms
LIVEZ_RATE, LIVEZ_CLIENTS = 200, 50
LITSERVE_QUEUES = ("queue", "zeromq")


@dataclass
class Measured:
    """The measurements for the goals, mostly one per round.

    Attributes:
        noop: the no-op, one word per request, by frequency of use.
        natural: the service, the same.
        new: the service, one new word per request.
        many: the service, the same with 256 connections.
        full: the service, 256 new words per request.
        before: the service of an older checkout, one new word per request.
        bare: the engine without HTTP.
        lag: `/livez` of the service and of the no-op under load.
        open_loop: natural words at a fixed rate, of the service and of the no-op.
    """

    noop: list[Load] = field(default_factory=list)
    natural: list[Load] = field(default_factory=list)
    new: list[Load] = field(default_factory=list)
    many: list[Load] = field(default_factory=list)
    full: list[Load] = field(default_factory=list)
    before: list[Load] = field(default_factory=list)
    bare: list[Bare] = field(default_factory=list)
    lag: list[Offered] = field(default_factory=list)
    open_loop: list[Offered] = field(default_factory=list)


class Bench:
    """Runs the measurements one after another.

    Attributes:
        loads: results of wrk.
    """

    def __init__(
        self,
        *,
        folder: Path,
        artifact: Path,
        seconds: float,
        warm_up: float,
        workers: int,
        natural: Sequence[str],
        lengths: Sequence[int],
    ) -> None:
        """Write the natural words to a file.

        Args:
            folder: for words and logs.
            artifact: the artifact to serve.
            seconds: duration of each measurement.
            warm_up: seconds of load before the measurements.
            workers: number of decoding processes, the default of the service.
            natural: words by their frequency of use.
            lengths: numbers of letters of the new words.
        """
        self.folder = folder
        self.artifact = artifact
        self.seconds = seconds
        self.warm_up = warm_up
        self.workers = workers
        self.natural = natural
        self.new = new_words(lengths, seed=time.time_ns())
        self.draw = random.Random(2)
        self.max_new = 0
        self.output: list[tuple[str, list[str]]] = []
        self.loads: list[Load] = []
        self.natural_file = _write(folder / "natural.txt", natural)

    def measure(self, rounds: int, before: Path | None) -> Measured:
        """Measure service, no-op, bare engine and the service of an older checkout in turns."""
        found = Measured(bare=[self._bare()])
        with ExitStack() as servers:
            noop = servers.enter_context(self._noop())
            ours = servers.enter_context(self._service("ours", ROOT, self.artifact))
            older = None
            if before is not None:
                build(before)
                older = servers.enter_context(
                    self._service("before", before, before / "artifacts/en-us")
                )
            print(http_load.HEADING)
            for server in filter(None, (noop, ours, older)):
                self._warm(server)
            for number in range(rounds):
                found.noop.append(self._load(noop, "natural", 1, USUAL))
                found.natural.append(self._load(ours, "natural", 1, USUAL))
                if older is not None:
                    found.before.append(self._load(older, "new", 1, USUAL))
                found.new.append(self._load(ours, "new", 1, USUAL))
                found.many.append(self._load(ours, "new", 1, MANY))
                found.full.append(self._load(ours, "new", *FULL))
                if number:
                    found.bare.append(self._bare())
            if http_h2load.installed():
                found.lag = [self._lag(server) for server in (ours, noop)]
                found.open_loop = [self._open(server) for server in (ours, noop)]
            else:
                print("h2load is missing: apt install nghttp2-client")
        return found

    def litserve(self) -> list[dict[str, Load]]:
        """Measure LitServe in several configurations; return nothing if it is not installed."""
        if importlib.util.find_spec("litserve") is None:
            print("LitServe is missing: see benchmarks/README.md")
            return []
        found = []
        # By default it has one HTTP process per decoding process
        for queue, http_processes in product(LITSERVE_QUEUES, sorted({1, self.workers})):
            with self._litserve(queue, http_processes) as server:
                self._warm(server, max_seconds=5)  # LitServe has no cache to fill
                kinds = ("natural", "new")
                found.append({kind: self._load(server, kind, 1, USUAL) for kind in kinds})
        return found

    def _noop(self) -> AbstractContextManager[Server]:
        return running(
            "no-op",
            lambda port: ("-m", "benchmarks.http_noop", str(port)),
            probe="/livez",
            ready=bool,
            log=self.folder / "noop.log",
        )

    def _service(self, name: str, root: Path, artifact: Path) -> AbstractContextManager[Server]:
        def ready(answer: bytes) -> bool:
            return bool(json.loads(answer)["workers"] >= self.workers)

        return running(
            name,
            lambda port: (
                "-m", "tanger", "serve", "--port", str(port), "--artifact", str(artifact.resolve()),
            ),
            probe="/readyz",
            ready=ready,
            log=self.folder / f"{name}.log",
            root=root,
            settings={"TANGER_HTTP_PROCESSES": "1"},
        )  # fmt: skip

    def _litserve(self, queue: str, http_processes: int) -> AbstractContextManager[Server]:
        return running(
            f"LitServe, {queue}, {http_processes}",
            lambda port: (
                "-m", "benchmarks.http_litserve", str(self.artifact.resolve()), str(port),
                str(self.workers), queue, str(http_processes),
            ),
            probe="/health",
            ready=lambda answer: answer == b"ok",
            log=self.folder / f"litserve-{queue}-{http_processes}.log",
        )  # fmt: skip

    def _bare(self) -> Bare:
        words = [word.upper() for word in islice(self.new, 20_000 * self.workers)]
        bare = http_bare.measure(self.artifact, words, self.workers, self.seconds)
        # No server decodes faster than the engine; twice, in case other load slowed it down
        self.max_new = max(self.max_new, round(2 * bare.words_per_second * self.seconds))
        print(
            f"bare engine, {self.workers} processes, batch 256, new words: "
            f"{bare.words_per_second:,.1f} words/s, "
            f"{1e3 * bare.cpu_seconds_per_word:.3f} ms of CPU a word",
            flush=True,
        )
        return bare

    def _warm(self, server: Server, max_seconds: float = math.inf) -> None:
        """Check that the server pronounces, then load it to fill its caches."""
        words = self.natural[:16]
        body = json.dumps({"source": "model", "words": words}).encode()
        headers = {"Content-Type": "application/json"}
        requested = urllib.request.Request(f"{server.url}/pronounce", body, headers)
        with urllib.request.urlopen(requested) as answer:
            results = json.load(answer)["results"]
        predicted = [(one["word"], one["pronunciations"][0]["phonemes"]) for one in results]
        if server.name == "ours":
            self.output = predicted
        elif server.name.startswith("LitServe") and predicted != (self.output or predicted):
            raise RuntimeError(f"{server.name} says {predicted}, not {self.output}")
        if seconds := min(self.warm_up, max_seconds):
            # With one word per request, a slow machine would not reach the rare words
            load = self._ask(server, "natural", WARMING, USUAL, seconds)
            if load.summary.errors:
                print(f"{load}  (while warming up)", flush=True)

    def _load(self, server: Server, kind: str, words: int, connections: int) -> Load:
        load = self._ask(server, kind, words, connections, self.seconds)
        print(load, flush=True)
        self.loads.append(load)
        return load

    def _ask(self, server: Server, kind: str, words: int, connections: int, seconds: float) -> Load:
        file, offset = self.natural_file, 0
        if kind == "new":
            count = self.max_new + 2 * words * connections
            file = _write(self.folder / "new.txt", islice(self.new, count))
        else:
            offset = self.draw.randrange(1, file.stat().st_size)
        return http_load.load(
            server, kind, file, words=words, connections=connections, seconds=seconds, offset=offset
        )

    def _lag(self, server: Server) -> Offered:
        """Probe `/livez` under a load of natural words."""
        with ThreadPoolExecutor(1) as thread:
            # The clients of h2load take some five seconds to start
            loading = thread.submit(self._ask, server, "natural", 1, USUAL, self.seconds + 7)
            time.sleep(0.5)
            found = http_h2load.offer(
                server, ["/livez"], rate=LIVEZ_RATE, clients=LIVEZ_CLIENTS, seconds=self.seconds,
                folder=self.folder,
            )  # fmt: skip
            loading.result()
        print(f"{found}, p99.9 {1e3 * found.latency(0.999):.2f} ms (/livez under load)", flush=True)
        return found

    def _open(self, server: Server) -> Offered:
        first = self.draw.randrange(len(self.natural) // 2)
        words = self.natural[first : first + round(OPEN_RATE / OPEN_CLIENTS * self.seconds) + 1]
        paths = [f"/pronounce/{word}?source=model" for word in words]
        found = http_h2load.offer(
            server, paths, rate=OPEN_RATE, clients=OPEN_CLIENTS, seconds=self.seconds,
            folder=self.folder,
        )  # fmt: skip
        print(found, flush=True)
        return found


def build(checkout: Path) -> None:
    """Compile the decoder of another checkout."""
    command = [sys.executable, "-m", "tanger.model.decoding.native.build"]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)


def _write(file: Path, words: Iterable[str]) -> Path:
    file.write_text("".join(f"{word}\n" for word in words))
    return file

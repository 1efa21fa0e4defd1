"""Measure the service beside a no-op, the bare engine and LitServe over HTTP.

Run as ``python -m benchmarks.http``.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import cycle, islice, product, repeat
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import http_bare, http_load, http_open_loop
from benchmarks.goals import Goal, goal, show_table
from benchmarks.http_bare import Bare
from benchmarks.http_load import Load
from benchmarks.http_servers import Server, running
from benchmarks.http_words import natural_words, new_words
from benchmarks.measure import percentile, processor
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding import devices

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data/cmudict"

USUAL = 32  # connections
WARMING = 16  # words per request
# Words per request and connections; many more would exceed the queue's 32,768 letters
FULL = (256, 8)
# Further measurements besides those of the goals: words per request, connections
NATURAL_GRID = ((1, 1), (1, 256))
NEW_GRID = ((1, 1), (1, 256), (16, 1), (16, 32), (16, 256), (256, 1))
NOOP_GRID = ((1, 1), (1, 256), (16, 32), FULL)

LIVEZ_EVERY = 0.005  # seconds
SHARES = (25, 50, 75, 90, 100, 120)  # % of the closed loop's rate
WITHIN = 0.05  # seconds within which an open-loop response counts as goodput
LITSERVE_QUEUES = ("queue", "zeromq")


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    data: Annotated[Path, typer.Option(help="The folder of the CMUdict split.")] = DATA,
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 10.0,
    rounds: Annotated[int, typer.Option(help="Measurements of what the goals ask for.")] = 3,
    warm_up: Annotated[
        float, typer.Option(help="Seconds to load a server before all else.")
    ] = 30.0,
    results: Annotated[Path, typer.Option(help="Folder for the figures.")] = ROOT
    / "benchmarks/results",
) -> None:
    """Measure requests/s of the service with default settings on the loopback, by wrk."""
    test = data / "cmudict-0.7b.test"
    if not test.exists():
        raise typer.BadParameter(f"{test} is not here: make data")
    if not http_load.installed():
        raise typer.BadParameter("wrk is not here: apt install wrk")
    found = artifacts.read(artifact)
    workers = devices.available_cores()
    busy = os.getloadavg()[0]
    print(
        f"{found.name} {found.version}, {processor()}, {workers} cores; load before: "
        f"{busy:.2f}; {rounds} rounds of {seconds:g} s"
    )
    lengths = [len(word) for word in lexicon.pronunciations(lexicon.read(test))]
    random.Random(1).shuffle(lengths)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            folder=Path(folder),
            artifact=artifact,
            seconds=seconds,
            warm_up=warm_up,
            workers=workers,
            natural=natural_words(found.graphemes.own, 200_000),
            lengths=lengths,
        )
        ours = bench.ours_and_noop(rounds)
        theirs = bench.litserve()
    table = _goals(ours, theirs, workers)
    show_table(table)
    record = {
        "artifact": {"name": found.name, "version": found.version},
        "processor": processor(),
        "cores": workers,
        "load_before": busy,
        "seconds": seconds,
        "warm_up": warm_up,
        "litserve": version("litserve") if theirs else None,
        "measurements": [_record(load) for load in bench.loads],
        "bare_engine": [bare._asdict() for bare in ours.bare],
        "livez_p999_ms": {"ours": ours.lag_ms, "no-op": ours.noop_lag_ms},
        "open_loop": ours.open_loop,
        "goals": [asdict(row) for row in table],
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / "http.json").write_text(json.dumps(record, indent=1) + "\n")


@dataclass
class Ours:
    """The measurements for the goals, one value per round.

    Attributes:
        noop: the no-op, one word per request.
        natural: the service, one word per request, by frequency of use.
        new: the service, one new word per request.
        full: the service, 256 new words per request.
        bare: the engine without HTTP.
        lag_ms: p99.9 of `/livez` under load.
        noop_lag_ms: the same for the no-op.
        open_loop: a line for each rate.
    """

    noop: list[Load]
    natural: list[Load]
    new: list[Load]
    full: list[Load]
    bare: list[Bare]
    lag_ms: float
    noop_lag_ms: float
    open_loop: list[dict[str, float]]


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

    def ours_and_noop(self, rounds: int) -> Ours:
        """Measure the service, the no-op and the bare engine in alternation."""
        with self._noop() as noop, self._service() as service:
            bare = [self._bare()]
            print(http_load.HEADING)
            for server in (noop, service):
                self._warm(server)
            ours = Ours([], [], [], [], bare, 0, 0, [])
            for number in range(rounds):
                ours.noop.append(self._load(noop, "natural", 1, USUAL))
                ours.natural.append(self._load(service, "natural", 1, USUAL))
                ours.new.append(self._load(service, "new", 1, USUAL))
                ours.full.append(self._load(service, "new", *FULL))
                if number:
                    bare.append(self._bare())
            for server, kind, grid in (
                (noop, "natural", NOOP_GRID),
                (service, "natural", NATURAL_GRID),
                (service, "new", NEW_GRID),
            ):
                for words, connections in grid:
                    self._load(server, kind, words, connections)
            ours.noop_lag_ms, ours.lag_ms = (1e3 * self._lag(server) for server in (noop, service))
            closed = statistics.median(load.requests_per_second for load in ours.natural)
            ours.open_loop = [self._open(service, share, closed) for share in SHARES]
        return ours

    def litserve(self) -> list[dict[str, Load]]:
        """Measure LitServe in several configurations; return nothing if it is not installed."""
        if importlib.util.find_spec("litserve") is None:
            print("LitServe is missing: pip install litserve")
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

    def _service(self) -> AbstractContextManager[Server]:
        def ready(answer: bytes) -> bool:
            return bool(json.loads(answer)["workers"] >= self.workers)

        return running(
            "ours",
            lambda port: (
                "-m", "tanger", "serve", "--port", str(port), "--http-processes", "1",
                "--artifact", str(self.artifact.resolve()),
            ),
            probe="/readyz",
            ready=ready,
            log=self.folder / "service.log",
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
        if server.name != "no-op" and predicted != (self.output or predicted):
            raise RuntimeError(f"{server.name} says {predicted}, not {self.output}")
        if server.name == "ours":
            self.output = predicted
        if seconds := min(self.warm_up, max_seconds):
            # With one word per request, a slow machine would not reach the rare words
            _complain(self._ask(server, "natural", WARMING, USUAL, seconds))

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

    def _lag(self, server: Server) -> float:
        """Return the p99.9 latency of `/livez` under a load of natural words."""
        seconds = 2 * self.seconds
        loading: list[Future[Load]] = []

        def start() -> None:
            loading.append(thread.submit(self._ask, server, "natural", 1, USUAL, seconds + 1))
            time.sleep(0.5)

        with ThreadPoolExecutor(1) as thread:
            answers = http_open_loop.offer(
                server.port,
                repeat(http_open_loop.get("/livez")),
                http_open_loop.steadily(1 / LIVEZ_EVERY, seconds),
                seconds=seconds,
                connections=64,  # enough that each probe finds a free one, even if others are late
                connected=start,
            )
            _complain(loading[0].result())
        missing = [http_open_loop.PATIENCE] * (answers.refused + answers.unanswered)
        p50, p999 = (percentile(answers.latencies + missing, share) for share in (0.5, 0.999))
        print(
            f"{server.name}: /livez under load, p50 {1e3 * p50:.2f} ms, p99.9 {1e3 * p999:.2f} ms, "
            f"{answers.refused} refused, {answers.unanswered} unanswered",
            flush=True,
        )
        return p999

    def _open(self, server: Server, share: int, closed: float) -> dict[str, float]:
        rate = share / 100 * closed
        first = self.draw.randrange(len(self.natural))
        answers = http_open_loop.offer(
            server.port,
            http_open_loop.posts(islice(cycle(self.natural), first, None)),
            http_open_loop.at_random(rate, self.seconds, seed=share),
            seconds=self.seconds,
            connections=http_open_loop.connections(rate),
        )
        found = {
            "share": share,
            "requests_per_second": answers.requested / self.seconds,
            "goodput": answers.goodput(WITHIN),
            "p50_ms": 1e3 * percentile(answers.latencies, 0.5),
            "p99_ms": 1e3 * percentile(answers.latencies, 0.99),
            "refused": answers.refused,
            "lost": answers.lost,
            "unanswered": answers.unanswered,
        }
        print(
            f"open loop, {share:3} %: {found['requests_per_second']:8,.1f} requests/s due, "
            f"{found['goodput']:8,.1f} answered within 50 ms, p50 {found['p50_ms']:.2f} ms, p99 "
            f"{found['p99_ms']:.2f} ms, {answers.refused} refused, {answers.lost} lost, "
            f"{answers.unanswered} unanswered",
            flush=True,
        )
        return found


def _goals(ours: Ours, theirs: Sequence[dict[str, Load]], workers: int) -> list[Goal]:
    noop, natural, new = (
        statistics.median(load.requests_per_second for load in loads)
        for loads in (ours.noop, ours.natural, ours.new)
    )
    full = statistics.median(load.words_per_second for load in ours.full)
    bare = statistics.median(bare.words_per_second for bare in ours.bare)
    http = statistics.median(load.http_cpu_seconds / load.summary.requests for load in ours.noop)
    decode = statistics.median(bare.cpu_seconds_per_word for bare in ours.bare)
    allowed = workers / (http + decode)
    tail = statistics.median(load.summary.p99_ms / load.summary.p50_ms for load in ours.natural)
    p50, p99 = (
        statistics.median(getattr(load.summary, name) for load in ours.natural)
        for name in ("p50_ms", "p99_ms")
    )
    wrong = {name: _errors(getattr(ours, name)) for name in ("noop", "natural", "new", "full")}
    rows = [
        goal("natural words, share of the no-op's rate", 80, 100 * natural / noop, "%",
             f"{natural:,.0f} of {noop:,.0f} requests/s{wrong['natural'] or wrong['noop']}"),
        goal("256 new words, share of the bare engine's rate", 85, 100 * full / bare, "%",
             f"{full:,.0f} of {bare:,.0f} words/s{wrong['full']}"),
        goal("a new word, share of what CPUs allow", 80, 100 * new / allowed, "%",
             f"{new:,.0f} of {workers} / ({1e3 * http:.3f} + {1e3 * decode:.3f} ms) = "
             f"{allowed:,.0f} requests/s{wrong['new']}"),
    ]  # fmt: skip
    for kind, aim, rate in (("natural", 3, natural), ("new", 2, new)):
        rival = max(
            (by_kind[kind] for by_kind in theirs),
            key=lambda load: load.requests_per_second,
            default=None,
        )
        note, ratio = "LitServe is missing", None
        if rival is not None:
            ratio = rate / rival.requests_per_second
            note = f"{rival.requests_per_second:,.0f} requests/s by {rival.server}"
            note += _errors([rival])
        rows.append(goal(f"{kind} words, against LitServe", aim, ratio, "x", note))
    rows += [
        goal("natural words, p99 / p50", -3, tail, "x",
             f"{p50:.1f} and {p99:.1f} ms{wrong['natural']}"),
        goal("lag of the event loop, p99.9, beyond the no-op's", -5,
             ours.lag_ms - ours.noop_lag_ms, "ms",
             f"{ours.lag_ms:.1f} and {ours.noop_lag_ms:.1f} ms"),
    ]  # fmt: skip
    return rows


def _complain(load: Load) -> None:
    """Print a load outside of the measurements if it had errors."""
    if load.summary.errors:
        print(f"{load}  (while warming up or probing)", flush=True)


def _errors(loads: Iterable[Load]) -> str:
    problems = "; ".join(
        f"{load.server}: {load.summary.errors}" for load in loads if load.summary.errors
    )
    return f"  ERRORS: {problems}" if problems else ""


def _record(load: Load) -> dict[str, Any]:
    rates = {
        "requests_per_second": load.requests_per_second,
        "words_per_second": load.words_per_second,
    }
    return {**asdict(load), **rates}


def _write(file: Path, words: Iterable[str]) -> Path:
    file.write_text("".join(f"{word}\n" for word in words))
    return file


if __name__ == "__main__":
    typer.run(main)

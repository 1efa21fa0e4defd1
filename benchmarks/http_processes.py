"""Compare two HTTP processes with one: ``python -m benchmarks.http_processes``."""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import http_load
from benchmarks.footprint import family, megabytes
from benchmarks.goals import Goal, goal, show_table
from benchmarks.http_servers import Server, cpu_seconds, running
from benchmarks.http_words import natural_words
from tanger.model import artifact as artifacts
from tanger.model.cli.common import ARTIFACT

CONNECTIONS = 32
WORKERS = 2
# Seconds of load that fill the cache of an HTTP process before the first round
WARM_UP = 10.0
# How processes of the service name themselves
_HTTP, _FORK_SERVER = "tanger-http-", "tanger-fork"


@dataclass
class Measured:
    """Measurements of a service with a number of HTTP processes.

    Attributes:
        server: the service.
        processes: number of HTTP processes.
        cpu: their CPU seconds per request in each round, including the parent's, if there is one.
        share: share of the CPU seconds of the HTTP process with the least, in each round.
        rates: requests per second in each round.
    """

    server: Server
    processes: int
    cpu: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def http(self) -> list[int]:
        """Return the process IDs of the HTTP processes."""
        if self.processes == 1:
            return [self.server.pid]
        return [pid for pid in family(self.server.pid) if _name(pid).startswith(_HTTP)]

    def beside(self) -> list[int]:
        """Return the process IDs of the parent and its fork server."""
        return [pid for pid in family(self.server.pid) if _name(pid) == _FORK_SERVER] + [
            self.server.pid
        ]

    def measure(self, words: Path, seconds: float, *, offset: int = 0) -> None:
        """Load the service for one round, with the words from an offset of the file on."""
        http = self.http()
        watched = {*http, self.server.pid}
        before = {pid: cpu_seconds(pid) for pid in watched}
        load = http_load.load(
            self.server, "natural", words, words=1, connections=CONNECTIONS, seconds=seconds,
            offset=offset,
        )  # fmt: skip
        used = {pid: cpu_seconds(pid) - before[pid] for pid in watched}
        own = [used[pid] for pid in http]
        self.cpu.append(sum(used.values()) / max(1, load.summary.requests))
        self.share.append(min(own) / max(sum(own), 1e-9))
        self.rates.append(load.requests_per_second)
        print(
            f"{self.server.name:20} {self.rates[-1]:9,.1f} requests/s, "
            f"{1e6 * self.cpu[-1]:6.1f} us of HTTP a request, lesser share {self.share[-1]:.2f}"
            f"  {load.summary.errors}",
            flush=True,
        )


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 10.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each.")] = 5,
) -> None:
    """Compare CPU, shares and memory of two HTTP processes with one, with cached words."""
    found = artifacts.read(artifact)
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "words.txt"
        natural = natural_words(found.graphemes.own, 200_000)
        words.write_text("".join(f"{word}\n" for word in natural))
        show_table(compare(Path(folder), artifact, words, seconds=seconds, rounds=rounds))


def compare(
    folder: Path, artifact: Path, words: Path, *, seconds: float, rounds: int
) -> list[Goal]:
    """Measure services with one and two HTTP processes in turns.

    Args:
        folder: for logs.
        artifact: the artifact to serve.
        words: file of words by frequency of use, one per line.
        seconds: duration of each measurement.
        rounds: number of measurements of each.
    """
    with ExitStack() as services:
        one, two = (services.enter_context(service(folder, artifact, count)) for count in (1, 2))
        for each in (one, two):  # so that each process has been asked for as many words
            each.measure(words, WARM_UP * each.processes)
            for figures in (each.cpu, each.share, each.rates):
                figures.clear()
        draw, size = random.Random(3), words.stat().st_size
        for _ in range(rounds):
            # The same words for both, but not those of an earlier round: one process would have
            # them all in its cache, and each of two only those that it was asked for itself
            offset = draw.randrange(size)
            for each in (one, two):
                each.measure(words, seconds, offset=offset)
        memory = {each.processes: [megabytes(pid) for pid in each.http()] for each in (one, two)}
        beside = [megabytes(pid) for pid in two.beside()]
    ratio = statistics.median(b / a for a, b in zip(one.cpu, two.cpu, strict=True))
    second = sum(memory[2]) + sum(beside) - memory[1][0]
    cpu = [f"{1e6 * statistics.median(each.cpu):.0f}" for each in (two, one)]
    return [
        goal("two HTTP processes, CPU a request over one", -1.05, ratio, "x",
             f"{' and '.join(cpu)} us"),
        goal("two HTTP processes, share of the lesser", 35, 100 * min(two.share), "%",
             "worst round"),
        goal("memory of the second and the parent", -70, second, "MB",
             f"PSS {json.dumps(memory)}, parent and fork server {json.dumps(beside)}"),
    ]  # fmt: skip


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


@contextmanager
def service(folder: Path, artifact: Path, processes: int) -> Iterator[Measured]:
    """Start a service with `processes` HTTP processes, and wait until all are ready."""
    with running(
        f"{processes} HTTP processes",
        lambda port: (
            "-m", "tanger", "serve", "--port", str(port), "--workers", str(WORKERS),
            "--http-processes", str(processes), "--artifact", str(artifact.resolve()),
        ),
        probe="/readyz",
        ready=lambda answer: bool(json.loads(answer)["workers"] >= WORKERS),
        log=folder / f"service{processes}.log",
    ) as server:  # fmt: skip
        found = Measured(server, processes)
        log = folder / f"service{processes}.log"
        while processes > 1 and log.read_text().count("Started server process") < processes:
            time.sleep(0.1)
        yield found


if __name__ == "__main__":
    typer.run(main)

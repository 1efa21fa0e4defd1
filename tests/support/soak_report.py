"""Report of the tests that try to break the service (``make soak``): each writes a row of a table.

``TANGER_SOAK=MINUTES`` runs them in full, with constant load of this duration. Without it they run
in short form and write nothing.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

import httpx

from benchmarks.footprint import family
from tests.support import ROOT
from tests.support.live_service import LiveService, eventually, get, running
from tests.support.load import Load

MINUTES = float(os.environ.get("TANGER_SOAK", "0"))
# Duration of the constant load.
FULL_MINUTES = 30
# TANGER_CACHE_WORDS of each HTTP process whose memory is measured: the default, or a cache that is
# soon full
CACHE_WORDS = 65536 if MINUTES else 300
# Most growth of memory under constant load, in MB a minute
MEMORY_GOAL = 0.5
# Requests until buffers, and the tables of what words share, have their size
_WARM_UP = 8_000
TABLE = ROOT / "docs" / "reliability.md"

_HEADING = (
    "| what | how often | goal | found | lost | | test |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def times(short: int, full: int) -> int:
    """Number of repetitions, in short or in full form."""
    return full if MINUTES else short


@dataclass
class Row:
    """A row of the table.

    Attributes:
        what: description of the test.
        goal: the expected result, besides losing no request.
        tried: number of attempts.
        found: the result.
        lost: number of requests without an answer, or with a wrong one.
        short: whether the test ran in short form.
        missed: whether the goal was missed, although no request was lost.
    """

    what: str
    goal: str
    tried: str = ""
    found: str = ""
    lost: int | None = None
    short: bool = False
    missed: bool = False

    def done(
        self, tried: str, found: str, lost: int = 0, *, short: bool = False, missed: bool = False
    ) -> None:
        """Set the result."""
        self.tried, self.found, self.lost = tried, found, lost
        self.short, self.missed = short, missed

    @property
    def verdict(self) -> str:
        if self.lost is None:
            return "**FAILED**"
        met = "MISSED" if self.lost or self.missed else "met"
        return f"{met}, short" if self.short else met


@contextmanager
def row(what: str, goal: str) -> Iterator[Row]:
    """A row for the test in this context; if the test fails, the row is marked as failed."""
    made = Row(what, goal)
    try:
        yield made
    finally:
        if MINUTES:
            _keep(made, name_of_test(os.environ["PYTEST_CURRENT_TEST"]))


def name_of_test(current: str) -> str:
    """The test's name from PYTEST_CURRENT_TEST, such as "tests/test_x.py::test_y[a b] (call)"."""
    return current.partition("::")[2].rpartition(" (")[0]


def _keep(made: Row, test: str) -> None:
    head, _, table = TABLE.read_text().partition(_HEADING[0])
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    lost = "" if made.lost is None else f"{made.lost}"
    cells = (made.what, made.tried, made.goal, made.found, lost, made.verdict, f"`{test}`")
    line = f"| {' | '.join(cells)} |"
    place = next((n for n, old in enumerate(rows) if old.endswith(f"`{test}` |")), len(rows))
    rows[place : place + 1] = [line]
    TABLE.write_text(head + "\n".join([*_HEADING, *rows]) + "\n")


@contextmanager
def two_workers(artifact: Path, log: Path, **settings: object) -> Iterator[LiveService]:
    """A service with two workers, which at the end must be ready and have logged no traceback."""
    with running(log, artifact=artifact, workers=2, **settings) as service:
        service.wait_until_ready(2)
        yield service
        service.wait_until_ready(2)
        assert service.stop() == 0
        assert "Traceback" not in service.log


def metric(service: LiveService, name: str) -> float:
    """The value of a metric, given by name and labels."""
    reported = httpx.get(f"{service.url}/metrics", timeout=60).text
    return float(re.search(rf"^{re.escape(name)} (.*)$", reported, re.MULTILINE)[1])


@dataclass(frozen=True)
class MemoryTrend:
    """Memory under constant load, once the caches are full and their answers replaced.

    Attributes:
        samples: seconds and MB.
        answered: number of requests answered meanwhile.
        slope: MB a minute in the second half.
    """

    samples: list[tuple[float, float]]
    answered: int
    slope: float

    @property
    def seconds(self) -> float:
        return self.samples[-1][0]

    def __str__(self) -> str:
        (_, first), *_, (_, last) = self.samples
        return (
            f"{self.answered / self.seconds:,.0f} a second; {first:.0f} MB at the start, "
            f"{last:.0f} MB at the end, {self.slope:+.2f} MB a minute"
        )


def memory_trend(service: LiveService, load: Load, *, cached: int, minutes: float) -> MemoryTrend:
    """Sample the memory of a service's processes for some minutes, or 8 seconds in a short run.

    Args:
        service: the service, under load.
        load: the load.
        cached: capacity of its caches, of all HTTP processes.
        minutes: duration in a full run.
    """
    eventually(
        lambda: metric(service, "tanger_cached_words") >= cached, "a full cache", seconds=1800
    )
    # Memory levels off only when the cache has been replaced, however long that takes: its tables
    # grow once more while it is full
    level = load.answered + max(2 * cached // load.words, _WARM_UP)
    eventually(lambda: load.answered > level, "a replaced cache", seconds=1800)
    seconds, answered, began = 60 * minutes or 8, load.answered, time.monotonic()
    samples = []
    while (elapsed := time.monotonic() - began) < seconds:
        samples.append((elapsed, own_megabytes(service.process.pid)))
        time.sleep(min(10, seconds / 20))
    later = samples[len(samples) // 2 :]
    slope = 60 * linear_regression(*zip(*later, strict=True)).slope
    return MemoryTrend(samples, load.answered - answered, slope)


def assert_calm(service: LiveService) -> None:
    """Check that nothing is queued or in flight, and that words are pronounced."""
    eventually(lambda: metric(service, "tanger_requests_in_flight") == 1, "all to be answered")
    assert metric(service, "tanger_queue_words") == 0
    service.wait_until_ready(2)
    assert service.ask(get("/pronounce/tanger")).status_code == 200


def own_megabytes(pid: int) -> float:
    """Anonymous memory of a process and its descendants, which does not depend on shared files."""
    found = 0
    for process in family(pid):
        reported = Path(f"/proc/{process}/smaps_rollup").read_text()
        found += sum(
            int(kb) for kb in re.findall(r"^(?:Pss_Anon|SwapPss):\s+(\d+)", reported, re.M)
        )
    return found * 1024 / 1e6

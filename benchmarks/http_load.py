"""Closed-loop load by wrk: each connection sends its next request after each response."""

from __future__ import annotations

import json
import math
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.http_servers import Server

SCRIPT = Path(__file__).with_suffix(".lua")
# The service's own default timeout
_PATIENCE = "10s"


@dataclass(frozen=True)
class Summary:
    """The output of wrk's script.

    Attributes:
        seconds: duration.
        requests: number of responses of any status.
        refused: responses whose status was not 2xx.
        lost: failures to connect, read or write.
        late: requests that exceeded wrk's timeout.
        rewound: how often the file of words was restarted.
        p50_ms: median latency.
        p99_ms: 99th percentile of the latency.
    """

    seconds: float
    requests: int
    refused: int
    lost: int
    late: int
    rewound: int
    p50_ms: float
    p99_ms: float

    @property
    def answered(self) -> int:
        """Return the number of responses with status 2xx."""
        return self.requests - self.refused

    @property
    def errors(self) -> str:
        """Describe the errors; empty if there were none."""
        counts = {"refused": self.refused, "lost": self.lost, "late": self.late}
        return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


@dataclass(frozen=True)
class Load:
    """The result of one measurement.

    Attributes:
        server: name of the server.
        kind: kind of words.
        words: number of words per request.
        connections: number of connections.
        summary: output of wrk.
        http_cpu_seconds: of the server's first process, which is the HTTP process of the service
            and of the no-op, but not of LitServe.
        cpu_seconds: of all processes of the server.
        wrk_cpu_seconds: of wrk.
    """

    server: str
    kind: str
    words: int
    connections: int
    summary: Summary
    http_cpu_seconds: float
    cpu_seconds: float
    wrk_cpu_seconds: float

    @property
    def requests_per_second(self) -> float:
        """Return the 2xx responses per second."""
        return self.summary.answered / self.summary.seconds

    @property
    def http_cpu_per_request(self) -> float:
        """Return the CPU seconds of the first process per request; NaN without requests."""
        requests = self.summary.requests
        return self.http_cpu_seconds / requests if requests else math.nan

    @property
    def worker_cpu_per_request(self) -> float:
        """Return the CPU seconds of the other processes per request; NaN without requests."""
        requests = self.summary.requests
        return (self.cpu_seconds - self.http_cpu_seconds) / requests if requests else math.nan

    @property
    def words_per_second(self) -> float:
        return self.words * self.requests_per_second

    def __str__(self) -> str:
        requested = max(self.summary.requests, 1)
        children = self.cpu_seconds - self.http_cpu_seconds
        cpu = (self.http_cpu_seconds, children, self.wrk_cpu_seconds)
        shares = " + ".join(f"{1e3 * seconds / requested:.3f}" for seconds in cpu)
        errors = f"  ERRORS: {self.summary.errors}" if self.summary.errors else ""
        if self.kind == "new" and self.summary.rewound:
            errors += "  WORDS CAME TWICE"
        return (
            f"{self.server:20} {self.kind:8} {self.words:4} {self.connections:4} "
            f"{self.requests_per_second:9,.1f} {self.words_per_second:9,.1f} "
            f"{self.summary.p50_ms:8.2f} {self.summary.p99_ms:8.2f}  {shares}{errors}"
        )


HEADING = (
    f"{'':20} {'words':8} {'each':>4} {'conn':>4} {'requests/s':>9} {'words/s':>8} "
    f"{'p50 ms':>8} {'p99 ms':>8}  CPU ms a request: its own + its children's + wrk's"
)


def installed() -> bool:
    return shutil.which("wrk") is not None


def load(
    server: Server,
    kind: str,
    file: Path,
    *,
    words: int,
    connections: int,
    seconds: float,
    offset: int = 0,
) -> Load:
    """Load `server` by wrk.

    Args:
        server: the server.
        kind: name of the kind of words.
        file: file of words, one per line.
        words: number of words per request.
        connections: number of connections.
        seconds: duration; wrk takes whole seconds.
        offset: offset in `file` in bytes; the words start after it.
    """
    before = server.cpu_seconds()
    waiting = _children_cpu_seconds()
    output = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(connections),
         "--duration", f"{max(1, round(seconds))}s", "--timeout", _PATIENCE,
         "--script", SCRIPT, server.url, "--", file, str(offset), str(words)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    after = server.cpu_seconds()
    return Load(
        server.name,
        kind,
        words,
        connections,
        parse(output),
        http_cpu_seconds=after.own - before.own,
        cpu_seconds=after.all - before.all,
        wrk_cpu_seconds=_children_cpu_seconds() - waiting,
    )


def parse(output: str) -> Summary:
    """Parse the JSON line in the output of wrk."""
    (line,) = (line for line in output.splitlines() if line.startswith("{"))
    return Summary(**json.loads(line))


def _children_cpu_seconds() -> float:
    """Return the CPU seconds of ended child processes: between two calls, only wrk."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

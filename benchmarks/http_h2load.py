"""Open-loop load by h2load: each client sends its requests at a fixed rate.

Clients start one after another, so that their requests are spread evenly over time; only the
requests that begin while all are at work count. A client has one request in flight, and sends what
it could not send meanwhile as soon as it can.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.http_servers import Server
from benchmarks.measure import percentile

# Most groups of clients, which start one after another; h2load takes 100 ms or more between them
_GROUPS = 50
_BETWEEN_MS = 100
# Seconds to wait for the last responses
_PATIENCE = 10.0


class Answer(NamedTuple):
    """A request of h2load's log.

    Attributes:
        start: when it was sent, in seconds.
        latency: seconds until the end of the response.
        status: of HTTP; -1 for a failure.
    """

    start: float
    latency: float
    status: int


@dataclass(frozen=True)
class Offered:
    """The result of one measurement.

    Attributes:
        server: name of the server.
        rate: requests per second that were due.
        seconds: duration.
        latencies: of 2xx responses, in seconds.
        failed: other responses and failures.
    """

    server: str
    rate: float
    seconds: float
    latencies: Sequence[float]
    failed: int

    def within(self, seconds: float) -> float:
        """Return the share of the due requests that were answered within so many seconds."""
        answered = sum(latency <= seconds for latency in self.latencies)
        return min(1.0, answered / (self.rate * self.seconds))

    def latency(self, share: float) -> float:
        """Return a percentile of the latency in seconds; 0.5 is the median."""
        return percentile(list(self.latencies), share)

    def __str__(self) -> str:
        return (
            f"{self.server:20} open loop, {self.rate:,.0f} requests/s due, "
            f"{len(self.latencies) / self.seconds:,.0f} answered, "
            f"{100 * self.within(0.05):.1f} % within 50 ms, p50 {1e3 * self.latency(0.5):.2f} ms, "
            f"p99 {1e3 * self.latency(0.99):.2f} ms, {self.failed} failed"
        )


def installed() -> bool:
    return shutil.which("h2load") is not None


def offer(
    server: Server,
    paths: Iterable[str],
    *,
    rate: float,
    clients: int,
    seconds: float,
    folder: Path,
) -> Offered:
    """Send GET requests to `server`.

    Args:
        server: the server.
        paths: of the requests; every client sends all of them, in their order, again and again.
        rate: requests per second of all clients.
        clients: number of connections.
        seconds: time in which requests count.
        folder: for h2load's files.
    """
    file, log = folder / "paths.txt", folder / "h2load.log"
    file.write_text("".join(f"{server.url}{path}\n" for path in paths))
    log.unlink(missing_ok=True)  # h2load appends
    group = -(-clients // _GROUPS)
    groups = -(-clients // group)
    # Not a multiple of the time between two requests of a client, so that groups take turns
    between = round(_BETWEEN_MS + 1e3 * clients / rate / groups)
    ramp = between * groups / 1e3
    requests = round((ramp + seconds) * rate / clients) * clients
    # A server that is too slow would be sent what is due for long afterwards
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["h2load", "--h1", "--clients", str(clients), "--threads", "1",
             "--rate", str(group), "--rate-period", f"{between}ms", "--requests", str(requests),
             "--rps", f"{rate / clients:g}", "--input-file", file, "--log-file", log],
            check=True, capture_output=True, timeout=2 * ramp + seconds + _PATIENCE,
        )  # fmt: skip
    answers = parse(log.read_text().splitlines(keepends=True))
    begin = min((answer.start for answer in answers), default=0.0) + ramp
    counted = [answer for answer in answers if begin <= answer.start < begin + seconds]
    latencies = [answer.latency for answer in counted if 200 <= answer.status < 300]
    return Offered(server.name, rate, seconds, latencies, len(counted) - len(latencies))


def parse(lines: Iterable[str]) -> list[Answer]:
    """Parse h2load's log: microseconds since the epoch, status, microseconds until the answer."""
    fields = (line.split("\t") for line in lines if line.endswith("\n"))
    return [
        Answer(1e-6 * int(start), 1e-6 * int(took), int(status))
        for start, status, took, *_ in fields
    ]

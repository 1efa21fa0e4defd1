"""Extrapolate to more cores, on paper, from the CPU seconds that requests took on this machine."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.http_load import Load
from tanger.service.server import http_processes

CORES = (8, 16, 64)


class Expected(NamedTuple):
    """What a machine should do.

    Attributes:
        cores: of the machine; as many workers decode.
        processes: number of HTTP processes, the default for that machine.
        rate: requests per second.
        first: the part that ends first.
        best: number of HTTP processes with which all cores would be used.
        best_rate: requests per second with these.
    """

    cores: int
    processes: int
    rate: float
    first: str
    best: int
    best_rate: float


def expected(http: float, worker: float, cores: int) -> Expected:
    """Return what a machine should do, were nothing but the CPU time of requests to count.

    Args:
        http: CPU seconds of a request in HTTP processes.
        worker: CPU seconds of a request in workers.
        cores: number of cores.
    """
    processes = http_processes(0, cores)
    limits = {"HTTP processes": processes / http, "cores": cores / (http + worker)}
    first = min(limits, key=limits.__getitem__)
    best = min(cores, max(1, math.ceil(cores * http / (http + worker))))
    return Expected(cores, processes, limits[first], first, best, min(best / http, limits["cores"]))


def show(kinds: Sequence[tuple[str, Sequence[Load]]]) -> None:
    """Print a table for each kind of request.

    Args:
        kinds: name and measurements of each.
    """
    print(
        f"\n{'on paper':24}{'us: HTTP':>10}{'workers':>9}{'cores':>7}{'HTTP processes':>16}"
        f"{'requests/s':>12}  {'ends first':16}{'better with':>12}{'requests/s':>12}"
    )
    for name, loads in kinds:
        http = statistics.median(load.http_cpu_per_request for load in loads)
        worker = statistics.median(load.worker_cpu_per_request for load in loads)
        if not (http > 0 and worker >= 0):
            continue
        for cores in CORES:
            found = expected(http, worker, cores)
            print(
                f"{name:24}{1e6 * http:10,.0f}{1e6 * worker:9,.0f}{cores:7}{found.processes:16}"
                f"{found.rate:12,.0f}  {found.first:16}{found.best:12}{found.best_rate:12,.0f}"
            )

"""Measure the service beside a no-op, the bare engine, LitServe and an older checkout over HTTP.

Run as ``python -m benchmarks.http``.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import http_load, http_on_paper, http_processes
from benchmarks.goals import Goal, goal, show_table
from benchmarks.http_h2load import Offered
from benchmarks.http_load import Load
from benchmarks.http_rounds import OPEN_RATE, Bench, Measured
from benchmarks.http_servers import ROOT
from benchmarks.http_words import natural_words
from benchmarks.measure import processor
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding import devices

DATA = ROOT / "data/cmudict"
# Seconds within which a response of the open loop has to come
WITHIN = 0.05


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    data: Annotated[Path, typer.Option(help="The folder of the CMUdict split.")] = DATA,
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 10.0,
    rounds: Annotated[int, typer.Option(help="Measurements of what the goals ask for.")] = 3,
    warm_up: Annotated[
        float, typer.Option(help="Seconds to load a server before all else.")
    ] = 15.0,
    before: Annotated[
        Path | None, typer.Option(help="Checkout of an older commit, measured in turns with this.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder for the figures.")] = ROOT
    / "benchmarks/results",
) -> None:
    """Measure requests/s and CPU time of the service on the loopback, by wrk and h2load."""
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
        ours = bench.measure(rounds, None if before is None else before.resolve())
        several = http_processes.compare(
            Path(folder), artifact, bench.natural_file, seconds=seconds / 2, rounds=rounds
        )
        theirs = bench.litserve()
    table = [
        *_goals(ours, workers), *several, *_against_litserve(ours, theirs),
        *_against_others(ours, workers),
    ]  # fmt: skip
    show_table(table)
    http_on_paper.show(
        [
            ("natural word", ours.natural),
            ("new word", ours.new),
            ("256 new words", ours.full),
        ]
    )
    record = {
        "artifact": {"name": found.name, "version": found.version},
        "processor": processor(),
        "cores": workers,
        "load_before": busy,
        "seconds": seconds,
        "warm_up": warm_up,
        "before": None if before is None else before.name,
        "litserve": version("litserve") if theirs else None,
        "measurements": [_record(load) for load in bench.loads],
        "bare_engine": [bare._asdict() for bare in ours.bare],
        "livez": list(map(_summary, ours.lag)),
        "open_loop": list(map(_summary, ours.open_loop)),
        "goals": [asdict(row) for row in table],
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / "http.json").write_text(json.dumps(record, indent=1) + "\n")


def _goals(ours: Measured, workers: int) -> list[Goal]:
    """Return what is asked of the service beside the no-op and an older commit."""
    noop, natural, new, many = map(_rate, (ours.noop, ours.natural, ours.new, ours.many))
    cpu = statistics.median(load.http_cpu_per_request / load.words for load in ours.full)
    rows = [
        goal("natural words, over the no-op's rate", 2, natural / noop, "x",
             f"{natural:,.0f} and {noop:,.0f} requests/s; CPU of HTTP {_micros(ours.natural)} and "
             f"{_micros(ours.noop)} us{_errors(ours.natural, ours.noop)}"),
        _over_before("a new word, over the older commit's rate", 1.6, ours),
        goal("a new word, 256 connections over 32", 1, many / new, "x",
             f"{many:,.0f} and {new:,.0f} requests/s{_errors(ours.many, ours.new)}"),
        goal("256 new words, CPU of HTTP a word", -7, 1e6 * cpu, "us",
             f"{_words(ours.full):,.0f} words/s{_errors(ours.full)}"),
    ]  # fmt: skip
    if ours.open_loop:
        mine, theirs = ours.open_loop
        rows.append(
            goal(f"open loop at {OPEN_RATE:,}/s, within 50 ms", 99, 100 * mine.within(WITHIN), "%",
                 f"the no-op {100 * theirs.within(WITHIN):.1f} %; p99 "
                 f"{1e3 * mine.latency(0.99):.1f} and {1e3 * theirs.latency(0.99):.1f} ms; "
                 f"{mine.failed} failed")
        )  # fmt: skip
    else:
        rows.append(goal(f"open loop at {OPEN_RATE:,}/s, within 50 ms", 99, None, "%", "no h2load"))
    rows.append(_tail(ours))
    return rows


def _over_before(name: str, aim: float, ours: Measured) -> Goal:
    if not ours.before:
        return goal(name, aim, None, "x", "name a checkout: --before")
    pairs = zip(ours.new, ours.before, strict=True)
    ratio = statistics.median(a.requests_per_second / b.requests_per_second for a, b in pairs)
    note = (
        f"{_rate(ours.new):,.0f} and {_rate(ours.before):,.0f} requests/s; CPU of HTTP "
        f"{_micros(ours.new)} and {_micros(ours.before)} us{_errors(ours.new, ours.before)}"
    )
    return goal(name, aim, ratio, "x", note)


def _tail(ours: Measured) -> Goal:
    """Compare the p99 of a new word with the older commit's, in turns."""
    name, now = "a new word, p99 over the older commit's", _p99(ours.new)
    if not ours.before:
        return goal(name, -1, None, "x", f"{now:.1f} ms; name a checkout: --before")
    pairs = zip(ours.new, ours.before, strict=True)
    ratio = statistics.median(a.summary.p99_ms / b.summary.p99_ms for a, b in pairs)
    return goal(name, -1, ratio, "x", f"{now:.1f} and {_p99(ours.before):.1f} ms")


def _against_litserve(ours: Measured, theirs: Sequence[dict[str, Load]]) -> list[Goal]:
    rows = []
    for kind, aim, rate in (("natural", 3, _rate(ours.natural)), ("new", 2, _rate(ours.new))):
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
    return rows


def _against_others(ours: Measured, workers: int) -> list[Goal]:
    """Return what is asked of the service beside the bare engine and the no-op."""
    bare = statistics.median(bare.words_per_second for bare in ours.bare)
    http = statistics.median(load.http_cpu_per_request for load in ours.noop)
    decode = statistics.median(bare.cpu_seconds_per_word for bare in ours.bare)
    allowed = workers / (http + decode)
    full, new = _words(ours.full), _rate(ours.new)
    p50 = statistics.median(load.summary.p50_ms for load in ours.natural)
    rows = [
        goal("256 new words, share of the bare engine's rate", 85, 100 * full / bare, "%",
             f"{full:,.0f} of {bare:,.0f} words/s"),
        goal("a new word, share of what CPUs allow", 80, 100 * new / allowed, "%",
             f"{new:,.0f} of {workers} / ({1e3 * http:.3f} + {1e3 * decode:.3f} ms) = "
             f"{allowed:,.0f} requests/s"),
        goal("natural words, p99 / p50", -3, _p99(ours.natural) / p50, "x",
             f"{p50:.1f} and {_p99(ours.natural):.1f} ms"),
    ]  # fmt: skip
    if ours.lag:
        mine, theirs = (1e3 * each.latency(0.999) for each in ours.lag)
        rows.append(
            goal("lag of the event loop, p99.9, beyond the no-op's", -5, mine - theirs, "ms",
                 f"{mine:.1f} and {theirs:.1f} ms")
        )  # fmt: skip
    return rows


def _rate(loads: Iterable[Load]) -> float:
    return statistics.median(load.requests_per_second for load in loads)


def _words(loads: Iterable[Load]) -> float:
    return statistics.median(load.words_per_second for load in loads)


def _p99(loads: Iterable[Load]) -> float:
    return statistics.median(load.summary.p99_ms for load in loads)


def _micros(loads: Iterable[Load]) -> str:
    """Return the CPU time of the HTTP process per request."""
    return f"{1e6 * statistics.median(load.http_cpu_per_request for load in loads):.0f}"


def _errors(*groups: Iterable[Load]) -> str:
    problems = "; ".join(
        f"{load.server}: {load.summary.errors}"
        for loads in groups
        for load in loads
        if load.summary.errors
    )
    return f"  ERRORS: {problems}" if problems else ""


def _record(load: Load) -> dict[str, Any]:
    rates = {
        "requests_per_second": load.requests_per_second,
        "words_per_second": load.words_per_second,
    }
    return {**asdict(load), **rates}


def _summary(offered: Offered) -> dict[str, Any]:
    return {
        "server": offered.server,
        "requests_per_second": offered.rate,
        "within_50_ms": offered.within(WITHIN),
        "p50_ms": 1e3 * offered.latency(0.5),
        "p99_ms": 1e3 * offered.latency(0.99),
        "p999_ms": 1e3 * offered.latency(0.999),
        "failed": offered.failed,
    }


if __name__ == "__main__":
    typer.run(main)

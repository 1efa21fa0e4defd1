"""``python -m benchmarks.bulk``: measure ``pronounce`` on a long list, beside the bare engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from benchmarks.goals import goal, show_table
from benchmarks.http_words import new_words
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding.engine import NativeDecoder

ROOT = Path(__file__).parent.parent
TEST = ROOT / "data/cmudict/cmudict-0.7b.test"
BATCH = 4096
# The engine is timed on every n-th word.
STEP = 10


class Run(NamedTuple):
    """Resources used by a run of the command, including start-up and exit."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    words: Annotated[
        Path | None, typer.Option(help="Words, one a line; without it, invented ones.")
    ] = None,
    count: Annotated[int, typer.Option(help="Words to answer.")] = 1_000_000,
    threads: Annotated[int, typer.Option(help="Of the command, and of the engine.")] = 2,
    ray: Annotated[bool, typer.Option("--ray", help="Time deploy/ray/bulk.py instead.")] = False,
) -> None:
    """Time ``pronounce``, and before and after it the bare engine on a tenth of the words."""
    requested = words.read_text().split()[:count] if words else _invented(count)
    found = artifacts.read(artifact)
    engine = NativeDecoder(found, threads=threads)
    rows = [found.graphemes.encode(word.upper()) for word in requested[::STEP]]
    print(f"{artifact.name} {found.version}, {len(requested):,} words, {threads} threads")
    before = _rate(engine, rows)
    if ray:
        lists = requested[::STEP], requested
        tenth, whole_list = (_run_ray(artifact, each, threads) for each in lists)
        _show_ray(whole_list, tenth, before, _rate(engine, rows))
        return
    whole = _run(artifact, requested, threads)
    after = _rate(engine, rows)
    less = _run(artifact, requested[: len(requested) // STEP], threads)
    print(f"the engine, words/s: {before:,.0f} before, {after:,.0f} after")
    print(f"the command: {whole.seconds:.1f} s, {whole.cpu_seconds:.1f} s of processors")
    rate = len(requested) / whole.seconds
    show_table([
        goal("share of the engine's rate", 90, 200 * rate / (before + after), "%",
              f"{rate:,.0f} words/s, start and all"),
        goal("memory against that of a tenth of the words", -1.1,
              whole.megabytes / less.megabytes, "x", f"{whole.megabytes:.0f} MB"),
    ])  # fmt: skip


def _run_ray(artifact: Path, words: Sequence[str], actors: int) -> dict[str, float]:
    """Seconds of each part of the recipe for Ray, as it tells them itself."""
    with tempfile.TemporaryDirectory() as folder:
        requested = Path(folder) / "words.txt"
        requested.write_text("".join(f"{word}\n" for word in words))
        done = subprocess.run(
            [sys.executable, str(ROOT / "deploy/ray/bulk.py"), str(requested),
             str(Path(folder) / "answers"), "--artifact", str(artifact), "--actors", str(actors)],
            cwd=ROOT, stderr=subprocess.PIPE, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    found = re.search(r"^([\d,]+) different words: (.*)$", done.stderr, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"the recipe did not say what it took: {done.stderr}")
    parts = {part: float(value) for value, part in re.findall(r"([\d.]+) s to ([\w ]+)", found[2])}
    return {"words": float(found[1].replace(",", "")), **parts}


def _show_ray(
    whole: dict[str, float], tenth: dict[str, float], before: float, after: float
) -> None:
    """Show the rate beyond the start of the actors, which a tenth of the words takes as well."""
    words, seconds = whole["words"], whole["pronounce and write"]
    more = seconds - tenth["pronounce and write"]
    rate = (words - tenth["words"]) / more
    start = seconds - words / rate
    print(f"the engine, words/s: {before:,.0f} before, {after:,.0f} after")
    print(f"start Ray {whole['start Ray']:.1f} s, read and count {whole['read and count']:.1f} s, "
          f"pronounce and write {seconds:.1f} s, {start:.1f} s of them until the actors are there: "
          f"{words / seconds:,.0f} words/s")  # fmt: skip
    show_table([goal("share of the engine's rate", 85, 200 * rate / (before + after), "%",
                     f"{rate:,.0f} words/s, without what a start takes")])  # fmt: skip


def _invented(count: int) -> list[str]:
    """Return distinct invented words with the lengths of those of the test split."""
    lengths = [len(word) for word in lexicon.pronunciations(lexicon.read(TEST))]
    return list(islice(new_words(lengths, 1), count))


def _rate(engine: NativeDecoder, rows: Sequence[Sequence[int]]) -> float:
    """Measure words/s of the bare engine."""
    engine.decode(rows[:BATCH])
    started = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        engine.decode(rows[first : first + BATCH])
    return len(rows) / (time.perf_counter() - started)


def _run(artifact: Path, words: Sequence[str], threads: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        requested, answered = Path(folder) / "words.txt", Path(folder) / "words.dict"
        requested.write_text("".join(f"{word}\n" for word in words))
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tanger", "pronounce", "--artifact", str(artifact),
             "--source", "model", "--device", "cpu", "--threads", str(threads),
             "--input", str(requested), "--output", str(answered)],
            cwd=ROOT,
        )  # fmt: skip
        # Polled, because the peak that wait4 reports includes the memory of the parent before exec
        peak, ended = 0.0, 0
        while not ended:
            peak = max(peak, _megabytes(process.pid))
            time.sleep(0.02)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the command ended with {process.returncode}")
    return Run(seconds, used.ru_utime + used.ru_stime, peak)


def _megabytes(pid: int) -> float:
    """Return the peak resident memory of a process; 0 if it is not available."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


if __name__ == "__main__":
    typer.run(main)

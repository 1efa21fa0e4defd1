"""``python -m benchmarks.beam``: measure n-best decoding relative to greedy decoding."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.goals import goal, show_table
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding import engine as engines
from tanger.model.decoding.hypothesis import Decoder
from tanger.model.network.config import Precision

TEST = Path(__file__).parent.parent / "data/cmudict/cmudict-0.7b.test"
REQUESTED = (1, 2, 3, 5, 10)
BATCHES = (1, 256)


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    words: Annotated[Path, typer.Option(help="A lexicon to take words from.")] = TEST,
    precision: Annotated[Precision, typer.Option(help="What is computed in.")] = "int8",
    seconds: Annotated[float, typer.Option(help="Time for each batch size.")] = 10.0,
) -> None:
    """Time n-best decoding on one core, relative to greedy decoding.

    The list sizes alternate on the same words, so that other load on the machine affects all alike.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    found = artifacts.read(artifact)
    engine = engines.load(found, "cpu", precision=precision)
    spelt = lexicon.pronunciations(lexicon.read(words))
    rows = [found.graphemes.encode(word) for word in spelt]
    print(f"{artifact.name} {found.version}, {precision}, one core: median milliseconds a batch")
    table = []
    for batch in BATCHES:
        taken = _turns(engine, rows, batch, seconds)
        one = statistics.median(taken[1])
        for n in REQUESTED:
            ratio = statistics.median(
                mine / its for mine, its in zip(taken[n], taken[1], strict=True)
            )
            print(
                f"batch {batch:3}, n = {n:2}: {1e3 * statistics.median(taken[n]):8.2f} ms"
                f"  {batch / statistics.median(taken[n]):8,.0f} words/s  {ratio:5.2f} x greedy"
            )
            if n == 3:
                note = f"{batch / one:,.0f} words/s greedy"
                table.append(goal(f"n = 3, batch {batch}: time of greedy", -3, ratio, "x", note))
    show_table(table)


def _turns(
    engine: Decoder, rows: Sequence[Sequence[int]], batch: int, seconds: float
) -> dict[int, list[float]]:
    """Time the same batches for each number of answers per word; return seconds per batch."""

    def ask(n: int) -> Callable[[Sequence[Sequence[int]]], object]:
        return engine.decode if n == 1 else lambda some: engine.beam(some, n)

    kinds = {n: ask(n) for n in REQUESTED}
    taken: dict[int, list[float]] = {n: [] for n in REQUESTED}
    for work in kinds.values():
        work(rows[:batch])
    until = time.perf_counter() + seconds
    first = 0
    while time.perf_counter() < until or not taken[1]:
        some = rows[first : first + batch]
        for n, work in kinds.items():
            started = time.perf_counter()
            work(some)
            taken[n].append(time.perf_counter() - started)
        first = (first + batch) % (len(rows) - batch)
    return taken


if __name__ == "__main__":
    typer.run(main)

"""``python -m benchmarks``: what `make bench` prints."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from model import lexicon, phonemizer
from model.__main__ import ARTIFACT
from model.phonemizer import Phonemizer

ROOT = Path(__file__).parent.parent
BATCHES = (1, 8, 32, 256)


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    words: Annotated[Path, typer.Option(help="A lexicon to take words from.")] = ROOT
    / "data/cmudict/cmudict-0.7b.test",
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 2.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind.")] = 5,
) -> None:
    """Words/s of the greedy decode on one core, and what the core can do at all."""
    if not words.exists():
        raise typer.BadParameter(f"{words} is not here: make data")
    torch.set_num_threads(1)
    loaded = Phonemizer.load(artifact, "cpu")
    spelt = list(lexicon.pronunciations(lexicon.read(words)))
    print(f"{artifact.name} on one core, {rounds} rounds, median (lowest to highest)")
    gemm = _rates(_gemm, seconds, rounds)
    _print("float32 matrix product, GFLOP/s", [rate / 1e9 for rate in gemm])
    alone: float | None = None
    for batch in BATCHES:
        rates = _rates(_decoder(loaded, spelt, batch), seconds, rounds)
        alone = alone or statistics.median(rates)
        _print(f"batch {batch:4}, words/s", rates, statistics.median(rates) / alone)


def _rates(work: Callable[[], float], seconds: float, rounds: int) -> list[float]:
    """Units of `work` a second, a figure a round, after one call to warm up."""
    work()
    rates = []
    for _ in range(rounds):
        started, done = time.perf_counter(), 0.0
        while (elapsed := time.perf_counter() - started) < seconds:
            done += work()
        rates.append(done / elapsed)
    return rates


def _gemm() -> float:
    """A product of two large matrices; returns its floating-point operations."""
    size = 1024
    a, b = torch.ones(size, size), torch.ones(size, size)
    torch.mm(a, b)
    return 2.0 * size**3


def _decoder(loaded: Phonemizer, words: Sequence[str], batch: int) -> Callable[[], float]:
    """Decodes the next `batch` words at every call, whatever their lengths."""
    assert batch <= phonemizer.BATCH
    position = 0

    def decode() -> float:
        nonlocal position
        chosen = [words[(position + index) % len(words)] for index in range(batch)]
        position = (position + batch) % len(words)
        loaded.pronounce(chosen)
        return batch

    return decode


def _print(what: str, rates: Sequence[float], ratio: float | None = None) -> None:
    against = f"  {ratio:6.2f} x batch 1" if ratio is not None else ""
    print(
        f"{what:34} {statistics.median(rates):9,.1f} "
        f"({min(rates):,.1f} to {max(rates):,.1f}){against}"
    )


if __name__ == "__main__":
    typer.run(main)

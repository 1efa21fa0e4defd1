"""``python -m benchmarks``: what `make bench` prints."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.measure import rates_of, show
from model import lexicon, phonemizer
from model.cli.common import ARTIFACT
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
    products = rates_of(gemm, seconds, rounds)
    show("float32 matrix product, GFLOP/s", [rate / 1e9 for rate in products])
    alone: float | None = None
    for batch in BATCHES:
        rates = rates_of(_decoder(loaded, spelt, batch), seconds, rounds)
        alone = alone or statistics.median(rates)
        show(f"batch {batch:4}, words/s", rates, statistics.median(rates) / alone)


def gemm() -> float:
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


if __name__ == "__main__":
    typer.run(main)

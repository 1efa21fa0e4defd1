"""``python -m benchmarks.gpu``: measure greedy decoding on a GPU beside its goals."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.goals import goal, show_table
from benchmarks.measure import percentile, rates_of, show
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding import devices
from tanger.model.decoding.cuda import MAX_BATCH, GraphedDecoder
from tanger.model.decoding.hypothesis import Decoded
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.network.seq2seq import Seq2Seq

TEST = Path(__file__).parent.parent / "data/cmudict/cmudict-0.7b.test"
BATCHES = (1, 8, 32, 128, 512, 1024, 2048, 4096)
# Calls before timing starts, in which graphs are captured.
WARM_UP = 64

Rows = Sequence[Sequence[int]]


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    words: Annotated[Path, typer.Option(help="A lexicon to take words from.")] = TEST,
    device: Annotated[str, typer.Option(help="cuda or cuda:N.")] = "cuda",
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 1.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind.")] = 5,
) -> None:
    """Measure words/s by batch size and the latency of a word, and compare with the plain loop."""
    if not torch.cuda.is_available():
        print("no GPU is here: its rates are not measured")
        return
    target = torch.device(devices.resolve(device))
    found = artifacts.read(artifact)
    rows = [found.graphemes.encode(word) for word in lexicon.pronunciations(lexicon.read(words))]
    in_torch = TorchDecoder.of([found], str(target))
    assert isinstance(in_torch.network, Seq2Seq)
    decoder = GraphedDecoder(
        in_torch.network, found.graphemes, found.phonemes, allowed=in_torch.allowed
    )
    print(
        f"{artifact.name} {found.version}, {torch.cuda.get_device_name(target)}, torch "
        f"{torch.__version__}, {rounds} rounds: median (lowest to highest), words/s"
    )

    in_torch.graphed = None
    expected = in_torch.decode(rows)
    plain = rates_of(lambda: len(in_torch.decode(rows[:MAX_BATCH])), seconds, rounds)
    show(f"plain loop, {min(MAX_BATCH, len(rows))} words", plain)
    torch.cuda.reset_peak_memory_stats(target)
    _show_agreement("graphs", decoder.decode(rows), expected)
    rates = {}
    for batch in BATCHES:
        turns = (len(decoder.decode(some)) for some in _turns(rows, batch))
        for _ in range(WARM_UP):
            next(turns)
        rounds_of_it = rates_of(turns.__next__, seconds, rounds)
        rates[batch] = statistics.median(rounds_of_it)
        show(f"graphs, batch {batch}", rounds_of_it)
    taken = _milliseconds(decoder, rows, seconds * rounds)
    print(f"{torch.cuda.max_memory_reserved(target) / 1e6:,.0f} MB of the device at most")

    show_table([
        goal(f"batch {BATCHES[-1]}, thousands of words/s", 300, rates[BATCHES[-1]] / 1e3,
              "k/s", ""),
        goal("batch 1, a word's time, median", -3, statistics.median(taken), "ms",
              f"99 of 100 within {percentile(taken, 0.99):.2f} ms"),
    ])  # fmt: skip


def _turns(rows: Rows, batch: int) -> Iterator[Rows]:
    """Yield batches of `batch` words, of any lengths, cycling through the rows."""
    endless = itertools.cycle(rows)
    while True:
        yield list(itertools.islice(endless, batch))


def _milliseconds(decoder: GraphedDecoder, rows: Rows, seconds: float) -> list[float]:
    """Return the latencies of words decoded one at a time."""
    taken, until = [], time.perf_counter() + seconds
    for some in _turns(rows, 1):
        started = time.perf_counter()
        decoder.decode(some)
        taken.append(1e3 * (time.perf_counter() - started))
        if time.perf_counter() > until:
            break
    return taken


def _show_agreement(name: str, answers: Sequence[Decoded], expected: Sequence[Decoded]) -> None:
    same = sum(a.symbols == b.symbols for a, b in zip(answers, expected, strict=True))
    print(f"{name}: {same:,} of {len(expected):,} words answered as the plain loop does")


if __name__ == "__main__":
    typer.run(main)

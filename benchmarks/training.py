"""``python -m benchmarks.training``: compare the trainer with a straightforward torch loop."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer
from torch import nn

from benchmarks.measure import rates_of, show
from benchmarks.plain import Plain
from tanger.model.network import lstm
from tanger.model.network.config import NetworkConfig
from tanger.model.training import data as datasets
from tanger.model.training import recipe as recipes
from tanger.model.training.batches import Example, collate, sweep
from tanger.model.training.data import Dataset
from tanger.model.training.distributed import Processes
from tanger.model.training.recipe import Recipe
from tanger.model.training.reporters import Reporter
from tanger.model.training.trainer import Trainer

DATA = Path(__file__).parent.parent / "data/cmudict"


def main(
    data: Annotated[Path, typer.Option(help="The folder of the CMUdict split.")] = DATA,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 15.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind.")] = 3,
) -> None:
    """Measure words/s of whole training steps: ours, and a loop with packed sequences."""
    lexicon = data / "cmudict-0.7b.train-dev-20-21"
    if not lexicon.exists():
        raise typer.BadParameter(f"{lexicon} is not here: make data")
    torch.set_num_threads(threads)
    recipe = recipes.load("default")
    read = datasets.read(recipe, lexicon, data / "cmudict-0.7b.train-dev-1-21")
    print(f"recipe default, {threads} threads, {rounds} rounds, median (lowest to highest)")
    plain = rates_of(_plain(recipe, read), seconds, rounds)
    base = statistics.median(plain)
    show("plain loop, packed rows, words/s", plain, 1.0, "plain")
    ours = rates_of(_ours(recipe, read, bfloat16=False), seconds, rounds)
    show("ours, float32, words/s", ours, statistics.median(ours) / base, "plain")
    if lstm.bfloat16_is_faster(torch.device("cpu")):
        ours = rates_of(_ours(recipe, read, bfloat16=True), seconds, rounds)
        show("ours, bfloat16 products, words/s", ours, statistics.median(ours) / base, "plain")
    else:
        print("this CPU is no faster in bfloat16: float32 is what it trains in")


def _config(recipe: Recipe, read: Dataset) -> NetworkConfig:
    return replace(
        recipe.network, input_symbols=len(read.graphemes), output_symbols=len(read.phonemes)
    )


def _plain(recipe: Recipe, read: Dataset) -> Callable[[], float]:
    network = Plain(_config(recipe, read)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    draw, size = random.Random(1), recipe.minibatches.size

    def step() -> float:
        minibatch = collate(draw.sample(read.examples, size))
        logits = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels[:, :-1])
        steps = torch.arange(logits.shape[1]) < minibatch.label_lengths.unsqueeze(1)
        labels = minibatch.labels[:, 1:].masked_fill(~steps, -100)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        return size

    return step


def _ours(recipe: Recipe, read: Dataset, *, bfloat16: bool) -> Callable[[], float]:
    folder = Path(tempfile.gettempdir())  # not written to
    trainer = Trainer(
        replace(recipe, sample_word=""),
        read,
        out=folder / "tanger-benchmark",
        run=folder / "tanger-benchmark-run",
        processes=Processes(0, 1, torch.device("cpu")),
        reporter=Reporter(),
    )
    trainer.progress.bfloat16 = bfloat16
    rule = recipe.minibatches
    waiting: list[Sequence[Example]] = []

    def step() -> float:
        if not waiting:
            waiting.extend(sweep(read.examples, rule, seed=1, number=0))
        examples = waiting.pop()
        trainer.step(examples)
        return len(examples)

    return step


if __name__ == "__main__":
    typer.run(main)

"""``python -m benchmarks.training``: the trainer beside what a plain torch loop makes of it."""

from __future__ import annotations

import copy
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.measure import rates_of, show
from model import dataset, precision
from model import recipe as recipes
from model.batches import Example, collate, sweep
from model.config import NetworkConfig
from model.dataset import Dataset
from model.learning import average, learn
from model.network import Seq2Seq
from model.optimisers import learner
from model.recipe import Recipe

DATA = Path(__file__).parent.parent / "data/cmudict"


class Plain(nn.Module):
    """The same network as most would write it: nn.LSTM over packed rows, nn.LSTMCell steps."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden, embedding, share = config.hidden, config.embedding, config.dropout
        self.graphemes = nn.Embedding(config.input_symbols, embedding)
        self.phonemes = nn.Embedding(config.output_symbols, embedding)
        self.encoder = nn.LSTM(embedding, hidden // 2, config.encoder_layers, bidirectional=True,
                               dropout=share, batch_first=True)  # fmt: skip
        self.cells = nn.ModuleList(
            nn.LSTMCell(hidden if height else embedding + hidden, hidden)
            for height in range(config.decoder_layers)
        )
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.mix = nn.Linear(2 * hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, config.output_symbols)
        self.dropout = nn.Dropout(share)

    def forward(self, graphemes: Tensor, lengths: Tensor, labels: Tensor) -> Tensor:
        rows, steps = graphemes.shape
        embedded = self.dropout(self.graphemes(graphemes))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        packed, (h, c) = self.encoder(packed)
        values, _ = pad_packed_sequence(packed, batch_first=True)
        keys = self.key(values) / values.shape[2] ** 0.5
        padding = torch.arange(steps) >= lengths.unsqueeze(1)
        layers = len(self.cells)
        states = [
            (
                h.view(layers, 2, rows, -1)[layer].transpose(0, 1).reshape(rows, -1),
                c.view(layers, 2, rows, -1)[layer].transpose(0, 1).reshape(rows, -1),
            )
            for layer in range(layers)
        ]
        fed, tops = torch.zeros_like(states[0][0]), []
        for label in self.dropout(self.phonemes(labels)).unbind(1):
            x = torch.cat([label, fed], dim=1)
            for layer, cell in enumerate(self.cells):
                states[layer] = cell(self.dropout(x) if layer else x, states[layer])
                x = states[layer][0]
            scores = (keys @ x.unsqueeze(2)).squeeze(2).masked_fill(padding, float("-inf"))
            context = (scores.softmax(1).unsqueeze(1) @ values).squeeze(1)
            fed = self.mix(torch.cat([context, x], dim=1)).tanh()
            tops.append(fed)
        logits: Tensor = self.output(self.dropout(torch.stack(tops, dim=1)))
        return logits


def main(
    data: Annotated[Path, typer.Option(help="The folder of the CMUdict split.")] = DATA,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 15.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind.")] = 3,
) -> None:
    """Words/s of training, forwards, backwards and step: ours, and a plain loop of packed rows."""
    lexicon = data / "cmudict-0.7b.train-dev-20-21"
    if not lexicon.exists():
        raise typer.BadParameter(f"{lexicon} is not here: make data")
    torch.set_num_threads(threads)
    recipe = recipes.load("default")
    read = dataset.read(recipe, lexicon, data / "cmudict-0.7b.train-dev-1-21")
    print(f"recipe default, {threads} threads, {rounds} rounds, median (lowest to highest)")
    plain = rates_of(_plain(recipe, read), seconds, rounds)
    base = statistics.median(plain)
    show("plain loop, packed rows, words/s", plain, 1.0, "plain")
    ours = rates_of(_ours(recipe, read, bfloat16=False), seconds, rounds)
    show("ours, float32, words/s", ours, statistics.median(ours) / base, "plain")
    if precision.in_hardware(torch.device("cpu")):
        ours = rates_of(_ours(recipe, read, bfloat16=True), seconds, rounds)
        show("ours, bfloat16 products, words/s", ours, statistics.median(ours) / base, "plain")
    else:
        print("this CPU has no bfloat16 arithmetic: float32 is what it trains in")


def _config(recipe: Recipe, read: Dataset) -> NetworkConfig:
    return replace(
        recipe.network, input_symbols=len(read.graphemes), output_symbols=len(read.phonemes)
    )


def _plain(recipe: Recipe, read: Dataset) -> Callable[[], float]:
    network = Plain(_config(recipe, read)).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    draw, size = random.Random(1), recipe.minibatches.size

    def step() -> float:
        minibatch = collate(draw.sample(read.examples, size))
        logits = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels[:, :-1])
        steps = torch.arange(logits.shape[1]) < minibatch.label_lengths.unsqueeze(1)
        labels = minibatch.labels[:, 1:].masked_fill(~steps, -100)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        return size

    return step


def _ours(recipe: Recipe, read: Dataset, *, bfloat16: bool) -> Callable[[], float]:
    network = Seq2Seq(_config(recipe, read))
    averaged, optimiser = copy.deepcopy(network), learner(recipe.optimiser, network)
    rule = recipe.minibatches
    waiting: list[Sequence[Example]] = []

    def step() -> float:
        if not waiting:
            waiting.extend(sweep(read.examples, unit=rule.unit, size=rule.size, seed=1, number=0))
        examples = waiting.pop()
        tokens = sum(len(example.labels) - 1 for example in examples)
        learn(network, examples, tokens, recipe.loss, torch.device("cpu"), bfloat16=bfloat16)
        optimiser.step(tokens=tokens, progress=0.1)
        average(averaged, network, recipe.run.averaging, 10_000)
        return len(examples)

    return step


if __name__ == "__main__":
    typer.run(main)

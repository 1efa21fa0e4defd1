"""Padded minibatches, drawn by token budget (CNTK's way) or by word length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tanger.model.lexicon import Entry
from tanger.model.network.seq2seq import pad
from tanger.model.phonology.vocabulary import Vocabulary, frame
from tanger.model.training.recipe import MinibatchUnit

# Stands for a stress class that is not known: torch's own mark of a label to pass over.
UNKNOWN = -100


class SoftLabels(NamedTuple):
    """What teachers expect at each of an entry's U steps: the K likeliest symbols.

    Attributes:
        symbols: [U, K] indices.
        probabilities: [U, K] of each, adding up to 1 a step.
    """

    symbols: np.ndarray[Any, Any]
    probabilities: np.ndarray[Any, Any]


class Example(NamedTuple):
    """One lexicon entry as indices.

    Attributes:
        graphemes: as the encoder reads them.
        labels: from ``<s>`` to ``</s>``.
        soft: what teachers expect of the labels behind ``<s>``.
        stress: the classes (see `phonology.stress`) of the labels behind ``<s>``, where known.
    """

    graphemes: list[int]
    labels: list[int]
    soft: SoftLabels | None = None
    stress: list[int] | None = None


@dataclass(frozen=True)
class Minibatch:
    """Padded tensors of B words; what lies past a row's length is padding and means nothing.

    Attributes:
        graphemes: [B, T] indices.
        grapheme_lengths: [B] on the CPU.
        labels: [B, U + 1] indices, from ``<s>`` to ``</s>``.
        label_lengths: [B] on the CPU, counted without ``<s>``: the number of decoder steps.
        soft_symbols, soft_probabilities: [B, U, K] what teachers expect, where there are any.
        stress: [B, U] stress classes, `UNKNOWN` where not known; None where none is.
    """

    graphemes: Tensor
    grapheme_lengths: Tensor
    labels: Tensor
    label_lengths: Tensor
    soft_symbols: Tensor | None = None
    soft_probabilities: Tensor | None = None
    stress: Tensor | None = None

    @property
    def tokens(self) -> int:
        """Label tokens without ``<s>``: what the loss is summed over."""
        return int(self.label_lengths.sum())

    def to(self, device: torch.device) -> Minibatch:
        """The same minibatch with its symbols on `device`; lengths stay on the CPU."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        return replace(
            self,
            graphemes=self.graphemes.to(device),
            labels=self.labels.to(device),
            soft_symbols=move(self.soft_symbols),
            soft_probabilities=move(self.soft_probabilities),
            stress=move(self.stress),
        )


def encode_entries(
    entries: Sequence[Entry], graphemes: Vocabulary, phonemes: Vocabulary, *, add_bos_eos: bool
) -> list[Example]:
    """Entries as indices; with `add_bos_eos` the graphemes too stand between ``<s>`` and ``</s>``.

    Raises:
        UnknownSymbolError: for a symbol that its vocabulary lacks.
    """
    return [
        Example(
            frame(graphemes.encode(entry.word), graphemes, add_bos_eos=add_bos_eos),
            [phonemes.start, *phonemes.encode(entry.phonemes), phonemes.end],
        )
        for entry in entries
    ]


def collate(examples: Sequence[Example]) -> Minibatch:
    """The examples as one padded minibatch, in their order; all with soft labels, or none."""
    graphemes, grapheme_lengths = pad([example.graphemes for example in examples])
    labels, label_lengths = pad([example.labels for example in examples])
    steps = labels.shape[1] - 1
    symbols, probabilities = _pad_soft(
        [example.soft for example in examples if example.soft is not None], steps
    )
    return Minibatch(
        graphemes,
        grapheme_lengths,
        labels,
        label_lengths - 1,
        symbols,
        probabilities,
        _pad_stress(examples, steps),
    )


def _pad_stress(examples: Sequence[Example], steps: int) -> Tensor | None:
    if all(example.stress is None for example in examples):
        return None
    padded = torch.full((len(examples), steps), UNKNOWN)
    for target, example in zip(padded, examples, strict=True):
        if example.stress is not None:
            target[: len(example.stress)] = torch.tensor(example.stress)
    return padded


def _pad_soft(rows: Sequence[SoftLabels], steps: int) -> tuple[Tensor, Tensor] | tuple[None, None]:
    if not rows:
        return None, None
    shape = len(rows), steps, rows[0].symbols.shape[1]
    symbols, probabilities = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
    for index, row in enumerate(rows):
        symbols[index, : len(row.symbols)] = row.symbols
        probabilities[index, : len(row.symbols)] = row.probabilities
    return torch.from_numpy(symbols), torch.from_numpy(probabilities)


def by_tokens(
    examples: Sequence[Example], budget: int, shuffle: random.Random
) -> list[list[Example]]:
    """One shuffled sweep in minibatches of at most `budget` tokens.

    A word counts as many tokens as the longer of its two sequences has, ends included: CNTK's
    meaning of a minibatch size. A word past the budget makes a minibatch of its own.
    """
    minibatches: list[list[Example]] = []
    room = 0
    for example in shuffle.sample(examples, len(examples)):
        cost = max(len(example.graphemes), len(example.labels))
        if cost > room:
            minibatches.append([])
            room = budget
        minibatches[-1].append(example)
        room -= cost
    return minibatches


def by_length(
    examples: Sequence[Example], size: int, shuffle: random.Random
) -> list[list[Example]]:
    """One shuffled sweep in minibatches of at most `size` words with equally many graphemes.

    The encoder then computes no padding at all; the minibatches come in random order.
    """
    buckets: dict[int, list[Example]] = {}
    for example in shuffle.sample(examples, len(examples)):
        buckets.setdefault(len(example.graphemes), []).append(example)
    minibatches = [
        bucket[first : first + size]
        for _, bucket in sorted(buckets.items())
        for first in range(0, len(bucket), size)
    ]
    shuffle.shuffle(minibatches)
    return minibatches


def join(first: Example, second: Example, *, add_bos_eos: bool) -> Example:
    """Two words as one, said one after the other; without soft labels, and without stress.

    A network that has read few words learns from these where the sounds of letters begin and end,
    for they are the same in other company.

    Source: Nguyen et al. (2021), "Data Augmentation by Concatenation for Low-Resource Translation:
    A Mystery and a Solution".

    Args:
        first: the one that is said first.
        second: the other one.
        add_bos_eos: whether their graphemes stand between ``<s>`` and ``</s>``.
    """
    ends = 1 if add_bos_eos else 0
    return Example(
        [*first.graphemes[: len(first.graphemes) - ends], *second.graphemes[ends:]],
        [*first.labels[:-1], *second.labels[1:]],
    )


def sweep(
    examples: Sequence[Example],
    *,
    unit: MinibatchUnit,
    size: int,
    seed: int,
    number: int,
    joined: int = 0,
    add_bos_eos: bool = False,
) -> list[list[Example]]:
    """The minibatches of sweep `number`, in an order that hangs on `seed` and `number` alone.

    A run that was stopped therefore takes up where it was by passing over what it had read.

    Args:
        examples: to go through.
        unit: what a minibatch's size counts.
        size: of a minibatch.
        seed: the run's.
        number: from 0 on.
        joined: pairs of them to go through besides, each time others, each as one word.
        add_bos_eos: see `join`.
    """
    shuffle = random.Random(f"{seed}/{number}")
    pairs = [
        join(shuffle.choice(examples), shuffle.choice(examples), add_bos_eos=add_bos_eos)
        for _ in range(joined)
    ]
    draw = by_tokens if unit == "tokens" else by_length
    return draw([*examples, *pairs], size, shuffle)

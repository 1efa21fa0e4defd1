"""Lexicon entries as indices, and padded minibatches of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tanger.model.lexicon import Entry
from tanger.model.network.seq2seq import pad
from tanger.model.phonology.vocabulary import Vocabulary, frame
from tanger.model.training.recipe import MinibatchRecipe

# The class of a phoneme whose stress is not known: torch's own mark of a label to ignore.
UNKNOWN_STRESS = -100


class SoftLabels(NamedTuple):
    """Teachers' predictions at each of an entry's U steps: the K likeliest symbols.

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
        soft: teachers' predictions of the labels after ``<s>``.
        stress: the classes (see `phonology.stress`) of the labels after ``<s>``, where known.
    """

    graphemes: list[int]
    labels: list[int]
    soft: SoftLabels | None = None
    stress: list[int] | None = None


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


def concatenate(first: Example, second: Example, *, add_bos_eos: bool) -> Example:
    """Two words as one; without soft labels, and without stress.

    A network that has read few words learns from these where the sounds of letters begin and end.

    Source: Nguyen et al. (2021), "Data Augmentation by Concatenation for Low-Resource Translation:
    A Mystery and a Solution".

    Args:
        first: the word that comes first.
        second: the other one.
        add_bos_eos: whether their graphemes stand between ``<s>`` and ``</s>``.
    """
    ends = 1 if add_bos_eos else 0
    return Example(
        [*first.graphemes[: len(first.graphemes) - ends], *second.graphemes[ends:]],
        [*first.labels[:-1], *second.labels[1:]],
    )


# ------------------------------------------------------------------------------------------------
# From examples to tensors.


@dataclass(frozen=True)
class Minibatch:
    """Padded tensors of B words; what lies past a row's length is padding and means nothing.

    Attributes:
        graphemes: [B, T] indices.
        grapheme_lengths: [B] on the CPU.
        labels: [B, U + 1] indices, from ``<s>`` to ``</s>``.
        label_lengths: [B] on the CPU, counted without ``<s>``: the number of decoder steps.
        soft_symbols, soft_probabilities: [B, U, K] teachers' predictions, where there are any.
        stress: [B, U] stress classes, `UNKNOWN_STRESS` where not known; None where none is.
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
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {
            name: tensor.to(device)
            for name, tensor in tensors.items()
            if tensor is not None and not name.endswith("_lengths")
        }
        return replace(self, **moved)


def collate(examples: Sequence[Example]) -> Minibatch:
    """The examples as one padded minibatch, in their order; all with soft labels, or none."""
    graphemes, grapheme_lengths = pad([example.graphemes for example in examples])  # [B, T], [B]
    labels, label_lengths = pad([example.labels for example in examples])  # [B, U + 1], [B]
    steps = labels.shape[1] - 1
    soft = [example.soft for example in examples if example.soft is not None]
    return Minibatch(
        graphemes,
        grapheme_lengths,
        labels,
        label_lengths - 1,
        _pad_soft([each.symbols.astype(np.int64) for each in soft]),
        _pad_soft([each.probabilities.astype(np.float32) for each in soft]),
        _pad_stress([example.stress for example in examples], steps),
    )


def _pad_soft(rows: Sequence[np.ndarray[Any, Any]]) -> Tensor | None:
    """Rows [U, K] of any U as one tensor [B, U, K]."""
    return pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True) if rows else None


def _pad_stress(rows: Sequence[Sequence[int] | None], steps: int) -> Tensor | None:
    """Rows of at most U classes, or none, as one tensor [B, U]."""
    if all(row is None for row in rows):
        return None
    padded = torch.full((len(rows), steps), UNKNOWN_STRESS)
    for target, row in zip(padded, rows, strict=True):
        if row is not None:
            target[: len(row)] = torch.tensor(row)
    return padded


# ------------------------------------------------------------------------------------------------
# From examples to minibatches: by token budget, as in CNTK, or by word length.


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


def sweep(
    examples: Sequence[Example],
    recipe: MinibatchRecipe,
    *,
    seed: int,
    number: int,
    add_bos_eos: bool = False,
) -> list[list[Example]]:
    """The minibatches of one sweep over the examples, in an order set by `seed` and `number` alone.

    A resumed run therefore only has to skip what it had read.

    Args:
        examples: to go through.
        recipe: what a minibatch holds, and how many concatenated pairs come besides.
        seed: the run's.
        number: of the sweep, from 0.
        add_bos_eos: see `concatenate`.
    """
    shuffle = random.Random(f"{seed}/{number}")
    pairs = [
        concatenate(shuffle.choice(examples), shuffle.choice(examples), add_bos_eos=add_bos_eos)
        for _ in range(recipe.pairs(len(examples)))
    ]
    draw = by_tokens if recipe.unit == "tokens" else by_length
    return draw([*examples, *pairs], recipe.size, shuffle)

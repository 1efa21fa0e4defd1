"""Encode lexicon entries as indices, and collate them into padded minibatches."""

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

# Class index of unknown stress: the default `ignore_index` of torch's cross-entropy.
UNKNOWN_STRESS = -100


class SoftLabels(NamedTuple):
    """Teachers' predictions at each of an entry's U decoder steps: the K most probable symbols.

    Attributes:
        symbols: [U, K] indices.
        probabilities: [U, K] their probabilities; each row sums to 1.
    """

    symbols: np.ndarray[Any, Any]
    probabilities: np.ndarray[Any, Any]


class Example(NamedTuple):
    """One lexicon entry as indices.

    Attributes:
        graphemes: input of the encoder.
        labels: phonemes, from ``<s>`` to ``</s>``.
        soft: teachers' predictions of the labels after ``<s>``.
        stress: classes (see `phonology.stress`) of the labels after ``<s>``; None if unknown.
    """

    graphemes: list[int]
    labels: list[int]
    soft: SoftLabels | None = None
    stress: list[int] | None = None


def encode_entries(
    entries: Sequence[Entry], graphemes: Vocabulary, phonemes: Vocabulary, *, add_bos_eos: bool
) -> list[Example]:
    """Encode entries as indices.

    Args:
        entries: the entries.
        graphemes: vocabulary of the words.
        phonemes: vocabulary of the pronunciations.
        add_bos_eos: enclose the graphemes too in ``<s>`` and ``</s>``.

    Raises:
        UnknownSymbolError: if a symbol is not in its vocabulary.
    """
    return [
        Example(
            frame(graphemes.encode(entry.word), graphemes, add_bos_eos=add_bos_eos),
            [phonemes.start, *phonemes.encode(entry.phonemes), phonemes.end],
        )
        for entry in entries
    ]


def concatenate(first: Example, second: Example, *, add_bos_eos: bool) -> Example:
    """Concatenate two examples to one, without soft labels and stress.

    From such pairs a network with little training data learns where the phonemes of a letter begin
    and end.

    Source: Nguyen et al. (2021), "Data Augmentation by Concatenation for Low-Resource Translation:
    A Mystery and a Solution".

    Args:
        first: the first example.
        second: the second example.
        add_bos_eos: their graphemes are enclosed in ``<s>`` and ``</s>``.
    """
    ends = 1 if add_bos_eos else 0
    return Example(
        [*first.graphemes[: len(first.graphemes) - ends], *second.graphemes[ends:]],
        [*first.labels[:-1], *second.labels[1:]],
    )


# ------------------------------------------------------------------------------------------------
# Examples to tensors.


@dataclass(frozen=True)
class Minibatch:
    """Padded tensors of B words; positions beyond a row's length are undefined.

    Attributes:
        graphemes: [B, T] indices.
        grapheme_lengths: [B] on the CPU.
        labels: [B, U + 1] indices, from ``<s>`` to ``</s>``.
        label_lengths: [B] on the CPU, without ``<s>``: the number of decoder steps.
        soft_symbols, soft_probabilities: [B, U, K] teachers' predictions, if there are any.
        stress: [B, U] stress classes, `UNKNOWN_STRESS` if unknown; None if no stress is known.
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
        """Number of label tokens without ``<s>``, over which the loss is summed."""
        return int(self.label_lengths.sum())

    def to(self, device: torch.device) -> Minibatch:
        """Return a copy with its tensors on `device`; the lengths stay on the CPU."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {
            name: tensor.to(device)
            for name, tensor in tensors.items()
            if tensor is not None and not name.endswith("_lengths")
        }
        return replace(self, **moved)


def collate(examples: Sequence[Example]) -> Minibatch:
    """Collate examples into one padded minibatch, in order; all have soft labels, or none has."""
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
    """Pad rows [U, K] of different U to one tensor [B, U, K]."""
    return pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True) if rows else None


def _pad_stress(rows: Sequence[Sequence[int] | None], steps: int) -> Tensor | None:
    """Pad rows of at most U classes, or None, to one tensor [B, U]."""
    if all(row is None for row in rows):
        return None
    padded = torch.full((len(rows), steps), UNKNOWN_STRESS)
    for target, row in zip(padded, rows, strict=True):
        if row is not None:
            target[: len(row)] = torch.tensor(row)
    return padded


# ------------------------------------------------------------------------------------------------
# Examples to minibatches: by token budget, as in CNTK, or by word length.


def by_tokens(
    examples: Sequence[Example], budget: int, shuffle: random.Random
) -> list[list[Example]]:
    """Shuffle the examples and cut them into minibatches of at most `budget` tokens.

    As in CNTK, a word counts as many tokens as the longer of its two sequences, ``<s>`` and
    ``</s>`` included. A word larger than the budget is a minibatch of its own.
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
    """Shuffle the examples into minibatches of at most `size` words of equal length.

    The encoder then computes no padding. The minibatches are in random order.
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
    """Return the minibatches of one sweep over the examples.

    Their order depends only on `seed` and `number`, so that a resumed run can skip those that are
    done.

    Args:
        examples: the training data.
        recipe: the size of a minibatch, and the number of concatenated pairs to add.
        seed: seed of the run.
        number: index of the sweep, from 0.
        add_bos_eos: see `concatenate`.
    """
    shuffle = random.Random(f"{seed}/{number}")
    pairs = [
        concatenate(shuffle.choice(examples), shuffle.choice(examples), add_bos_eos=add_bos_eos)
        for _ in range(recipe.pairs(len(examples)))
    ]
    draw = by_tokens if recipe.unit == "tokens" else by_length
    return draw([*examples, *pairs], recipe.size, shuffle)

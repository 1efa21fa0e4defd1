"""Greedy and beam decoding in torch: the reference of the engine.

No pronunciation is empty: ``</s>`` is never taken as the first symbol. The other symbols keep the
probabilities that they have beside it, rather than being normalised without it, since probabilities
are calibrated so: a pronunciation of a spelling that the network would rather leave silent stays an
unlikely one, and every other word's probability is what it would be without the rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from model.batches import pad
from model.circles import ruled_out
from model.hypothesis import Decoded
from model.stress import one_primary


class Steps(Protocol):
    """What can be decoded: a `Seq2Seq`, or an `Ensemble` of them."""

    def encode(self, graphemes: Tensor, lengths: Tensor) -> Any:
        """Read a batch of words."""

    def start(self, memory: Any) -> Any:
        """The state before the first step."""

    def step(self, labels: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any]:
        """The previous labels [B] -> logits [B, V] and the next state."""

    def reorder(self, state: Any, rows: Tensor) -> Any:
        """The state whose rows are these [B] of another one."""

    def looks(self, state: Any, memory: Any) -> Tensor:
        """The attention [B, T] that was paid on the way to a state."""

    def stress(self, states: Sequence[Any], phonemes: Tensor) -> Tensor | None:
        """Emitted phonemes [B, U] and the state behind each step -> logits [B, U, 4]."""


@torch.inference_mode()
def greedy(
    network: Steps,
    graphemes: Tensor,
    lengths: Tensor,
    *,
    bounds: Sequence[int],
    rounds: Sequence[int],
    start: int,
    end: int,
    allowed: Tensor | None = None,
    stress_bias: np.ndarray[Any, Any] | None = None,
) -> list[Decoded]:
    """Decode a batch of B words by feeding each step's arg-max into the next.

    A row that has reached ``</s>`` or its bound stays finished, whatever the others do. No row
    goes round in circles (see `model.circles`), and none is empty.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        bounds: the most steps that each row may take.
        rounds: how often each row's spelling goes round itself (see `model.circles`).
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all of them without it.
        stress_bias: [V, 4] added to each symbol's stress logits (see `model.inventory`).
    """
    memory = network.encode(graphemes, lengths)
    state = network.start(memory)
    labels = torch.full((len(lengths),), start, device=graphemes.device)
    said: list[list[int]] = [[] for _ in bounds]
    probabilities: list[list[float]] = [[] for _ in bounds]
    going = set(range(len(bounds)))
    emitted: list[Tensor] = []
    states = []
    while going:
        logits, state = network.step(labels, state, memory)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        for row in going:
            if circling := ruled_out(said[row], rounds[row]):
                logits[row, list(circling)] = -math.inf
        best, labels = _probabilities(logits, end=end, first=not emitted).max(dim=1)
        emitted.append(labels)
        states.append(state)
        symbols, chances = labels.tolist(), best.tolist()
        for row in tuple(going):
            said[row].append(symbols[row])
            probabilities[row].append(chances[row])
            if symbols[row] == end or len(said[row]) == bounds[row]:
                going.remove(row)
    complete = [row[-1] == end for row in said]
    phonemes = [row[:-1] if whole else row for row, whole in zip(said, complete, strict=True)]
    labels = torch.stack(emitted, dim=1)
    scores = network.stress(states, labels)
    stress = _classes(scores, labels, [len(row) for row in phonemes], stress_bias)
    return list(map(Decoded, phonemes, probabilities, complete, stress))


@torch.inference_mode()
def attention(
    network: Steps,
    graphemes: Tensor,
    lengths: Tensor,
    said: Sequence[Sequence[int]],
    *,
    start: int,
) -> list[np.ndarray[Any, Any]]:
    """Where a network that has attention looks while it says what it is told to, [U, T] each.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        said: the phonemes of each row.
        start: index of ``<s>`` among the phonemes.
    """
    labels, _ = pad([[start, *symbols] for symbols in said])
    memory = network.encode(graphemes, lengths)
    state, looked = network.start(memory), []
    for label in labels.to(graphemes.device).unbind(dim=1):
        _, state = network.step(label, state, memory)
        looked.append(network.looks(state, memory))
    paid = torch.stack(looked, dim=1).float().cpu().numpy()
    return [
        row[: len(symbols), :length]
        for row, symbols, length in zip(paid, said, lengths.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class _Beginning:
    """A hypothesis on its way.

    Attributes:
        row: of the batch in which it was said.
        said: its symbols, ``</s>`` included.
        probabilities: of each of them.
        score: the logarithm of their product.
    """

    row: int
    said: tuple[int, ...] = ()
    probabilities: tuple[float, ...] = ()
    score: float = 0.0

    def then(self, symbol: int, probability: float) -> _Beginning:
        """This one and a further symbol; what cannot be said at all scores minus infinity."""
        score = math.log(probability) if probability > 0 else -math.inf
        return _Beginning(
            self.row, (*self.said, symbol), (*self.probabilities, probability), self.score + score
        )


@torch.inference_mode()
def beam(
    network: Steps,
    graphemes: Tensor,
    lengths: Tensor,
    *,
    width: int,
    bounds: Sequence[int],
    rounds: Sequence[int],
    start: int,
    end: int,
    allowed: Tensor | None = None,
    stress_bias: np.ndarray[Any, Any] | None = None,
) -> list[list[Decoded]]:
    """Several answers for each of B words: what `greedy` says, and behind it others, best first.

    At each step the likeliest `width` of all that the hypotheses of a word could become go on, and
    always the greedy one among them. One that has reached ``</s>`` stays what it is.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        width: the most answers of a word.
        bounds: the most steps that each row may take.
        rounds: how often each row's spelling goes round itself (see `model.circles`).
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all of them without it.
        stress_bias: [V, 4] added to each symbol's stress logits (see `model.inventory`).
    """
    words = len(bounds)
    memory = network.encode(
        graphemes.repeat_interleave(width, dim=0), lengths.repeat_interleave(width)
    )
    state = network.start(memory)
    labels = torch.full((words * width,), start, device=graphemes.device)
    beams = [[_Beginning(word * width)] for word in range(words)]

    def goes_on(word: int, one: _Beginning) -> bool:
        return len(one.said) < bounds[word] and one.said[-1:] != (end,)

    while any(goes_on(word, one) for word, beam in enumerate(beams) for one in beam):
        logits, state = network.step(labels, state, memory)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        for word, beam in enumerate(beams):
            for one in beam:
                if circling := ruled_out(one.said, rounds[word]):
                    logits[one.row, list(circling)] = -math.inf
        # None of a hypothesis's lesser symbols can be among the `width` best of all
        first = not any(one.said for beam in beams for one in beam)
        probabilities = _probabilities(logits, end=end, first=first)
        best = probabilities.topk(min(width, logits.shape[1]), dim=1)
        chances, symbols = best.values.tolist(), best.indices.tolist()
        for word, beam in enumerate(beams):
            become = [
                list(map(one.then, symbols[one.row], chances[one.row]))
                if goes_on(word, one)
                else [one]
                for one in beam
            ]
            greedy = max(become[0], key=lambda one: one.score)
            others = [one for each in become for one in each if one is not greedy]
            others = [one for one in others if one.score > -math.inf]
            beams[word] = [greedy, *sorted(others, key=lambda one: -one.score)[: width - 1]]
        # Each hypothesis into a row of its own; the rows left over go along
        rows, labels = torch.arange(words * width), torch.full((words * width,), end)
        for word, beam in enumerate(beams):
            for slot, one in enumerate(beam):
                row = word * width + slot
                rows[row], labels[row] = one.row, one.said[-1]
            beams[word] = [replace(one, row=word * width + slot) for slot, one in enumerate(beam)]
        labels = labels.to(graphemes.device)
        state = network.reorder(state, rows.to(graphemes.device))
    return _with_stress(
        network, graphemes, lengths, beams, start=start, end=end, stress_bias=stress_bias
    )


def _with_stress(
    network: Steps,
    graphemes: Tensor,
    lengths: Tensor,
    beams: Sequence[Sequence[_Beginning]],
    *,
    start: int,
    end: int,
    stress_bias: np.ndarray[Any, Any] | None,
) -> list[list[Decoded]]:
    """Finished hypotheses as answers, their stress told from the states that say them."""
    words = [word for word, beam in enumerate(beams) for _ in beam]
    said = [one.said for beam in beams for one in beam]
    labels, _ = pad([[start, *symbols] for symbols in said])  # [N, U + 1]
    labels = labels.to(graphemes.device)
    memory = network.encode(graphemes[words], lengths[words])
    state, states = network.start(memory), []
    for label in labels[:, :-1].unbind(dim=1):
        _, state = network.step(label, state, memory)
        states.append(state)
    scores = network.stress(states, labels[:, 1:])
    whole = [symbols[-1] == end for symbols in said]
    counts = [len(symbols) - ended for symbols, ended in zip(said, whole, strict=True)]
    classes = _classes(scores, labels[:, 1:], counts, stress_bias)
    answers = iter(
        Decoded(list(one.said[:count]), list(one.probabilities), ended, marks)
        for one, count, ended, marks in zip(
            (one for beam in beams for one in beam), counts, whole, classes, strict=True
        )
    )
    return [[next(answers) for _ in beam] for beam in beams]


def _probabilities(logits: Tensor, *, end: int, first: bool) -> Tensor:
    """The softmax of a step's logits [B, V]; at the first step nothing for ``</s>``.

    The others keep what they have beside it; the likeliest of them keeps the least number there is
    where that would be nothing.
    """
    probabilities = logits.softmax(dim=1)
    if first:
        others = logits.clone()
        others[:, end] = -math.inf
        best = others.argmax(dim=1, keepdim=True)
        least = torch.finfo(probabilities.dtype).tiny
        probabilities.scatter_(1, best, probabilities.gather(1, best).clamp(min=least))
        probabilities[:, end] = 0
    return probabilities


def _classes(
    scores: Tensor | None,
    symbols: Tensor,
    counts: Sequence[int],
    bias: np.ndarray[Any, Any] | None,
) -> Sequence[Sequence[int] | None]:
    """Stress classes of so many of the symbols [B, U] of each row, from their logits [B, U, 4]."""
    if scores is None:
        return [None] * len(counts)
    logits = scores.float().cpu().numpy()
    if bias is not None:
        logits = logits + bias[symbols.cpu().numpy()]
    classes = one_primary(logits, np.array(counts)).tolist()
    return [row[:count] for row, count in zip(classes, counts, strict=True)]

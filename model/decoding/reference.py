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

from tanger.model.decoding.hypothesis import Decoded
from tanger.model.decoding.repetition import blocked_tokens
from tanger.model.network.seq2seq import pad
from tanger.model.phonology.stress import one_primary


class StepModel(Protocol):
    """What can be decoded: a `Seq2Seq`, or an `Ensemble` of them."""

    def encode(self, graphemes: Tensor, lengths: Tensor) -> Any:
        """Read a batch of words."""

    def start(self, memory: Any) -> Any:
        """The state before the first step."""

    def step(self, labels: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any]:
        """The previous labels [B] -> logits [B, V] and the next state."""

    def reorder(self, state: Any, rows: Tensor) -> Any:
        """The state whose rows are these [B] of another one."""

    def attention_weights(self, state: Any, memory: Any) -> Tensor:
        """The attention [B, T] that was paid on the way to a state."""

    def stress(self, states: Sequence[Any], phonemes: Tensor) -> Tensor | None:
        """Emitted phonemes [B, U] and the state behind each step -> logits [B, U, 4]."""


@torch.inference_mode()
def greedy(
    network: StepModel,
    graphemes: Tensor,
    lengths: Tensor,
    *,
    bounds: Sequence[int],
    max_repeats: Sequence[int],
    start: int,
    end: int,
    allowed: Tensor | None = None,
    stress_bias: np.ndarray[Any, Any] | None = None,
) -> list[Decoded]:
    """Decode a batch of B words by feeding each step's arg-max into the next.

    A row that has reached ``</s>`` or its bound stays finished, whatever the others do. No row
    goes round in circles (see `decoding.repetition`), and none is empty.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        bounds: the most steps that each row may take.
        max_repeats: how often each row's spelling goes round itself (see `decoding.repetition`).
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all of them without it.
        stress_bias: [V, 4] added to each symbol's stress logits (see `phonology.phoneme_set`).
    """
    memory = network.encode(graphemes, lengths)
    state = network.start(memory)
    labels = torch.full((len(lengths),), start, device=graphemes.device)
    tokens: list[list[int]] = [[] for _ in bounds]
    probabilities: list[list[float]] = [[] for _ in bounds]
    going = set(range(len(bounds)))
    emitted: list[Tensor] = []
    states = []
    while going:
        logits, state = network.step(labels, state, memory)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        for row in going:
            if blocked := blocked_tokens(tokens[row], max_repeats[row]):
                logits[row, list(blocked)] = -math.inf
        best, labels = _probabilities(logits, end=end, first=not emitted).max(dim=1)
        emitted.append(labels)
        states.append(state)
        symbols, chances = labels.tolist(), best.tolist()
        for row in tuple(going):
            tokens[row].append(symbols[row])
            probabilities[row].append(chances[row])
            if symbols[row] == end or len(tokens[row]) == bounds[row]:
                going.remove(row)
    complete = [row[-1] == end for row in tokens]
    phonemes = [row[:-1] if whole else row for row, whole in zip(tokens, complete, strict=True)]
    labels = torch.stack(emitted, dim=1)
    scores = network.stress(states, labels)
    stress = stress_classes(scores, labels, [len(row) for row in phonemes], stress_bias)
    return list(map(Decoded, phonemes, probabilities, complete, stress))


@torch.inference_mode()
def attention(
    network: StepModel,
    graphemes: Tensor,
    lengths: Tensor,
    tokens: Sequence[Sequence[int]],
    *,
    start: int,
) -> list[np.ndarray[Any, Any]]:
    """Where a network that has attention looks while it says what it is told to, [U, T] each.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        tokens: the phonemes of each row.
        start: index of ``<s>`` among the phonemes.
    """
    labels, _ = pad([[start, *symbols] for symbols in tokens])
    memory = network.encode(graphemes, lengths)
    state, looked = network.start(memory), []
    for label in labels.to(graphemes.device).unbind(dim=1):
        _, state = network.step(label, state, memory)
        looked.append(network.attention_weights(state, memory))
    paid = torch.stack(looked, dim=1).float().cpu().numpy()
    return [
        row[: len(symbols), :length]
        for row, symbols, length in zip(paid, tokens, lengths.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class _BeamHypothesis:
    """A hypothesis on its way.

    Attributes:
        row: of the batch in which it was said.
        tokens: its symbols, ``</s>`` included.
        probabilities: of each of them.
        score: the logarithm of their product.
    """

    row: int
    tokens: tuple[int, ...] = ()
    probabilities: tuple[float, ...] = ()
    score: float = 0.0

    def extend(self, symbol: int, probability: float) -> _BeamHypothesis:
        """This one and a further symbol; what cannot be said at all scores minus infinity."""
        score = math.log(probability) if probability > 0 else -math.inf
        return _BeamHypothesis(
            self.row, (*self.tokens, symbol), (*self.probabilities, probability), self.score + score
        )


@torch.inference_mode()
def beam(
    network: StepModel,
    graphemes: Tensor,
    lengths: Tensor,
    *,
    width: int,
    bounds: Sequence[int],
    max_repeats: Sequence[int],
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
        max_repeats: how often each row's spelling goes round itself (see `decoding.repetition`).
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all of them without it.
        stress_bias: [V, 4] added to each symbol's stress logits (see `phonology.phoneme_set`).
    """
    words = len(bounds)
    memory = network.encode(
        graphemes.repeat_interleave(width, dim=0), lengths.repeat_interleave(width)
    )
    state = network.start(memory)
    labels = torch.full((words * width,), start, device=graphemes.device)
    beams = [[_BeamHypothesis(word * width)] for word in range(words)]

    def is_active(word: int, one: _BeamHypothesis) -> bool:
        return len(one.tokens) < bounds[word] and one.tokens[-1:] != (end,)

    while any(is_active(word, one) for word, beam in enumerate(beams) for one in beam):
        logits, state = network.step(labels, state, memory)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        for word, beam in enumerate(beams):
            for one in beam:
                if blocked := blocked_tokens(one.tokens, max_repeats[word]):
                    logits[one.row, list(blocked)] = -math.inf
        # None of a hypothesis's lesser symbols can be among the `width` best of all
        first = not any(one.tokens for beam in beams for one in beam)
        probabilities = _probabilities(logits, end=end, first=first)
        best = probabilities.topk(min(width, logits.shape[1]), dim=1)
        chances, symbols = best.values.tolist(), best.indices.tolist()
        for word, beam in enumerate(beams):
            expanded = [
                list(map(one.extend, symbols[one.row], chances[one.row]))
                if is_active(word, one)
                else [one]
                for one in beam
            ]
            greedy = max(expanded[0], key=lambda one: one.score)
            others = [one for each in expanded for one in each if one is not greedy]
            others = [one for one in others if one.score > -math.inf]
            beams[word] = [greedy, *sorted(others, key=lambda one: -one.score)[: width - 1]]
        # Each hypothesis into a row of its own; the rows left over go along
        rows, labels = torch.arange(words * width), torch.full((words * width,), end)
        for word, beam in enumerate(beams):
            for slot, one in enumerate(beam):
                row = word * width + slot
                rows[row], labels[row] = one.row, one.tokens[-1]
            beams[word] = [replace(one, row=word * width + slot) for slot, one in enumerate(beam)]
        labels = labels.to(graphemes.device)
        state = network.reorder(state, rows.to(graphemes.device))
    return _with_stress(
        network, graphemes, lengths, beams, start=start, end=end, stress_bias=stress_bias
    )


def _with_stress(
    network: StepModel,
    graphemes: Tensor,
    lengths: Tensor,
    beams: Sequence[Sequence[_BeamHypothesis]],
    *,
    start: int,
    end: int,
    stress_bias: np.ndarray[Any, Any] | None,
) -> list[list[Decoded]]:
    """Finished hypotheses as answers, their stress told from the states that say them."""
    words = [word for word, beam in enumerate(beams) for _ in beam]
    tokens = [one.tokens for beam in beams for one in beam]
    labels, _ = pad([[start, *symbols] for symbols in tokens])  # [N, U + 1]
    labels = labels.to(graphemes.device)
    memory = network.encode(graphemes[words], lengths[words])
    state, states = network.start(memory), []
    for label in labels[:, :-1].unbind(dim=1):
        _, state = network.step(label, state, memory)
        states.append(state)
    scores = network.stress(states, labels[:, 1:])
    whole = [symbols[-1] == end for symbols in tokens]
    counts = [len(symbols) - ended for symbols, ended in zip(tokens, whole, strict=True)]
    classes = stress_classes(scores, labels[:, 1:], counts, stress_bias)
    answers = iter(
        Decoded(list(one.tokens[:count]), list(one.probabilities), ended, marks)
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


def stress_classes(
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

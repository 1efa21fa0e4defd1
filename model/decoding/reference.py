"""Greedy and beam decoding in torch: the reference for the other decoders.

No pronunciation is empty: ``</s>`` is not allowed as the first symbol. Its probability is not
redistributed over the other symbols, because calibration was fitted to these probabilities. So a
spelling that the network would leave silent gets a pronunciation of low probability, and all other
words keep the probabilities that they would have without this rule.
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
    """Interface of what can be decoded: a `Seq2Seq`, or an `Ensemble` of them."""

    def encode(self, graphemes: Tensor, lengths: Tensor) -> Any:
        """Run the encoder on a batch of words."""

    def start(self, encoder_output: Any) -> Any:
        """Return the state before the first step."""

    def step(self, labels: Tensor, state: Any, encoder_output: Any) -> tuple[Tensor, Any]:
        """Run one step: previous labels [B] -> logits [B, V], next state."""

    def reorder(self, state: Any, rows: Tensor) -> Any:
        """Return a state whose rows are the rows `rows` [B] of `state`."""

    def attention_weights(self, state: Any, encoder_output: Any) -> Tensor:
        """Return the attention weights [B, T] of the step that led to `state`."""

    def stress(self, states: Sequence[Any], phonemes: Tensor) -> Tensor | None:
        """Return stress logits [B, U, 4] of phonemes [B, U], given the state after each step."""


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
    """Decode a batch of B words greedily.

    A row that has emitted ``</s>`` or reached its bound is finished, whatever the other rows do. No
    row repeats itself endlessly (see `decoding.repetition`), and none is empty.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        bounds: largest number of steps of each row.
        max_repeats: repetitions in each row's spelling (see `repetition.max_repeats`).
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all by default.
        stress_bias: [V, 4] added to each symbol's stress logits (see `phonology.phoneme_set`).
    """
    encoder_output = network.encode(graphemes, lengths)
    state = network.start(encoder_output)
    labels = torch.full((len(lengths),), start, device=graphemes.device)
    tokens: list[list[int]] = [[] for _ in bounds]
    probabilities: list[list[float]] = [[] for _ in bounds]
    going = set(range(len(bounds)))
    emitted: list[Tensor] = []
    states = []
    while going:
        logits, state = network.step(labels, state, encoder_output)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        for row in going:
            if blocked := blocked_tokens(tokens[row], max_repeats[row]):
                logits[row, list(blocked)] = -math.inf
        best, labels = _probabilities(logits, end=end, first=not emitted).max(dim=1)
        emitted.append(labels)
        states.append(state)
        symbols, best_probabilities = labels.tolist(), best.tolist()
        for row in tuple(going):
            tokens[row].append(symbols[row])
            probabilities[row].append(best_probabilities[row])
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
    """Return the attention weights [U, T] of each row while the given tokens are decoded.

    Args:
        network: in evaluation mode, with attention.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        tokens: phonemes of each row.
        start: index of ``<s>`` among the phonemes.
    """
    labels, _ = pad([[start, *symbols] for symbols in tokens])
    encoder_output = network.encode(graphemes, lengths)
    state, looked = network.start(encoder_output), []
    for label in labels.to(graphemes.device).unbind(dim=1):
        _, state = network.step(label, state, encoder_output)
        looked.append(network.attention_weights(state, encoder_output))
    paid = torch.stack(looked, dim=1).float().cpu().numpy()
    return [
        row[: len(symbols), :length]
        for row, symbols, length in zip(paid, tokens, lengths.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class _BeamHypothesis:
    """A hypothesis during beam search.

    Attributes:
        row: its row in the batch of the last step.
        tokens: its symbols, including ``</s>``.
        probabilities: of each symbol.
        score: logarithm of the product of the probabilities.
    """

    row: int
    tokens: tuple[int, ...] = ()
    probabilities: tuple[float, ...] = ()
    score: float = 0.0

    def extend(self, symbol: int, probability: float) -> _BeamHypothesis:
        """Append a symbol; a symbol of probability 0 gives a score of minus infinity."""
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
    """Return several answers to each of B words: that of `greedy`, then the others, best first.

    At each step, the `width` most probable extensions of a word's hypotheses are kept, always
    including the greedy one. A hypothesis that has emitted ``</s>`` is kept unchanged.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        width: largest number of answers per word.
        bounds: largest number of steps of each row.
        max_repeats: repetitions in each row's spelling (see `repetition.max_repeats`).
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all by default.
        stress_bias: [V, 4] added to each symbol's stress logits (see `phonology.phoneme_set`).
    """
    words = len(bounds)
    encoder_output = network.encode(
        graphemes.repeat_interleave(width, dim=0), lengths.repeat_interleave(width)
    )
    state = network.start(encoder_output)
    labels = torch.full((words * width,), start, device=graphemes.device)
    beams = [[_BeamHypothesis(word * width)] for word in range(words)]

    def is_active(word: int, one: _BeamHypothesis) -> bool:
        return len(one.tokens) < bounds[word] and one.tokens[-1:] != (end,)

    while any(is_active(word, one) for word, beam in enumerate(beams) for one in beam):
        logits, state = network.step(labels, state, encoder_output)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        for word, beam in enumerate(beams):
            for one in beam:
                if blocked := blocked_tokens(one.tokens, max_repeats[word]):
                    logits[one.row, list(blocked)] = -math.inf
        # A hypothesis contributes at most its `width` most probable symbols to the `width` best of
        # all
        first = not any(one.tokens for beam in beams for one in beam)
        probabilities = _probabilities(logits, end=end, first=first)
        best = probabilities.topk(min(width, logits.shape[1]), dim=1)
        likely, symbols = best.values.tolist(), best.indices.tolist()
        for word, beam in enumerate(beams):
            expanded = [
                list(map(one.extend, symbols[one.row], likely[one.row]))
                if is_active(word, one)
                else [one]
                for one in beam
            ]
            greedy = max(expanded[0], key=lambda one: one.score)
            others = [one for each in expanded for one in each if one is not greedy]
            others = [one for one in others if one.score > -math.inf]
            beams[word] = [greedy, *sorted(others, key=lambda one: -one.score)[: width - 1]]
        # Give each hypothesis a row of its own; unused rows are computed too, and ignored
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
    """Return the finished hypotheses as answers, with stress computed from their decoder states."""
    words = [word for word, beam in enumerate(beams) for _ in beam]
    tokens = [one.tokens for beam in beams for one in beam]
    labels, _ = pad([[start, *symbols] for symbols in tokens])  # [N, U + 1]
    labels = labels.to(graphemes.device)
    encoder_output = network.encode(graphemes[words], lengths[words])
    state, states = network.start(encoder_output), []
    for label in labels[:, :-1].unbind(dim=1):
        _, state = network.step(label, state, encoder_output)
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
    """Return the softmax of a step's logits [B, V], with 0 for ``</s>`` at the first step.

    The other symbols keep their probabilities. If all are 0, the most probable one gets the
    smallest positive number.
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
    """Return the stress classes of the first `counts` symbols of each row.

    Args:
        scores: [B, U, 4] logits; None without a stress head.
        symbols: [B, U] indices of the symbols.
        counts: [B] number of symbols of each row.
        bias: [V, 4] added to each symbol's logits.
    """
    if scores is None:
        return [None] * len(counts)
    logits = scores.float().cpu().numpy()
    if bias is not None:
        logits = logits + bias[symbols.cpu().numpy()]
    classes = one_primary(logits, np.array(counts)).tolist()
    return [row[:count] for row, count in zip(classes, counts, strict=True)]

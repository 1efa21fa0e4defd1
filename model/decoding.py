"""Greedy decoding, as plainly as it can be said: the reference for every faster way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

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
) -> list[Decoded]:
    """Decode a batch of B words by feeding each step's arg-max into the next.

    A row that has reached ``</s>`` or its bound stays finished, whatever the others do. No row
    goes round in circles (see `model.circles`).

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        bounds: the most steps that each row may take.
        rounds: how often each row's spelling goes round itself (see `model.circles`).
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all of them without it.
    """
    memory = network.encode(graphemes, lengths)
    state = network.start(memory)
    labels = torch.full((len(lengths),), start, device=graphemes.device)
    said: list[list[int]] = [[] for _ in bounds]
    probabilities: list[list[float]] = [[] for _ in bounds]
    going = set(range(len(bounds)))
    emitted, states = [], []
    while going:
        logits, state = network.step(labels, state, memory)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        for row in going:
            if circling := ruled_out(said[row], rounds[row]):
                logits[row, list(circling)] = -math.inf
        best, labels = logits.softmax(dim=1).max(dim=1)
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
    scores = network.stress(states, torch.stack(emitted, dim=1))
    stress: Sequence[Sequence[int] | None] = [None] * len(said)
    if scores is not None:
        counts = [len(row) for row in phonemes]
        classes = one_primary(scores.float().cpu().numpy(), np.array(counts)).tolist()
        stress = [row[:count] for row, count in zip(classes, counts, strict=True)]
    return list(map(Decoded, phonemes, probabilities, complete, stress))

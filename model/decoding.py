"""Greedy decoding, as plainly as it can be said: the reference for every faster way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Steps(Protocol):
    """What can be decoded: a `Seq2Seq`, or an `Ensemble` of them."""

    def encode(self, graphemes: Tensor, lengths: Tensor) -> Any:
        """Read a batch of words."""

    def start(self, memory: Any) -> Any:
        """The state before the first step."""

    def step(self, labels: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any]:
        """The previous labels [B] -> logits [B, V] and the next state."""


@dataclass(frozen=True)
class Hypothesis:
    """One answer of the network.

    Attributes:
        phonemes: the pronunciation.
        step_probabilities: the probability of each phoneme given those before it, and behind
            them that of ``</s>`` where decoding reached it.
        complete: false where decoding hit its length bound instead of ``</s>``.
    """

    phonemes: tuple[str, ...]
    step_probabilities: tuple[float, ...]
    complete: bool

    @property
    def probability(self) -> float:
        """Product of the step probabilities: the network's own, not calibrated."""
        return math.prod(self.step_probabilities)


@dataclass(frozen=True)
class Decoded:
    """What `greedy` found for B words, on the CPU.

    Attributes:
        symbols: [B, U] indices; a row means something up to its count.
        probabilities: [B, U] of each step.
        counts: [B] steps that each row took, the one of ``</s>`` included.
        complete: [B] true where the last of them was ``</s>``.
    """

    symbols: Tensor
    probabilities: Tensor
    counts: Tensor
    complete: Tensor


def length_bound(letters: int) -> int:
    """How many decoder steps a word of so many letters may take."""
    return 2 * letters + 10


@torch.inference_mode()
def greedy(
    network: Steps,
    graphemes: Tensor,
    lengths: Tensor,
    *,
    bounds: Tensor,
    start: int,
    end: int,
    allowed: Tensor | None = None,
) -> Decoded:
    """Decode a batch by feeding each step's arg-max into the next.

    A row that has reached ``</s>`` or its bound stays finished, whatever the others do.

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        bounds: [B] the most steps that each row may take.
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
        allowed: [V] true for the symbols that may be emitted; all of them without it.
    """
    memory = network.encode(graphemes, lengths)
    state = network.start(memory)
    labels = torch.full((len(lengths),), start, device=graphemes.device)
    bounds = bounds.to(graphemes.device)
    finished = torch.zeros_like(labels, dtype=torch.bool)
    counts = torch.zeros_like(labels)
    symbols, probabilities = [], []
    for taken in range(1, int(bounds.max()) + 1):
        logits, state = network.step(labels, state, memory)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        best, labels = logits.softmax(dim=1).max(dim=1)
        labels = labels.masked_fill(finished, end)
        symbols.append(labels)
        probabilities.append(best)
        counts = torch.where(finished, counts, taken)
        finished = finished | (labels == end) | (bounds <= taken)
        if bool(finished.all()):
            break
    emitted = torch.stack(symbols, dim=1)
    last = emitted.gather(1, counts.unsqueeze(1) - 1).squeeze(1)
    return Decoded(
        emitted.cpu(), torch.stack(probabilities, dim=1).cpu(), counts.cpu(), (last == end).cpu()
    )

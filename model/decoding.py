"""Greedy decoding, as plainly as it can be said: the reference for every faster way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from model.circles import Circles
from model.stress import NO_VOWEL


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


@dataclass(frozen=True)
class Hypothesis:
    """One answer of the network.

    Attributes:
        phonemes: the pronunciation.
        step_probabilities: the probability of each phoneme given those before it, and behind
            them that of ``</s>`` where decoding reached it.
        complete: false where decoding hit its length bound instead of ``</s>``.
        stress: a digit for each vowel, None for each other phoneme; None where the network has
            no head for it.
        calibrated: the chance that the pronunciation is right, where the artifact was calibrated.
    """

    phonemes: tuple[str, ...]
    step_probabilities: tuple[float, ...]
    complete: bool
    stress: tuple[int | None, ...] | None = None
    calibrated: float | None = None

    @property
    def probability(self) -> float:
        """The calibrated one; without it, the product of the step probabilities."""
        return math.prod(self.step_probabilities) if self.calibrated is None else self.calibrated


@dataclass(frozen=True)
class Decoded:
    """What `greedy` found for B words, on the CPU.

    Attributes:
        symbols: [B, U] indices; a row means something up to its count.
        probabilities: [B, U] of each step.
        counts: [B] steps that each row took, the one of ``</s>`` included.
        complete: [B] true where the last of them was ``</s>``.
        stress: [B, U] stress classes (see `model.stress`), where the network has that head.
    """

    symbols: Tensor
    probabilities: Tensor
    counts: Tensor
    complete: Tensor
    stress: Tensor | None


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
    rounds: Tensor,
    start: int,
    end: int,
    allowed: Tensor | None = None,
) -> Decoded:
    """Decode a batch by feeding each step's arg-max into the next.

    A row that has reached ``</s>`` or its bound stays finished, whatever the others do. No row
    goes round in circles (see `model.circles`).

    Args:
        network: in evaluation mode.
        graphemes: [B, T] indices.
        lengths: [B] on the CPU.
        bounds: [B] the most steps that each row may take.
        rounds: [B] how often each row's spelling goes round itself (see `model.circles`).
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
    circles = Circles(rounds.to(graphemes.device))
    symbols, probabilities, states = [], [], []
    for taken in range(1, int(bounds.max()) + 1):
        logits, state = network.step(labels, state, memory)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        best, labels = circles.rule_out(logits).softmax(dim=1).max(dim=1)
        labels = labels.masked_fill(finished, end)
        symbols.append(labels)
        circles.say(labels)
        probabilities.append(best)
        states.append(state)
        counts = torch.where(finished, counts, taken)
        finished = finished | (labels == end) | (bounds <= taken)
        if bool(finished.all()):
            break
    emitted = torch.stack(symbols, dim=1)
    last = emitted.gather(1, counts.unsqueeze(1) - 1).squeeze(1)
    scores = network.stress(states, emitted)
    return Decoded(
        emitted.cpu(),
        torch.stack(probabilities, dim=1).cpu(),
        counts.cpu(),
        (last == end).cpu(),
        None if scores is None else one_primary(scores, counts - (last == end).long()).cpu(),
    )


def one_primary(scores: Tensor, counts: Tensor) -> Tensor:
    """The likeliest stress classes with exactly one primary stress a word that has a vowel.

    Args:
        scores: [B, U, 4] logits of the classes of `model.stress`.
        counts: [B] phonemes of each word.

    Returns:
        [B, U] classes; past a row's count they say that there is no vowel.
    """
    steps = torch.arange(scores.shape[1], device=scores.device)
    vowels = (scores.argmax(dim=2) != NO_VOWEL) & (steps < counts.unsqueeze(1))
    unstressed, primary, secondary = scores[:, :, 1:].unbind(dim=2)
    classes = torch.where(secondary > unstressed, 3, 1).where(vowels, NO_VOWEL)
    gain = (primary - unstressed.maximum(secondary)).where(vowels, -math.inf)
    chosen = (steps == gain.argmax(dim=1, keepdim=True)) & vowels
    return torch.where(chosen, 2, classes)

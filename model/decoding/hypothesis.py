"""What a decoder finds for a word, and how long it may look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from tanger.model.phonology.alignment import Alignment
from tanger.model.phonology.stress import one_primary

# Answers to a word, at most.
MAX_NBEST = 10


class Decoded(NamedTuple):
    """One word's answer as a decoder gives it, in indices.

    Attributes:
        symbols: what was emitted before ``</s>``.
        probabilities: of each step given those before it, and behind them that of ``</s>`` where
            decoding reached it.
        complete: false where decoding hit its length bound instead of ``</s>``.
        stress: the class (see `phonology.stress`) of each symbol; None where the network has no
            head for it.
    """

    symbols: Sequence[int]
    probabilities: Sequence[float]
    complete: bool
    stress: Sequence[int] | None


class Hypothesis(NamedTuple):
    """One answer of the network.

    Attributes:
        phonemes: the pronunciation.
        step_probabilities: the probability of each phoneme given those before it, and behind
            them that of ``</s>`` where decoding reached it.
        complete: false where decoding hit its length bound instead of ``</s>``.
        stress: a digit for each vowel, None for each other phoneme; None where the network has
            no head for it.
        calibrated: the chance that the pronunciation is right, where the artifact was calibrated.
        alignment: which letters made which phoneme, where that was asked for.
    """

    phonemes: tuple[str, ...]
    step_probabilities: tuple[float, ...]
    complete: bool
    stress: tuple[int | None, ...] | None = None
    calibrated: float | None = None
    alignment: Alignment | None = None

    @property
    def probability(self) -> float:
        """The calibrated one; without it, the product of the step probabilities."""
        return math.prod(self.step_probabilities) if self.calibrated is None else self.calibrated


def length_bound(letters: int) -> int:
    """How many decoder steps a word of so many letters may take."""
    return 2 * letters + 10


# ------------------------------------------------------------------------------------------------
# What a beam search leaves behind, read back into answers.


Array = np.ndarray[Any, Any]


def read_back(
    symbols: Array,
    parents: Array,
    probabilities: Array,
    scores: Array,
    stress: Array | None = None,
    *,
    end: int,
    stress_bias: Array,
) -> list[list[Decoded]]:
    """The hypotheses of each of B words: the greedy one, and behind it the others, the best first.

    Args:
        symbols: [U, B, K] what each hypothesis said at each step.
        parents: [U, B, K] which hypothesis of the step before it went on from.
        probabilities: [U, B, K] of the symbols.
        scores: [B, K] minus infinity where there is no such hypothesis.
        stress: [U, B, K, 4] logits of the stress classes of the symbols.
        end: index of ``</s>``.
        stress_bias: [V, 4] added to each symbol's logits (see `phonology.phoneme_set`).
    """
    steps, words, width = symbols.shape
    slots = np.empty((steps, words, width), np.int64)
    each = np.broadcast_to(np.arange(width), (words, width))
    for step in range(steps - 1, -1, -1):
        slots[step] = each
        each = np.take_along_axis(parents[step], each, axis=1)
    tokens = np.take_along_axis(symbols, slots, axis=2).transpose(1, 2, 0).reshape(-1, steps)
    chances = np.take_along_axis(probabilities, slots, axis=2).transpose(1, 2, 0)
    ended = tokens == end  # [B K, U]
    complete = ended.any(axis=1)
    counts = np.where(complete, ended.argmax(axis=1), steps)
    classes = [None] * len(tokens)
    if stress is not None:
        marks = np.take_along_axis(stress, slots[..., None], axis=2).transpose(1, 2, 0, 3)
        logits = marks.reshape(-1, steps, marks.shape[3]) + stress_bias[tokens]
        classes = one_primary(logits, counts).tolist()
    answers = [
        Decoded(symbols[:count], of_steps[: count + whole], whole, marks and marks[:count])
        for symbols, of_steps, count, whole, marks in zip(
            tokens.tolist(),
            chances.reshape(-1, steps).tolist(),
            counts.tolist(),
            complete.tolist(),
            classes,
            strict=True,
        )
    ]
    there = np.isfinite(scores).tolist()
    return [
        [answers[word * width + slot] for slot in range(width) if there[word][slot]]
        for word in range(words)
    ]


class Given(NamedTuple):
    """A word and a pronunciation of it, in indices, without special symbols."""

    graphemes: Sequence[int]
    phonemes: Sequence[int]


class Scored(NamedTuple):
    """What the network thinks of one.

    Attributes:
        symbols: [U] the phonemes, and ``</s>`` behind them.
        logs: [U, V] logarithm of each symbol's probability at each step, given those before it;
            minus infinity for what is never emitted.
        stress: [U, 4] likewise of the stress classes (see `phonology.stress`) of what stands there;
            minus infinity for those that it cannot have; None without a head for it.
    """

    symbols: np.ndarray[Any, Any]
    logs: np.ndarray[Any, Any]
    stress: np.ndarray[Any, Any] | None


class Scorer(Protocol):
    """A network that scores."""

    def score(self, given: Sequence[Given]) -> list[Scored]:
        """What it thinks of each, in their order; words and pronunciations have a symbol or more.

        None hangs on those beside it, but for the rounding.
        """

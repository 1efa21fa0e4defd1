"""What a beam search leaves behind, read back into answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.hypothesis import Decoded
from model.stress import one_primary

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
        stress_bias: [V, 4] added to each symbol's logits (see `model.inventory`).
    """
    steps, words, width = symbols.shape
    slots = np.empty((steps, words, width), np.int64)
    each = np.broadcast_to(np.arange(width), (words, width))
    for step in range(steps - 1, -1, -1):
        slots[step] = each
        each = np.take_along_axis(parents[step], each, axis=1)
    said = np.take_along_axis(symbols, slots, axis=2).transpose(1, 2, 0).reshape(-1, steps)
    chances = np.take_along_axis(probabilities, slots, axis=2).transpose(1, 2, 0)
    ended = said == end  # [B K, U]
    complete = ended.any(axis=1)
    counts = np.where(complete, ended.argmax(axis=1), steps)
    classes = [None] * len(said)
    if stress is not None:
        marks = np.take_along_axis(stress, slots[..., None], axis=2).transpose(1, 2, 0, 3)
        logits = marks.reshape(-1, steps, marks.shape[3]) + stress_bias[said]
        classes = one_primary(logits, counts).tolist()
    answers = [
        Decoded(symbols[:count], of_steps[: count + whole], whole, marks and marks[:count])
        for symbols, of_steps, count, whole, marks in zip(
            said.tolist(),
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

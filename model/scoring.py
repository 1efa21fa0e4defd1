"""What a network thinks of pronunciations that it is given, by teacher forcing."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from model.checkpoint import Artifact


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
        stress: [U, 4] likewise of the stress classes (see `model.stress`) of what stands there;
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


def load(artifact: Artifact) -> Scorer:
    """The artifact's network on one CPU core: with ONNX Runtime, without it in torch.

    Raises:
        ArtifactError: where the artifact is damaged.
    """
    if all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        from model.onnx_scoring import OnnxScorer

        return OnnxScorer(artifact)
    import torch

    from model.torch_scoring import TorchScorer

    torch.set_num_threads(1)
    return TorchScorer.of(artifact)

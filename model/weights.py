"""A network's weights by name, as `Seq2Seq` names them, for engines that lay them out anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from model.config import NetworkConfig

Array = np.ndarray[Any, Any]

# Largest whole number of a weight. Beyond it, processors that add two products in 16 bits (AVX2
# without VNNI) would overflow; within it, every processor gives the same sums.
_WEIGHT_LEVELS = 63


class LstmWeights(NamedTuple):
    """One LSTM as `model.lstm.LSTM` keeps it: [4H, I], [4H, H] and [4H], gates i, f, g, o."""

    input: Array
    hidden: Array
    bias: Array


def embedding(weights: Mapping[str, Array], side: str, symbols: int) -> Array:
    """Rows of vectors by symbol; one-hot where the network learnt none.

    Args:
        weights: by name.
        side: input or label.
        symbols: how many there are.
    """
    found = weights.get(f"{side}_embedding.weight")
    return np.eye(symbols, dtype=np.float32) if found is None else found


def lstm_weights(weights: Mapping[str, Array], name: str) -> LstmWeights:
    """Of the LSTM that `Seq2Seq` calls so."""
    return LstmWeights(
        weights[f"{name}.input_weight"],
        weights[f"{name}.hidden_weight"],
        weights[f"{name}.bias"],
    )


def stabiliser_factor(config: NetworkConfig, weights: Mapping[str, Array]) -> float:
    """The factor at the encoder's input and both ends of the decoder; 1 without one."""
    if not config.stabiliser:
        return 1.0
    return math.log1p(math.exp(4 * weights["stabiliser.scale"].item())) / 4


def whole_numbers(weight: Array) -> tuple[Array, Array]:
    """Weight [K, N] as whole numbers, and the scale of each of the N outputs."""
    largest = np.abs(weight).max(axis=0)
    scale = np.where(largest > 0, largest / _WEIGHT_LEVELS, 1.0).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale

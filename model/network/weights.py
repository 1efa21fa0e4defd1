"""A network's weights as numpy arrays by parameter name, for other engines than torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tanger.model.network.config import NetworkConfig
from tanger.model.phonology import stress

Array = np.ndarray[Any, Any]

# Largest absolute value of a quantised weight. Processors that add two products in 16 bits (AVX2
# without VNNI) would overflow with larger ones; up to it, every processor gives the same sums.
_WEIGHT_LEVELS = 63


class LstmWeights(NamedTuple):
    """Weights of one `network.lstm.LSTM`: [4H, I], [4H, H] and [4H], with gates i, f, g, o."""

    input: Array
    hidden: Array
    bias: Array


def encoder_lstm_names(config: NetworkConfig) -> tuple[str, ...]:
    """Return the names of the LSTMs of an encoder layer, one per direction.

    In an encoder that only reads backwards the LSTM is also called ``forward_lstm``; its input is
    reversed.
    """
    both = ("forward_lstm", "backward_lstm")
    return both if config.direction == "bidirectional" else both[:1]


def shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight of a network, by name."""
    hidden = config.hidden
    names = encoder_lstm_names(config)
    width = hidden // len(names)
    found: dict[str, tuple[int, ...]] = {}

    def lstm(name: str, inputs: int, width: int) -> None:
        found[f"{name}.input_weight"] = (4 * width, inputs)
        found[f"{name}.hidden_weight"] = (4 * width, width)
        found[f"{name}.bias"] = (4 * width,)

    if config.embedding:
        found["input_embedding.weight"] = (config.input_symbols, config.embedding)
        found["label_embedding.weight"] = (config.output_symbols, config.embedding)
    if config.stabiliser:
        found["stabiliser.scale"] = ()
    for height in range(config.encoder_layers):
        for name in names:
            lstm(f"encoder.layers.{height}.{name}", hidden if height else config.input_width, width)
    fed = hidden if config.attention else 0
    for height in range(config.decoder_layers):
        inputs = hidden if height else config.label_width + fed
        lstm(f"decoder.layers.{height}", inputs, hidden)
    if config.attention:
        found["decoder.attention.key.weight"] = (hidden, hidden)
        found["decoder.attention.output_projection.weight"] = (hidden, 2 * hidden)
    found["output.weight"] = (config.output_symbols, hidden)
    found["output.bias"] = (config.output_symbols,)
    if config.stress:
        found["stress_head.of_top.weight"] = (stress.CLASSES, hidden)
        found["stress_head.of_top.bias"] = (stress.CLASSES,)
        found["stress_head.of_phoneme.weight"] = (config.output_symbols, stress.CLASSES)
    return found


def embedding(weights: Mapping[str, Array], role: str, symbols: int) -> Array:
    """Return the vectors of all symbols, [symbols, width]; one-hot without learnt embeddings.

    Args:
        weights: by name.
        role: input or label.
        symbols: number of symbols.
    """
    found = weights.get(f"{role}_embedding.weight")
    return np.eye(symbols, dtype=np.float32) if found is None else found


def lstm_weights(weights: Mapping[str, Array], name: str) -> LstmWeights:
    """Return the weights of the LSTM called `name`."""
    return LstmWeights(
        weights[f"{name}.input_weight"],
        weights[f"{name}.hidden_weight"],
        weights[f"{name}.bias"],
    )


def stabiliser_factor(config: NetworkConfig, weights: Mapping[str, Array]) -> float:
    """Return the factor at the encoder's input and the decoder's input and output; 1 by default."""
    if not config.stabiliser:
        return 1.0
    return math.log1p(math.exp(4 * weights["stabiliser.scale"].item())) / 4


def quantise(weight: Array) -> tuple[Array, Array]:
    """Quantise a weight [K, N]; return it and the scale of each of the N outputs."""
    largest = np.abs(weight).max(axis=0)
    scale = np.where(largest > 0, largest / _WEIGHT_LEVELS, 1.0).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale

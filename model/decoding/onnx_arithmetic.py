"""Two ways to multiply by a network's weights in an ONNX graph: in float32, or in integers.

Integers are a fourth of the bytes and, with 8-bit dot products, up to four times the rate. A
weight becomes a whole number times the scale of its output; a state, which is never beyond 1,
becomes one of 255 steps from -1 to 1. The steps are the same for every word, so that no answer
hangs on the words beside it, as it would if each batch were scaled by its own extremes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tanger.model.decoding.onnx_graph import Graph
from tanger.model.network.config import Precision
from tanger.model.network.weights import Array, LstmWeights, whole_numbers

_STATE_LEVELS = 127


class Arithmetic(Protocol):
    """How a graph multiplies.

    Attributes:
        pins: cells that an encoder's LSTM has beside its own, behind them.
    """

    pins: int

    def product(self, graph: Graph, states: str, weight: Array) -> str:
        """States [..., K] within -1 and 1 times weight [K, N] -> [..., N]."""

    def lstm(
        self, graph: Graph, x: str, directions: Sequence[LstmWeights], start: str, name: str
    ) -> list[str]:
        """[T, B, I] -> states [T, D, B, H], last h and last c [D, B, H], of ONNX's LSTM.

        Args:
            graph: gets the operators.
            x: what is read.
            directions: the weights of each of D directions.
            start: c before the first step, [D, B, H]; h is its sign. Empty: both are zero.
            name: of the direction, in ONNX's terms.
        """


class Float32:
    """As trained."""

    pins = 0

    def product(self, graph: Graph, states: str, weight: Array) -> str:
        """See `Arithmetic.product`."""
        return graph.op("MatMul", states, graph.constant(weight))

    def lstm(
        self, graph: Graph, x: str, directions: Sequence[LstmWeights], start: str, name: str
    ) -> list[str]:
        """See `Arithmetic.lstm`."""
        del start
        return graph.ops(
            "LSTM",
            x,
            graph.constant([_onnx_order(each.input) for each in directions], np.float32),
            graph.constant([_onnx_order(each.hidden) for each in directions], np.float32),
            graph.constant([_onnx_bias(each.bias) for each in directions], np.float32),
            results=3,
            direction=name,
            hidden_size=len(directions[0].bias) // 4,
        )


class Int8:
    """Whole numbers; what is added and squashed stays float32.

    ONNX Runtime's LSTM scales its input and its state by the extremes of the whole batch. Two
    further cells, pinned at 1 and at -1, hold the extremes where they are.
    """

    pins = 2

    def product(self, graph: Graph, states: str, weight: Array) -> str:
        """See `Arithmetic.product`."""
        step = graph.constant(1 / _STATE_LEVELS, np.float32)
        zero = graph.constant(_STATE_LEVELS + 1, np.uint8)
        whole, scale = whole_numbers(weight)
        return graph.op(
            "MatMulIntegerToFloat",
            graph.op("QuantizeLinear", states, step, zero),
            graph.constant(whole),
            step,
            graph.constant(scale),
            zero,
        )

    def lstm(
        self, graph: Graph, x: str, directions: Sequence[LstmWeights], start: str, name: str
    ) -> list[str]:
        """See `Arithmetic.lstm`."""
        cells = len(directions[0].bias) // 4
        inputs = [whole_numbers(_onnx_order(each.input).T) for each in directions]
        hidden = [whole_numbers(_onnx_order(each.hidden).T) for each in directions]
        zeros = graph.constant(np.zeros((len(directions), 4 * cells), np.int8))
        return graph.ops(
            "DynamicQuantizeLSTM",
            x,
            graph.constant(np.stack([whole for whole, _ in inputs])),
            graph.constant(np.stack([whole for whole, _ in hidden])),
            graph.constant([_onnx_bias(each.bias) for each in directions], np.float32),
            "",  # rows all have the same length
            graph.op("Sign", start),
            start,
            "",  # no peepholes
            graph.constant(np.stack([scale for _, scale in inputs])),
            zeros,
            graph.constant(np.stack([scale for _, scale in hidden])),
            zeros,
            results=3,
            direction=name,
            hidden_size=cells,
        )


ARITHMETIC: dict[Precision, Arithmetic] = {"int8": Int8(), "float32": Float32()}

# Cell state of a pinned cell: far enough for its tanh to be 1, and kept by an open forget gate.
PINNED = 20.0
_OPEN, _SHUT = 30.0, -30.0


def pin(weights: LstmWeights, pins: int, *, parts: int) -> LstmWeights:
    """The LSTM with so many cells more that never move.

    Args:
        weights: of the LSTM.
        pins: how many.
        parts: of how many states, each with its own pins behind it, the input is made; an
            embedding is one.
    """
    columns = [np.pad(part, ((0, 0), (0, pins))) for part in np.split(weights.input, parts, axis=1)]
    bias = _pad_gates(weights.bias[:, None], pins)[:, 0].reshape(4, -1)
    if pins:
        bias[:, -pins:] = np.array([_SHUT, _OPEN, 0.0, _OPEN])[:, None]  # i, f, g, o
    return LstmWeights(
        _pad_gates(np.concatenate(columns, axis=1), pins),
        _pad_gates(np.pad(weights.hidden, ((0, 0), (0, pins))), pins),
        bias.reshape(-1),
    )


def _pad_gates(rows: Array, pins: int) -> Array:
    """[4H, K] -> [4(H + pins), K], zeros behind each gate's rows."""
    gates = rows.reshape(4, -1, rows.shape[1])
    return np.pad(gates, ((0, 0), (0, pins), (0, 0))).reshape(-1, rows.shape[1])


def _onnx_order(gates: Array) -> Array:
    """Rows of the gates i, f, g, o as ONNX stacks them: i, o, f, g."""
    i, f, g, o = np.split(gates, 4)
    return np.concatenate([i, o, f, g])


def _onnx_bias(bias: Array) -> Array:
    """ONNX has two biases, of the input and of the state."""
    return np.concatenate([_onnx_order(bias), np.zeros_like(bias)])

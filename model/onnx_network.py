"""The network as one ONNX graph that reads words and decodes them greedily.

It computes what `model.network` does, laid out for speed: what a symbol's embedding is multiplied
with becomes a table with a row for each symbol, the stabiliser becomes part of the tables and
weights beside it, and all words of a batch have the same length, so that nothing is padded.

Shapes: B words, T letters, U decoder steps, H hidden, D directions, V symbols.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from model.arithmetic import ARITHMETIC, PINNED, Arithmetic, Array, LstmWeights, pin
from model.config import NetworkConfig, Precision
from model.onnx_graph import Graph

_ONNX_DIRECTION = {"both": "bidirectional", "forward": "forward", "backward": "reverse"}


def model(
    config: NetworkConfig,
    weights: Mapping[str, Array],
    *,
    precision: Precision,
    start: int,
    end: int,
) -> bytes:
    """The network's whole decode.

    The graph's inputs are ``graphemes`` [T, B], ``steps``, the most decoder steps of any row, and
    ``favour`` [steps, B or 1, V], what is added to the logits of each step. Its outputs end with
    the step in which the last row says ``</s>``: ``symbols`` [U, B], ``probabilities`` [U, B] of
    each, and from a network with a stress head ``stress`` [U, B, 4], logits of its classes. What a
    row says after its ``</s>`` means nothing.

    Args:
        config: the network's.
        weights: float32, by the names that `Seq2Seq` gives them.
        precision: what products are computed in.
        start: index of ``<s>`` among the phonemes.
        end: index of ``</s>`` among the phonemes.
    """
    arithmetic = ARITHMETIC[precision]
    stabiliser = _stabiliser(config, weights)
    graph = Graph()
    graphemes = graph.input("graphemes", "int64", ["T", "B"])
    graph.input("steps", "int64", [])
    graph.input("favour", "float", ["S", "W", config.output_symbols])
    rows = graph.op("Shape", graphemes, start=1, end=2)  # [1]: B
    memory = _encoder(graph, config, weights, arithmetic, stabiliser, graphemes, rows)
    loop = _Decoder(graph, config, weights, arithmetic, stabiliser, memory, end)
    symbols, probabilities, tops = loop.run(rows, start)
    graph.output(symbols, "int64", ["U", "B"])
    graph.output(probabilities, "float", ["U", "B"])
    if config.stress:
        of_top = weights["stress_head.of_top.weight"].T * stabiliser
        of_phoneme = weights["stress_head.of_phoneme.weight"] + weights["stress_head.of_top.bias"]
        scores = graph.op(
            "Add",
            graph.op("MatMul", tops, graph.constant(of_top)),
            graph.op("Gather", graph.constant(of_phoneme), symbols),
        )
        graph.output(scores, "float", ["U", "B", of_top.shape[1]])
    return graph.model()


def _stabiliser(config: NetworkConfig, weights: Mapping[str, Array]) -> float:
    if not config.stabiliser:
        return 1.0
    return math.log1p(math.exp(4 * weights["stabiliser.scale"].item())) / 4


def _embedding(weights: Mapping[str, Array], side: str, symbols: int) -> Array:
    """Rows of vectors by symbol; one-hot where the network learnt none."""
    found = weights.get(f"{side}_embedding.weight")
    return np.eye(symbols, dtype=np.float32) if found is None else found


def _lstm_weights(weights: Mapping[str, Array], name: str) -> LstmWeights:
    return LstmWeights(
        weights[f"{name}.input_weight"],
        weights[f"{name}.hidden_weight"],
        weights[f"{name}.bias"],
    )


class _Memory(NamedTuple):
    """What the decoder knows of the words: names of values, as in `model.network.Memory`."""

    states: list[tuple[str, str]]  # (h, c) [B, H] of the lower decoder layers
    keys: str  # [B, H, T]
    values: str  # [B, T, H]


def _encoder(
    graph: Graph,
    config: NetworkConfig,
    weights: Mapping[str, Array],
    arithmetic: Arithmetic,
    stabiliser: float,
    graphemes: str,
    rows: str,
) -> _Memory:
    both = config.direction == "both"
    directions = ["ahead", "back"] if both else ["ahead"]
    pins, width = arithmetic.pins, config.hidden // len(directions)

    # Letters as vectors, with the extremes of them all behind each
    vectors = _embedding(weights, "input", config.input_symbols) * stabiliser
    extreme = float(np.abs(vectors).max())
    behind = np.tile(np.array([extreme, -extreme], np.float32)[:pins], (len(vectors), 1))
    table = np.concatenate([vectors, behind], axis=1)
    x = graph.op("Gather", graph.constant(table), graphemes)  # [T, B, I]

    # c before the first letter: zero but for the pinned cells
    start = ""
    if pins:
        cells = np.zeros((len(directions), 1, width + pins), np.float32)
        cells[..., width:] = [PINNED, -PINNED]
        one = graph.constant([1], np.int64)
        start = graph.op(
            "Expand", graph.constant(cells), graph.op("Concat", one, rows, one, axis=0)
        )

    lasts = []
    for height in range(config.encoder_layers):
        each = [
            pin(
                _lstm_weights(weights, f"encoder.layers.{height}.{direction}"),
                pins,
                parts=len(directions) if height else 1,
            )
            for direction in directions
        ]
        states, h, c = arithmetic.lstm(graph, x, each, start, _ONNX_DIRECTION[config.direction])
        x = _side_by_side(graph, states, [0, 2, 1, 3], [0, 0, -1])  # [T, B, D * cells]
        lasts.append(
            tuple(
                _side_by_side(graph, _unpinned(graph, last, width, pins), [1, 0, 2], [0, -1])
                for last in (h, c)
            )
        )
    if pins:
        states = _unpinned(graph, states, width, pins)
        x = _side_by_side(graph, states, [0, 2, 1, 3], [0, 0, -1])  # [T, B, H]

    keys = values = ""
    if config.attention:
        weight = weights["decoder.attention.key.weight"].T / math.sqrt(config.hidden)
        keys = graph.op("Transpose", arithmetic.product(graph, x, weight), perm=[1, 2, 0])
        values = graph.op("Transpose", x, perm=[1, 0, 2])
    handed = lasts if config.handover == "each" else lasts[-1:]
    return _Memory([(h, c) for h, c in handed], keys, values)


def _side_by_side(graph: Graph, value: str, order: list[int], shape: list[int]) -> str:
    """The directions of a state as one vector."""
    return graph.op(
        "Reshape", graph.op("Transpose", value, perm=order), graph.constant(shape, np.int64)
    )


def _unpinned(graph: Graph, value: str, width: int, pins: int) -> str:
    """States without the pinned cells behind them."""
    if not pins:
        return value
    first, last, axis = (graph.constant([n], np.int64) for n in (0, width, -1))
    return graph.op("Slice", value, first, last, axis)


class _Decoder:
    """The loop over decoder steps."""

    def __init__(
        self,
        graph: Graph,
        config: NetworkConfig,
        weights: Mapping[str, Array],
        arithmetic: Arithmetic,
        stabiliser: float,
        memory: _Memory,
        end: int,
    ) -> None:
        self._around = graph
        self._config = config
        self._weights = weights
        self._arithmetic = arithmetic
        self._stabiliser = stabiliser
        self._memory = memory
        self._end = end

    def run(self, rows: str, start: int) -> tuple[str, str, str]:
        """Symbols and probabilities [U, B], and what the heads read, [U, B, H]."""
        graph, config = self._around, self._config

        def filled(value: object, kind: type[np.generic], *shape: int) -> str:
            """[B, *shape] of one value."""
            sizes = [rows, *(graph.constant([size], np.int64) for size in shape)]
            wanted = graph.op("Concat", *sizes, axis=0) if shape else rows
            return graph.op("Expand", graph.constant(value, kind), wanted)

        states = list(self._memory.states)
        if len(states) < config.decoder_layers:
            zero = filled(0.0, np.float32, config.hidden)
            states += [(zero, zero)] * (config.decoder_layers - len(states))
        fed = [filled(0.0, np.float32, config.hidden)] if config.attention else []
        carried = [
            filled(start, np.int64),
            filled(False, np.bool_),
            *fed,
            *(value for state in states for value in state),
        ]
        *_, symbols, probabilities, tops = graph.ops(
            "Loop",
            "steps",
            graph.constant(True, np.bool_),
            *carried,
            results=len(carried) + 3,
            body=self._body(),
        )
        return symbols, probabilities, tops

    def _body(self) -> object:
        """One step: what the last one said and its states -> the next."""
        config = self._config
        step = Graph(self._around)
        turn = step.input("turn", "int64", [])
        step.input("going_in", "bool", [])
        label = step.input("label_in", "int64", ["B"])
        finished = step.input("finished_in", "bool", ["B"])
        fed = [step.input("fed_in", "float", ["B", config.hidden])] if config.attention else []
        states = [
            [step.input(f"{name}_in_{layer}", "float", ["B", config.hidden]) for name in "hc"]
            for layer in range(config.decoder_layers)
        ]
        after, x = [], ""
        for layer, (h, c) in enumerate(states):
            gates = self._gates(step, layer, label, [*fed, h] if layer == 0 else [x, h])
            after.append(_cell(step, gates, c, config.hidden))
            x = after[-1][0]
        top = self._attend(step, x) if config.attention else x

        # What is said
        weight = step.constant(self._weights["output.weight"].T * self._stabiliser)
        bias = step.constant(self._weights["output.bias"])
        logits = step.op(
            "Add",
            step.op("Add", step.op("MatMul", top, weight), bias),
            step.op("Gather", "favour", turn, axis=0),
        )
        said = step.op("ArgMax", logits, axis=1, keepdims=0)
        probability = step.op("ReduceMax", step.op("Softmax", logits, axis=1), axes=[1], keepdims=0)
        finished = step.op(
            "Or", finished, step.op("Equal", said, step.constant(self._end, np.int64))
        )
        done = step.op(
            "ReduceMin", step.op("Cast", finished, to=TensorProto.INT32), axes=[0], keepdims=0
        )

        # In the order of the inputs, and behind them what is kept of each step
        vector: list[int | str] = ["B", config.hidden]
        step.output(step.op("Equal", done, step.constant(0, np.int32)), "bool", [])
        step.output(said, "int64", ["B"])
        step.output(finished, "bool", ["B"])
        if config.attention:
            step.output(step.op("Identity", top), "float", vector)
        for h, c in after:
            step.output(h, "float", vector)
            step.output(c, "float", vector)
        step.output(step.op("Identity", said), "int64", ["B"])
        step.output(probability, "float", ["B"])
        step.output(top if config.attention else step.op("Identity", top), "float", vector)
        return step.body()

    def _gates(self, step: Graph, layer: int, label: str, states: list[str]) -> str:
        """Gates [B, 4H] of a layer; the lowest one looks its label's part up."""
        lstm = _lstm_weights(self._weights, f"decoder.layers.{layer}")
        x = states[0] if len(states) == 1 else step.op("Concat", *states, axis=1)
        if layer:
            weight = np.concatenate([lstm.input, lstm.hidden], axis=1)
            gates = self._arithmetic.product(step, x, weight.T)
            return step.op("Add", gates, step.constant(lstm.bias))
        vectors = _embedding(self._weights, "label", self._config.output_symbols) * self._stabiliser
        of_label, of_fed = np.split(lstm.input, [vectors.shape[1]], axis=1)
        table = vectors @ of_label.T + lstm.bias
        weight = np.concatenate([of_fed, lstm.hidden], axis=1)
        return step.op(
            "Add",
            step.op("Gather", step.constant(table), label),
            self._arithmetic.product(step, x, weight.T),
        )

    def _attend(self, step: Graph, query: str) -> str:
        """Query [B, H] -> attention vector [B, H], as `model.network.Attention`."""
        axis = step.constant([1], np.int64)
        scores = step.op(
            "MatMul", step.op("Unsqueeze", query, axis), self._memory.keys
        )  # [B, 1, T]
        mixed = step.op("MatMul", step.op("Softmax", scores, axis=2), self._memory.values)
        context = step.op("Squeeze", mixed, axis)  # [B, H]
        weight = self._weights["decoder.attention.mix.weight"].T
        both = step.op("Concat", context, query, axis=1)
        return step.op("Tanh", self._arithmetic.product(step, both, weight))


def _cell(step: Graph, gates: str, c: str, hidden: int) -> tuple[str, str]:
    """Gates [B, 4H] in the order i, f, g, o and c [B, H] -> h and c."""
    i, f, g, o = step.ops("Split", gates, step.constant([hidden] * 4, np.int64), results=4, axis=1)
    kept = step.op("Mul", step.op("Sigmoid", f), c)
    after = step.op("Add", kept, step.op("Mul", step.op("Sigmoid", i), step.op("Tanh", g)))
    return step.op("Mul", step.op("Sigmoid", o), step.op("Tanh", after)), after

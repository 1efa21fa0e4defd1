"""The decoder in an ONNX graph: one step of it, and the loop that decodes greedily.

Shapes: B words, R rows (a word has one, or as many as a beam is wide), T letters, U decoder steps,
H hidden, V symbols.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from tanger.model.decoding.onnx_arithmetic import Arithmetic
from tanger.model.decoding.onnx_graph import Graph
from tanger.model.network.config import NetworkConfig
from tanger.model.network.weights import Array, embedding, lstm_weights


class EncoderOutput(NamedTuple):
    """What the decoder knows of the words: names of values."""

    states: list[tuple[str, str]]  # (h, c) [B, H] of the lower decoder layers
    keys: str  # [B, H, T]
    values: str  # [B, T, H]


class DecoderState(NamedTuple):
    """What one step hands to the next: names of values [R, H].

    Attributes:
        fed: the attention vector, of a network that has attention.
        states: h and c of each layer.
    """

    fed: list[str]
    states: list[tuple[str, str]]

    @property
    def values(self) -> list[str]:
        """All of it, in a fixed order."""
        return [*self.fed, *(value for state in self.states for value in state)]

    def like(self, values: list[str]) -> DecoderState:
        """Other values in that order."""
        rest = values[len(self.fed) :]
        pairs = list(zip(rest[::2], rest[1::2], strict=True))
        return DecoderState(values[: len(self.fed)], pairs)


class StepOutput(NamedTuple):
    """What one step came to: names of values.

    Attributes:
        top: [R, H] what the output layer and the stress head read.
        logits: [R, V].
        looked: [B, R / B, T] the attention paid to each letter; empty without attention.
        after: what the next step gets.
    """

    top: str
    logits: str
    looked: str
    after: DecoderState


class Decoder:
    """The network's decoder, to be written into graphs."""

    def __init__(
        self,
        config: NetworkConfig,
        weights: Mapping[str, Array],
        arithmetic: Arithmetic,
        stabiliser: float,
    ) -> None:
        """Take the network's weights.

        Args:
            config: the network's.
            weights: float32, by the names that `Seq2Seq` gives them.
            arithmetic: what products are computed in.
            stabiliser: the factor at both ends of the decoder.
        """
        self.config = config
        self._weights = weights
        self._arithmetic = arithmetic
        self._stabiliser = stabiliser

    def start(self, graph: Graph, memory: EncoderOutput, rows: str) -> DecoderState:
        """What the first step gets, a row a word; `rows` [1] says how many."""
        config = self.config
        states = list(memory.states)
        zero = filled(graph, rows, 0.0, np.float32, config.hidden)
        states += [(zero, zero)] * (config.decoder_layers - len(states))
        return DecoderState([zero] if config.attention else [], states)

    def inputs(self, body: Graph) -> DecoderState:
        """A loop's carried values, as its body gets them."""
        vector: list[int | str] = ["R", self.config.hidden]
        return DecoderState(
            [body.input("fed_in", "float", vector)] if self.config.attention else [],
            [
                (body.input(f"h_in_{layer}", "float", vector),
                 body.input(f"c_in_{layer}", "float", vector))
                for layer in range(self.config.decoder_layers)
            ],
        )  # fmt: skip

    def outputs(self, body: Graph, carried: DecoderState) -> None:
        """Hand on what `inputs` gets at the next step."""
        for value in carried.values:
            body.output(value, "float", ["R", self.config.hidden])

    def step(
        self, body: Graph, label: str, before: DecoderState, memory: EncoderOutput, beams: str = ""
    ) -> StepOutput:
        """One step: the labels [R] that came last, and what the step before handed on.

        Args:
            body: gets the operators.
            label: what came last.
            before: what the step before handed on.
            memory: of the words.
            beams: the shape [B, R / B, H]; empty where each word has one row.
        """
        after, x = [], ""
        for layer, (h, c) in enumerate(before.states):
            gates = self._gates(body, layer, label, [*before.fed, h] if layer == 0 else [x, h])
            after.append(_cell(body, gates, c, self.config.hidden))
            x = after[-1][0]
        top, looked = self._attend(body, x, memory, beams) if self.config.attention else (x, "")
        weight = body.constant(self._weights["output.weight"].T * self._stabiliser)
        bias = body.constant(self._weights["output.bias"])
        logits = body.op("Add", body.op("MatMul", top, weight), bias)
        return StepOutput(top, logits, looked, DecoderState([top] if before.fed else [], after))

    def stress(self, graph: Graph, tops: str, symbols: str) -> str:
        """Logits of the stress classes [..., 4] of symbols [...], from what said them [..., H]."""
        of_top = self._weights["stress_head.of_top.weight"].T * self._stabiliser
        bias = self._weights["stress_head.of_top.bias"]
        of_phoneme = self._weights["stress_head.of_phoneme.weight"] + bias
        return graph.op(
            "Add",
            graph.op("MatMul", tops, graph.constant(of_top)),
            graph.op("Gather", graph.constant(of_phoneme), symbols),
        )

    def _gates(self, body: Graph, layer: int, label: str, states: list[str]) -> str:
        """Gates [R, 4H] of a layer; the lowest one looks its label's part up."""
        lstm = lstm_weights(self._weights, f"decoder.layers.{layer}")
        x = states[0] if len(states) == 1 else body.op("Concat", *states, axis=1)
        if layer:
            weight = np.concatenate([lstm.input, lstm.hidden], axis=1)
            gates = self._arithmetic.product(body, x, weight.T)
            return body.op("Add", gates, body.constant(lstm.bias))
        vectors = embedding(self._weights, "label", self.config.output_symbols) * self._stabiliser
        of_label, of_fed = np.split(lstm.input, [vectors.shape[1]], axis=1)
        table = vectors @ of_label.T + lstm.bias
        weight = np.concatenate([of_fed, lstm.hidden], axis=1)
        return body.op(
            "Add",
            body.op("Gather", body.constant(table), label),
            self._arithmetic.product(body, x, weight.T),
        )

    def _attend(
        self, body: Graph, query: str, memory: EncoderOutput, beams: str
    ) -> tuple[str, str]:
        """Query [R, H] -> attention vector [R, H], as `network.seq2seq.Attention`, and weights."""
        if beams:
            together = body.op("Reshape", query, beams)  # [B, R / B, H]
            looked = body.op("Softmax", body.op("MatMul", together, memory.keys), axis=2)
            flat = body.constant([-1, self.config.hidden], np.int64)
            context = body.op("Reshape", body.op("MatMul", looked, memory.values), flat)
        else:
            axis = body.constant([1], np.int64)
            together = body.op("Unsqueeze", query, axis)
            looked = body.op("Softmax", body.op("MatMul", together, memory.keys), axis=2)
            context = body.op("Squeeze", body.op("MatMul", looked, memory.values), axis)
        weight = self._weights["decoder.attention.mix.weight"].T
        both = body.op("Concat", context, query, axis=1)
        return body.op("Tanh", self._arithmetic.product(body, both, weight)), looked


def greedy(
    graph: Graph, decoder: Decoder, memory: EncoderOutput, rows: str, *, start: int, end: int
) -> tuple[str, str, str]:
    """The loop in which every step reads the arg-max of the one before.

    It reads the graph's inputs ``steps`` and ``logit_bias`` (see `decoding.onnx_network.greedy`).

    Args:
        graph: gets the loop.
        decoder: what it runs.
        memory: of the words.
        rows: [1] how many words.
        start: index of ``<s>``.
        end: index of ``</s>``.

    Returns:
        Names of symbols and probabilities [U, B], and of what the heads read, [U, B, H].
    """
    body = Graph(graph)
    turn = body.input("turn", "int64", [])
    body.input("going_in", "bool", [])
    label = body.input("label_in", "int64", ["R"])
    finished = body.input("finished_in", "bool", ["R"])
    step = decoder.step(body, label, decoder.inputs(body), memory)

    logits = body.op("Add", step.logits, body.op("Gather", "logit_bias", turn, axis=0))
    ranked = body.op("Add", logits, not_empty(body, turn, decoder.config.output_symbols, end))
    column = body.op("ArgMax", ranked, axis=1)
    axis = body.constant([1], np.int64)
    tokens = body.op("Squeeze", column, axis)
    chances = body.op("Softmax", logits, axis=1)
    probability = body.op("Squeeze", body.op("GatherElements", chances, column, axis=1), axis)
    finished = body.op("Or", finished, body.op("Equal", tokens, body.constant(end, np.int64)))

    # In the order of the inputs, and behind them what is kept of each step
    body.output(body.op("Not", all_of(body, finished)), "bool", [])
    body.output(tokens, "int64", ["R"])
    body.output(finished, "bool", ["R"])
    decoder.outputs(body, step.after)
    body.output(body.op("Identity", tokens), "int64", ["R"])
    body.output(probability, "float", ["R"])
    body.output(body.op("Identity", step.top), "float", ["R", decoder.config.hidden])

    carried = [
        filled(graph, rows, start, np.int64),
        filled(graph, rows, False, np.bool_),
        *decoder.start(graph, memory, rows).values,
    ]
    going = graph.constant(True, np.bool_)
    *_, symbols, probabilities, tops = graph.ops(
        "Loop", "steps", going, *carried, results=len(carried) + 3, body=body.body()
    )
    return symbols, probabilities, tops


def not_empty(body: Graph, turn: str, symbols: int, end: int) -> str:
    """[V] minus infinity for ``</s>`` at the first step, else zero: no word is empty."""
    bias = np.zeros((2, symbols), np.float32)
    bias[0, end] = -np.inf
    row = body.op("Min", turn, body.constant(1, np.int64))
    return body.op("Gather", body.constant(bias), row, axis=0)


def filled(graph: Graph, rows: str, value: object, kind: type[np.generic], *shape: int) -> str:
    """[rows, *shape] of one value."""
    sizes = [rows, *(graph.constant([size], np.int64) for size in shape)]
    wanted = graph.op("Concat", *sizes, axis=0) if shape else rows
    return graph.op("Expand", graph.constant(value, kind), wanted)


def all_of(body: Graph, flags: str) -> str:
    """Whether each of the flags [R] is set."""
    least = body.op("ReduceMin", body.op("Cast", flags, to=TensorProto.INT32), axes=[0], keepdims=0)
    return body.op("Cast", least, to=TensorProto.BOOL)


def _cell(body: Graph, gates: str, c: str, hidden: int) -> tuple[str, str]:
    """Gates [R, 4H] in the order i, f, g, o and c [R, H] -> h and c."""
    i, f, g, o = body.ops("Split", gates, body.constant([hidden] * 4, np.int64), results=4, axis=1)
    kept = body.op("Mul", body.op("Sigmoid", f), c)
    after = body.op("Add", kept, body.op("Mul", body.op("Sigmoid", i), body.op("Tanh", g)))
    return body.op("Mul", body.op("Sigmoid", o), body.op("Tanh", after)), after

"""The network as ONNX graphs that read words and decode them: greedily, or with a beam.

They compute what `network.seq2seq` does, laid out for speed: what a symbol's embedding is
multiplied with becomes a table with a row for each symbol, the stabiliser becomes part of the
tables and weights beside it, and all words of a batch have the same length, so that nothing is
padded.

Shapes: B words, K hypotheses a word, T letters, U decoder steps, H hidden, D directions, V symbols.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tanger.model.decoding import onnx_beam, onnx_decoder
from tanger.model.decoding.onnx_arithmetic import ARITHMETIC, PINNED, Arithmetic, pin
from tanger.model.decoding.onnx_decoder import Decoder, EncoderOutput, StepOutput
from tanger.model.decoding.onnx_forced import LoopOutput, force
from tanger.model.decoding.onnx_graph import Graph
from tanger.model.decoding.repetition import LARGEST
from tanger.model.network.config import NetworkConfig, Precision
from tanger.model.network.weights import Array, embedding, lstm_weights, stabiliser_factor
from tanger.model.phonology import stress

_ONNX_DIRECTION = {"both": "bidirectional", "forward": "forward", "backward": "reverse"}


def greedy(
    config: NetworkConfig,
    weights: Mapping[str, Array],
    *,
    precision: Precision,
    start: int,
    end: int,
) -> bytes:
    """The network's whole decode.

    The graph's inputs are ``graphemes`` [T, B], ``steps``, the most decoder steps of any row, and
    ``logit_bias`` [steps, B or 1, V], what is added to the logits of a step. Its outputs end with
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
    graph = Graph()
    network = _Network(graph, config, weights, precision)
    graph.input("steps", "int64", [])
    graph.input("logit_bias", "float", ["S", "W", config.output_symbols])
    symbols, probabilities, tops = onnx_decoder.greedy(
        graph, network.decoder, network.memory, network.rows, start=start, end=end
    )
    graph.output(symbols, "int64", ["U", "B"])
    graph.output(probabilities, "float", ["U", "B"])
    if config.stress:
        scores = network.decoder.stress(graph, tops, symbols)
        graph.output(scores, "float", ["U", "B", stress.CLASSES])
    return graph.model()


def beam(
    config: NetworkConfig,
    weights: Mapping[str, Array],
    *,
    precision: Precision,
    start: int,
    end: int,
) -> bytes:
    """The network's beam search, K hypotheses a word (see `decoding.onnx_beam`).

    The graph's inputs are ``graphemes`` [T, B], ``steps``, the most decoder steps of any row,
    ``width`` [1], which is K, ``logit_bias`` [V], what is added to logits, and ``limits`` [B, C],
    for each size of circle how many symbols in a row may be the same as so many before (see
    `decoding.repetition`). Its outputs are ``symbols``, ``parents``, which of the step before each
    hypothesis went on from, and ``probabilities`` of the symbols, [U, B, K] each, the last
    ``scores`` [B, K], logarithms of the hypotheses' probabilities, and from a network with a
    stress head ``stress`` [U, B, K, 4]. A hypothesis says ``</s>`` over and over, with
    probability 1, once it has said it; one with a score of minus infinity is none.

    Args: as `greedy`.
    """
    graph = Graph()
    network = _Network(graph, config, weights, precision)
    graph.input("steps", "int64", [])
    graph.input("width", "int64", [1])
    graph.input("logit_bias", "float", [config.output_symbols])
    graph.input("limits", "int64", ["B", LARGEST])
    found = onnx_beam.search(
        graph, network.decoder, network.memory, network.rows, start=start, end=end
    )
    for value, kind in (
        (found.symbols, "int64"),
        (found.parents, "int64"),
        (found.probabilities, "float"),
    ):
        graph.output(value, kind, ["U", "B", "K"])
    graph.output(found.scores, "float", ["B", "K"])
    if config.stress:
        scores = network.decoder.stress(graph, found.tops, found.symbols)
        graph.output(scores, "float", ["U", "B", "K", stress.CLASSES])
    return graph.model()


def attention(
    config: NetworkConfig, weights: Mapping[str, Array], *, precision: Precision
) -> bytes:
    """Where the network, one with attention, looks while it says what it is told.

    The graph's inputs are ``graphemes`` [T, B] and ``labels`` [U, B], what was said before each
    step: ``<s>``, and then the phonemes. Its output is ``attention`` [U, B, T], its rows' sums 1.

    Args: as `greedy`.
    """
    graph = Graph()
    network = _Network(graph, config, weights, precision)
    graph.input("labels", "int64", ["U", "B"])

    def looked(body: Graph, step: StepOutput) -> list[LoopOutput]:
        return [(body.op("Squeeze", step.looked, body.constant([1], np.int64)), ["B", "T"])]

    (found,) = force(graph, network.decoder, network.memory, network.rows, "labels", looked)
    graph.output(found, "float", ["U", "B", "T"])
    return graph.model()


def forced(config: NetworkConfig, weights: Mapping[str, Array], *, precision: Precision) -> bytes:
    """What the network thinks of pronunciations that it is given.

    The graph's inputs are ``graphemes`` [T, B], ``labels`` [U + 1, B] from ``<s>`` to ``</s>``, and
    ``logit_bias`` [V], what is added to all logits. Its outputs are logarithms of probabilities:
    ``logs`` [U, B, V] of every symbol at each step, and from a network with a stress head
    ``stress`` [U, B, 4] of the classes of the labels behind ``<s>``.

    Args: as `greedy`.
    """
    graph = Graph()
    network = _Network(graph, config, weights, precision)
    graph.input("labels", "int64", ["L", "B"])
    graph.input("logit_bias", "float", [config.output_symbols])
    first, last, until = (graph.constant([n], np.int64) for n in (0, -1, np.iinfo(np.int64).max))
    read = graph.op("Slice", "labels", first, last)
    tokens = graph.op("Slice", "labels", graph.constant([1], np.int64), until)

    def scored(body: Graph, step: StepOutput) -> list[LoopOutput]:
        top = body.op("Identity", step.top)
        return [(step.logits, ["R", config.output_symbols]), (top, ["R", config.hidden])]

    logits, tops = force(graph, network.decoder, network.memory, network.rows, read, scored)
    logs = graph.op("LogSoftmax", graph.op("Add", logits, "logit_bias"), axis=2)
    graph.output(logs, "float", ["U", "B", config.output_symbols])
    if config.stress:
        scores = network.decoder.stress(graph, tops, tokens)
        classes = graph.op("LogSoftmax", scores, axis=2)
        graph.output(classes, "float", ["U", "B", stress.CLASSES])
    return graph.model()


class _Network:
    """The part that all graphs share, written into one: what reads the words.

    Attributes:
        rows: name of [1], how many words.
        memory: what is known of them.
        decoder: what it is for.
    """

    def __init__(
        self,
        graph: Graph,
        config: NetworkConfig,
        weights: Mapping[str, Array],
        precision: Precision,
    ) -> None:
        arithmetic = ARITHMETIC[precision]
        stabiliser = stabiliser_factor(config, weights)
        graphemes = graph.input("graphemes", "int64", ["T", "B"])
        self.rows = graph.op("Shape", graphemes, start=1, end=2)
        self.memory = _encoder(graph, config, weights, arithmetic, stabiliser, graphemes, self.rows)
        self.decoder = Decoder(config, weights, arithmetic, stabiliser)


def _encoder(
    graph: Graph,
    config: NetworkConfig,
    weights: Mapping[str, Array],
    arithmetic: Arithmetic,
    stabiliser: float,
    graphemes: str,
    rows: str,
) -> EncoderOutput:
    both = config.direction == "both"
    directions = ["ahead", "back"] if both else ["ahead"]
    pins, width = arithmetic.pins, config.hidden // len(directions)

    # Letters as vectors, with the extremes of them all behind each
    vectors = embedding(weights, "input", config.input_symbols) * stabiliser
    extreme = float(np.abs(vectors).max())
    following = np.tile(np.array([extreme, -extreme], np.float32)[:pins], (len(vectors), 1))
    table = np.concatenate([vectors, following], axis=1)
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
                lstm_weights(weights, f"encoder.layers.{height}.{direction}"),
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
    return EncoderOutput([(h, c) for h, c in handed], keys, values)


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

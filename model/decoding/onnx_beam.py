"""Beam search as a loop in an ONNX graph, all words and hypotheses of a batch at once.

Of the K hypotheses of a word the first is always the greedy one; the others are the likeliest of
all that the K of the step before could become. A finished one keeps its place among them for as
long as it is likely enough. What the rule against circles needs is counted along: for each size of
circle, how many symbols in a row were the same as those so many before them.

Shapes: B words, K hypotheses a word, R = B K rows, C sizes of circles, U decoder steps, H hidden,
V symbols.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tanger.model.decoding.onnx_decoder import Decoder, EncoderOutput, all_of, filled, not_empty
from tanger.model.decoding.onnx_graph import Graph
from tanger.model.decoding.repetition import LARGEST

# Above every logarithm of a probability: what scores it is chosen first.
_FIRST = 1.0
# Stands for what was said before the first symbol.
_NOTHING = -1


class Found(NamedTuple):
    """Names of what the search comes to (see `decoding.onnx_network.beam`)."""

    symbols: str
    parents: str
    probabilities: str
    tops: str  # [U, B, K, H]
    scores: str


class _Around(NamedTuple):
    """Names of what the loop's body takes from around it: around, and values."""

    pair: str  # [B, K] as a shape
    triple: str  # [B, K, V]
    joined: str  # [B, K V]
    beams: str  # [B, K, H]
    first_row: str  # [B, 1] the number of each word's first row
    limits: str  # [R, C]
    kept: str  # [B, 1] the score of what is chosen first


def search(
    graph: Graph, decoder: Decoder, memory: EncoderOutput, words: str, *, start: int, end: int
) -> Found:
    """The loop, which reads the graph's inputs ``steps``, ``width``, ``logit_bias`` and ``limits``.

    Args:
        graph: gets the loop.
        decoder: what it runs.
        memory: of the words.
        words: [1] how many words.
        start: index of ``<s>``.
        end: index of ``</s>``.
    """
    around = _values_around(graph, words, decoder.config.hidden, decoder.config.output_symbols)
    rows = graph.op("Mul", words, "width")

    # Before the first step a word has one hypothesis; the scores of the others say so
    one = filled(graph, words, 0.0, np.float32, 1)
    others = graph.op("Sub", "width", graph.constant([1], np.int64))
    none = graph.op(
        "Expand",
        graph.constant(-np.inf, np.float32),
        graph.op("Concat", words, others, axis=0),
    )
    carried = [
        filled(graph, rows, start, np.int64),
        graph.op("Concat", one, none, axis=1),
        filled(graph, rows, False, np.bool_),
        filled(graph, rows, _NOTHING, np.int64, LARGEST),
        filled(graph, rows, 0, np.int64, LARGEST),
        *(
            _repeated(graph, value, around.beams, decoder.config.hidden)
            for value in decoder.start(graph, memory, words).values
        ),
    ]
    going = graph.constant(True, np.bool_)
    body = _body(graph, decoder, memory, around, end)
    _, scores, *_, symbols, parents, chances, tops = graph.ops(
        "Loop", "steps", going, *carried, results=len(carried) + 4, body=body.body()
    )
    return Found(symbols, parents, graph.op("Exp", chances), tops, scores)


def _values_around(graph: Graph, words: str, hidden: int, symbols: int) -> _Around:
    count = graph.constant([symbols], np.int64)
    pair = graph.op("Concat", words, "width", axis=0)
    scalar = graph.constant([], np.int64)
    numbers = graph.op(
        "Range",
        graph.constant(0, np.int64),
        graph.op("Reshape", words, scalar),
        graph.constant(1, np.int64),
    )
    axis = graph.constant([1], np.int64)
    limits = graph.op(
        "Expand",
        graph.op("Unsqueeze", "limits", axis),
        graph.op("Concat", pair, graph.constant([LARGEST], np.int64), axis=0),
    )
    return _Around(
        pair=pair,
        triple=graph.op("Concat", pair, count, axis=0),
        joined=graph.op("Concat", words, graph.op("Mul", "width", count), axis=0),
        beams=graph.op("Concat", pair, graph.constant([hidden], np.int64), axis=0),
        first_row=graph.op("Unsqueeze", graph.op("Mul", numbers, "width"), axis),
        limits=graph.op("Reshape", limits, graph.constant([-1, LARGEST], np.int64)),
        kept=filled(graph, words, _FIRST, np.float32, 1),
    )


def _repeated(graph: Graph, value: str, beams: str, hidden: int) -> str:
    """[B, H] -> [R, H], each word's row K times."""
    each = graph.op("Unsqueeze", value, graph.constant([1], np.int64))
    return graph.op(
        "Reshape", graph.op("Expand", each, beams), graph.constant([-1, hidden], np.int64)
    )


def _body(
    graph: Graph, decoder: Decoder, memory: EncoderOutput, around: _Around, end: int
) -> Graph:
    """One step of all hypotheses."""
    body = Graph(graph)
    turn = body.input("turn", "int64", [])
    body.input("going_in", "bool", [])
    label = body.input("label_in", "int64", ["R"])
    score = body.input("score_in", "float", ["B", "K"])
    finished = body.input("finished_in", "bool", ["R"])
    tokens = body.input("said_in", "int64", ["R", LARGEST])  # the latest first
    run_limits = body.input("streaks_in", "int64", ["R", LARGEST])
    axis, flat = body.constant([1], np.int64), body.constant([-1], np.int64)

    # The logarithm of each symbol's probability; all of it on </s> for those that said it
    step = decoder.step(body, label, decoder.inputs(body), memory, around.beams)
    circling = body.op(
        "Where",
        body.op("GreaterOrEqual", run_limits, around.limits),
        body.constant(-np.inf, np.float32),
        body.constant(0.0, np.float32),
    )
    logits = body.op("Add", step.logits, "logit_bias")
    logits = body.op("ScatterElements", logits, tokens, circling, axis=1, reduction="add")
    only_end = np.full(decoder.config.output_symbols, -np.inf, np.float32)
    only_end[end] = 0
    chances = body.op(
        "Where",
        body.op("Unsqueeze", finished, axis),
        body.constant(only_end),
        body.op("LogSoftmax", logits, axis=1),
    )
    chances = body.op("Add", chances, not_empty(body, turn, decoder.config.output_symbols, end))

    # The best of what they could become, and what the greedy one becomes before all others
    chances = body.op("Reshape", chances, around.triple)
    becomes = body.op("Add", body.op("Unsqueeze", score, body.constant([2], np.int64)), chances)
    joined = body.op("Reshape", becomes, around.joined)  # [B, K V]
    greedy = body.op(
        "ArgMax", body.op("Gather", chances, body.constant(0, np.int64), axis=1), axis=1
    )  # [B, 1]: the first V of the K V are its own
    ranked = body.op("ScatterElements", joined, greedy, around.kept, axis=1)
    _, chosen = body.ops("TopK", ranked, "width", results=2, axis=1)  # [B, K]
    score = body.op("GatherElements", joined, chosen, axis=1)
    chance = body.op("GatherElements", body.op("Reshape", chances, around.joined), chosen, axis=1)
    symbols = body.constant(decoder.config.output_symbols, np.int64)
    parent = body.op("Div", chosen, symbols)
    symbol = body.op("Sub", chosen, body.op("Mul", parent, symbols))

    # The rows that go on, in their new order
    rows = body.op("Reshape", body.op("Add", parent, around.first_row), flat)
    label = body.op("Reshape", symbol, flat)
    ended = body.op("Equal", label, body.constant(end, np.int64))
    dead = body.op("Equal", body.op("Reshape", score, flat), body.constant(-np.inf, np.float32))
    finished = body.op("Or", body.op("Gather", finished, rows), body.op("Or", ended, dead))
    tokens = body.op("Gather", tokens, rows)
    column = body.op("Unsqueeze", label, axis)
    same = body.op("Cast", body.op("Equal", column, tokens), to=7)
    run_limits = body.op(
        "Mul",
        body.op("Add", body.op("Gather", run_limits, rows), body.constant(1, np.int64)),
        same,
    )
    latest = body.op(
        "Slice", tokens, body.constant([0], np.int64), body.constant([LARGEST - 1], np.int64), axis
    )
    after = step.after.like([body.op("Gather", value, rows) for value in step.after.values])
    top = after.fed[0] if after.fed else after.states[-1][0]

    # In the order of the inputs, and behind them what is kept of each step
    body.output(body.op("Not", all_of(body, finished)), "bool", [])
    body.output(label, "int64", ["R"])
    body.output(score, "float", ["B", "K"])
    body.output(finished, "bool", ["R"])
    body.output(body.op("Concat", column, latest, axis=1), "int64", ["R", LARGEST])
    body.output(run_limits, "int64", ["R", LARGEST])
    decoder.outputs(body, after)
    body.output(symbol, "int64", ["B", "K"])
    body.output(parent, "int64", ["B", "K"])
    body.output(chance, "float", ["B", "K"])
    body.output(body.op("Reshape", top, around.beams), "float", ["B", "K", decoder.config.hidden])
    return body

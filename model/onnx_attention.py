"""Where the decoder looks while it says what it is told to say, as a loop in an ONNX graph.

Shapes: B words, T letters, U decoder steps, H hidden.
"""

from __future__ import annotations

import numpy as np

from model.onnx_decoder import Decoder, Memory
from model.onnx_graph import Graph


def looks(graph: Graph, decoder: Decoder, memory: Memory, words: str) -> str:
    """The attention [U, B, T] paid at each step of the graph's input ``labels`` [U, B].

    Args:
        graph: gets the loop.
        decoder: what it runs; a network that has attention.
        memory: of the words.
        words: [1] how many words.
    """
    body = Graph(graph)
    turn = body.input("turn", "int64", [])
    body.input("going_in", "bool", [])
    label = body.op("Gather", "labels", turn, axis=0)
    step = decoder.step(body, label, decoder.inputs(body), memory)
    body.output(body.op("Identity", "going_in"), "bool", [])
    decoder.outputs(body, step.after)
    looked = body.op("Squeeze", step.looked, body.constant([1], np.int64))
    body.output(looked, "float", ["B", "T"])

    carried = decoder.start(graph, memory, words).values
    steps = graph.op("Squeeze", graph.op("Shape", "labels", start=0, end=1))
    *_, attention = graph.ops(
        "Loop",
        steps,
        graph.constant(True, np.bool_),
        *carried,
        results=len(carried) + 1,
        body=body.body(),
    )
    return attention

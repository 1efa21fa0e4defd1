"""Teacher forcing as a loop in an ONNX graph: every step reads the symbol that it is given.

Shapes: B words, U steps, H hidden, V symbols.
"""

from __future__ import annotations

import numpy as np

from model.onnx_decoder import Decoder, Memory
from model.onnx_graph import Graph


def force(
    graph: Graph, decoder: Decoder, memory: Memory, rows: str, labels: str
) -> tuple[str, str]:
    """The loop over all steps.

    Args:
        graph: gets the loop.
        decoder: what it runs.
        memory: of the words.
        rows: [1] how many words.
        labels: [U, B] what each step reads, from ``<s>`` on.

    Returns:
        Names of the logits [U, B, V], and of what the heads read, [U, B, H].
    """
    body = Graph(graph)
    turn = body.input("turn", "int64", [])
    going = body.input("going_in", "bool", [])
    label = body.op("Gather", labels, turn, axis=0)
    step = decoder.step(body, label, decoder.inputs(body), memory)
    body.output(body.op("Identity", going), "bool", [])
    decoder.outputs(body, step.after)
    body.output(step.logits, "float", ["R", decoder.config.output_symbols])
    body.output(body.op("Identity", step.top), "float", ["R", decoder.config.hidden])

    carried = decoder.start(graph, memory, rows).values
    steps = graph.op("Squeeze", graph.op("Shape", labels, start=0, end=1))
    true = graph.constant(True, np.bool_)
    *_, logits, tops = graph.ops(
        "Loop", steps, true, *carried, results=len(carried) + 2, body=body.body()
    )
    return logits, tops

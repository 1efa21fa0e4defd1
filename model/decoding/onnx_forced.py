"""Teacher forcing as a loop in an ONNX graph: every step reads the symbol that it is given.

Shapes: B words, U steps, T letters, H hidden, V symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tanger.model.decoding.onnx_decoder import Decoder, EncoderOutput, StepOutput
from tanger.model.decoding.onnx_graph import Graph

# A value of a step and its shape.
LoopOutput = tuple[str, list[str | int]]


def force(
    graph: Graph,
    decoder: Decoder,
    memory: EncoderOutput,
    rows: str,
    labels: str,
    tell: Callable[[Graph, StepOutput], Sequence[LoopOutput]],
) -> list[str]:
    """The loop over all steps.

    Args:
        graph: gets the loop.
        decoder: what it runs.
        memory: of the words.
        rows: [1] how many words.
        labels: [U, B] what each step reads, from ``<s>`` on.
        tell: which values of a step are wanted, written into the loop's graph, which it gets.

    Returns:
        Names of those values, all steps one behind the other: [U, ...].
    """
    body = Graph(graph)
    turn = body.input("turn", "int64", [])
    going = body.input("going_in", "bool", [])
    label = body.op("Gather", labels, turn, axis=0)
    step = decoder.step(body, label, decoder.inputs(body), memory)
    body.output(body.op("Identity", going), "bool", [])
    decoder.outputs(body, step.after)
    reported = tell(body, step)
    for value, shape in reported:
        body.output(value, "float", shape)

    carried = decoder.start(graph, memory, rows).values
    steps = graph.op("Squeeze", graph.op("Shape", labels, start=0, end=1))
    true = graph.constant(True, np.bool_)
    found = graph.ops(
        "Loop", steps, true, *carried, results=len(carried) + len(reported), body=body.body()
    )
    return list(found[len(carried) :])

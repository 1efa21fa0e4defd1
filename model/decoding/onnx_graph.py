"""Writing an ONNX graph one operator at a time.

The words of onnx.helper, with the bookkeeping of names taken off: an operator returns the name of
what it computes, and that name is an argument of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Operators beyond the standard: ONNX Runtime's own, for integers.
_RUNTIMES_OWN = frozenset({"DynamicQuantizeLSTM", "MatMulIntegerToFloat"})
_TYPES = {
    "float": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
}
# What the operators below are written for: ONNX 1.12's.
_OPSET, _IR = 17, 8


class Graph:
    """A graph that grows; a loop's body is one too, over the constants of the graph around it."""

    def __init__(self, around: Graph | None = None) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: list[onnx.TensorProto] = [] if around is None else around._constants
        self._names: list[str] = [] if around is None else around._names

    def _name(self, kind: str) -> str:
        self._names.append(kind)
        return f"{kind}_{len(self._names)}"

    def input(self, name: str, kind: str, shape: Sequence[int | str]) -> str:
        """A value that comes from outside: of type float, int64 or bool."""
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[kind], shape))
        return name

    def output(self, value: str, kind: str, shape: Sequence[int | str]) -> None:
        """Give a value to the outside, behind those given before it."""
        self._outputs.append(helper.make_tensor_value_info(value, _TYPES[kind], shape))

    def constant(self, value: Any, dtype: type[np.generic] | None = None) -> str:
        """An array of numbers; floats are float32 unless told otherwise."""
        array = np.asarray(value, dtype, order="C")
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = self._name("constant")
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The one result of an operator; a missing input is ''."""
        return self.ops(kind, *inputs, results=1, **attributes)[0]

    def ops(self, kind: str, *inputs: str, results: int, **attributes: Any) -> list[str]:
        """The several results of an operator."""
        outputs = [self._name(kind) for _ in range(results)]
        domain = "com.microsoft" if kind in _RUNTIMES_OWN else ""
        self._nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs

    def body(self) -> onnx.GraphProto:
        """This graph as the body of a loop in the one around it."""
        return helper.make_graph(self._nodes, "body", self._inputs, self._outputs)

    def model(self) -> bytes:
        """The whole, as ONNX Runtime reads it."""
        graph = helper.make_graph(
            self._nodes, "tanger", self._inputs, self._outputs, self._constants
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
        return bytes(made.SerializeToString())

"""A graph of `decoding.onnx_network`, ready to run."""

from __future__ import annotations

import onnxruntime


def session(content: bytes) -> onnxruntime.InferenceSession:
    """Load a graph, to be run by the thread that asks: batches share cores, operators do not.

    Raises:
        ValueError: where weights and config do not fit.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail as e:
        raise ValueError(str(e)) from e

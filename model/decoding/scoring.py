"""What a network thinks of pronunciations that it is given, by teacher forcing."""

from __future__ import annotations

import importlib.util

from tanger.model.artifact import Artifact
from tanger.model.decoding.hypothesis import Scorer
from tanger.model.decoding.native import build


def load(artifact: Artifact) -> Scorer:
    """The artifact's network on one CPU core: compiled, with ONNX Runtime, or in torch.

    Raises:
        ArtifactError: where the artifact is damaged.
    """
    if build.library() is not None:
        from tanger.model.decoding.engine import Engine

        return Engine(artifact)
    if all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        from tanger.model.decoding.onnx_scoring import OnnxScorer

        return OnnxScorer(artifact)
    import torch

    from tanger.model.decoding.torch_scoring import TorchScorer

    torch.set_num_threads(1)
    return TorchScorer.of(artifact)

"""What a network thinks of pronunciations that it is given, by teacher forcing."""

from __future__ import annotations

import importlib.util

from tanger.model.artifact import Artifact
from tanger.model.decoding.hypothesis import Scorer


def load(artifact: Artifact) -> Scorer:
    """The artifact's network on one CPU core: with ONNX Runtime, without it in torch.

    Raises:
        ArtifactError: where the artifact is damaged.
    """
    if all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        from tanger.model.decoding.onnx_scoring import OnnxScorer

        return OnnxScorer(artifact)
    import torch

    from tanger.model.decoding.torch_scoring import TorchScorer

    torch.set_num_threads(1)
    return TorchScorer.of(artifact)

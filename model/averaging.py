"""Artifacts into one: the mean of their weights.

Networks that were trained on from one another lie in one valley, and their mean in its middle,
where it generalises better than any of them (Izmailov et al. 2018, "Averaging Weights Leads to
Wider Optima and Better Generalization"; Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model import checkpoint
from model.checkpoint import Artifact
from model.errors import TangerError

# Of the last of them, beside the weights
_HISTORY = ("metrics.jsonl", "learning_curve.png")


class AveragingError(TangerError, ValueError):
    """Artifacts that have no mean."""


def average(paths: Sequence[Path], out: Path) -> Artifact:
    """Write the artifact whose weights are the mean of others'.

    Args:
        paths: of the others; one that is named twice counts twice. History and calibration are
            those of the last: `calibrate` the result on words that none was trained on.
        out: where it goes.

    Raises:
        AveragingError: where they are of different shapes or symbols.
        ArtifactError: where one is damaged, or something else than an artifact is at `out`.
        OSError: where it cannot be written.
    """
    artifacts = [checkpoint.read(path) for path in paths]
    last = artifacts[-1]
    for path, other in zip(paths, artifacts, strict=True):
        if (other.network, other.graphemes, other.phonemes) != (
            last.network,
            last.graphemes,
            last.phonemes,
        ):
            raise AveragingError(f"{path} is of another shape, or has other symbols, than the last")
    weights = [artifact.weights() for artifact in artifacts]
    return checkpoint.write(
        out,
        name=out.name,
        network=last.network,
        training={**last.training, "averaged": [artifact.told for artifact in artifacts]},
        calibration=last.calibration,
        of_alternatives=last.of_alternatives,
        graphemes=last.graphemes,
        phonemes=last.phonemes,
        weights={
            name: np.stack([each[name] for each in weights]).mean(axis=0, dtype=np.float32)
            for name in weights[-1]
        },
        extras={
            name: (last.path / name).read_bytes()
            for name in _HISTORY
            if (last.path / name).exists()
        },
    )

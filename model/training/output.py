"""The output of a training run: the artifact of its best epoch, and its history.

An artifact of another run is never overwritten unintentionally.
"""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tanger import __version__
from tanger.model import OutputExistsError, artifact
from tanger.model.artifact import MANIFEST, ArtifactError
from tanger.model.calibration import Calibration
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.output_files import replace_file
from tanger.model.training.data import Dataset
from tanger.model.training.distributed import Processes
from tanger.model.training.recipe import RunRecipe
from tanger.model.training.run_state import RunProgress


def version_at(out: Path) -> str | None:
    """Return the version of the artifact at `out`: None without one, "damaged" if it is damaged."""
    return _existing(out)[0]


def _existing(out: Path) -> tuple[str | None, dict[str, Any]]:
    """Return the version (see `version_at`) and training metadata of the artifact at `out`."""
    try:
        existing = artifact.read(out)
    except ArtifactError:
        return "damaged" if (out / MANIFEST).exists() else None, {}
    return existing.version, dict(existing.training)


def check_new(out: Path) -> None:
    """Refuse to start a run whose output folder already contains an artifact.

    Raises:
        OutputExistsError: describes the artifact that would be overwritten.
    """
    version, training = _existing(out)
    if version is not None:
        raise OutputExistsError(
            out,
            f"holds an artifact already ({_description(version, training)}): name another --out, "
            "or start over with --restart, which replaces it",
        )


def _description(version: str, training: Mapping[str, Any]) -> str:
    """Describe an artifact by what is known of version, recipe, lexicon, epoch and dev WER."""
    parts = [version if version == "damaged" else f"version {version}"]
    if name := training.get("recipe", {}).get("name"):
        parts.append(f"recipe {name}")
    if file := training.get("data", {}).get("lexicon", {}).get("file"):
        parts.append(f"lexicon {file}")
    if (wer := training.get("dev", {}).get("dev_wer")) is not None:
        parts.append(f"epoch {training.get('epoch')} with a dev WER of {100 * wer:.2f} %")
    return ", ".join(parts)


def check_resumed(
    out: Path, identity: Mapping[str, Any], progress: RunProgress, run: RunRecipe
) -> None:
    """Refuse to resume a run if the artifact at `out` does not belong to it.

    Args:
        out: the output folder.
        identity: identity of the run.
        progress: progress of the run; allows it to replace the artifact at `out` from now on.
        run: the recipe's settings of the run.

    Raises:
        OutputExistsError: if `out` contains another artifact, or the run's own artifact is missing.
    """
    version, training = _existing(out)
    own = bool(training) and all(training.get(key) == value for key, value in identity.items())
    if (best := progress.best(run)) is None:
        # A run that was killed right after its first best epoch has written the artifact, but not
        # its state
        if version not in (None, progress.replaces) and not own:
            raise OutputExistsError(
                out, "holds an artifact of another run: resume with the same --out as before"
            )
    elif not own or training.get("epoch", 0) < best["epoch"]:
        raise OutputExistsError(
            out, "is not the artifact of this run's best epoch so far: resume with the same --out"
        )
    progress.replaces = version


def write_artifact(
    out: Path,
    identity: Mapping[str, Any],
    data: Dataset,
    network: Seq2Seq,
    fitted: Calibration,
    processes: Processes,
    progress: RunProgress,
) -> None:
    """Write the artifact of the current epoch, which is the best so far.

    Raises:
        OutputExistsError: if another run has written its artifact to `out` in the meantime.
        ArtifactError, OSError: see `artifact.write`.
    """
    if version_at(out) not in (None, progress.replaces):
        raise OutputExistsError(
            out,
            "was written by another command while this run trained: move that artifact away, then "
            "go on with --resume",
        )
    device = processes.device
    written = artifact.write(
        out,
        name=out.name,
        network=asdict(network.config),
        training={
            **identity,
            "epoch": progress.epoch + 1,
            "dev": progress.history[-1],
            "seconds": round(progress.seconds, 1),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "bfloat16": progress.bfloat16,
            "threads": torch.get_num_threads(),
            "processes": processes.count,
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
                "tanger": __version__,
            },
        },
        calibration=fitted,
        graphemes=data.graphemes,
        phonemes=data.phonemes,
        weights={name: value.cpu().numpy() for name, value in network.state_dict().items()},
        extras=_history_files(progress),
    )
    progress.replaces = written.version


def _history_files(progress: RunProgress) -> dict[str, bytes]:
    """Return the history's files by name: one JSON line per epoch, and the learning curve."""
    lines = "".join(json.dumps(record) + "\n" for record in progress.history)
    files = {"metrics.jsonl": lines.encode()}
    if curve := _draw(progress.history):
        files["learning_curve.png"] = curve
    return files


def write_history(folder: Path, progress: RunProgress) -> None:
    """Write the files of the run's history to `folder`."""
    for name, content in _history_files(progress).items():
        replace_file(folder / name, content)


# ------------------------------------------------------------------------------------------------
# The learning curve.


def _draw(history: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Plot training error, dev WER and dev PER as PNG; None if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    epochs = [record["epoch"] for record in history]
    for key, label in (
        ("dev_wer", "dev WER"),
        ("error", "training, teacher-forced"),
        ("dev_per", "dev PER"),
    ):
        axes.plot(epochs, [100 * record[key] for record in history], ".-", label=label)
    axes.set_yscale("symlog", linthresh=1.0)  # logarithmic, linear near 0
    axes.set_xlabel("epoch")
    axes.set_ylabel("errors, %")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    return picture.getvalue()

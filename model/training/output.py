"""What a training run leaves, an artifact and its history, and what it never replaces."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tanger import __version__
from tanger.model import OutputExistsError
from tanger.model import artifact as artifacts
from tanger.model.artifact import MANIFEST, Artifact, ArtifactError
from tanger.model.calibration import Calibration
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.training import reporters
from tanger.model.training.data import Dataset
from tanger.model.training.distributed import Processes
from tanger.model.training.run_state import Progress


def version_at(out: Path) -> str | None:
    """Version of the artifact at `out`: None where there is none, "damaged" where it is damaged."""
    try:
        return artifacts.read(out).version
    except ArtifactError:
        return "damaged" if (out / MANIFEST).exists() else None


def check_new(out: Path) -> None:
    """Refuse to start a run where an artifact stands already.

    Raises:
        OutputExistsError: names what would be lost.
    """
    version = version_at(out)
    if version is None:
        return
    known = "damaged" if version == "damaged" else _description(artifacts.read(out))
    raise OutputExistsError(
        out,
        f"holds an artifact already ({known}): name another --out, or start over with --restart, "
        "which replaces it",
    )


def _description(artifact: Artifact) -> str:
    """An artifact in a few words: version, recipe, lexicon, epoch, dev WER, as far as known."""
    made = artifact.training
    parts = [f"version {artifact.version}"]
    if name := made.get("recipe", {}).get("name"):
        parts.append(f"recipe {name}")
    if file := made.get("data", {}).get("lexicon", {}).get("file"):
        parts.append(f"lexicon {file}")
    if (wer := made.get("dev", {}).get("dev_wer")) is not None:
        parts.append(f"epoch {made.get('epoch')} with a dev WER of {100 * wer:.2f} %")
    return ", ".join(parts)


def check_resumed(out: Path, identity: Mapping[str, Any], progress: Progress) -> None:
    """Refuse to resume a run where what stands at `out` is not of that run.

    Args:
        out: where the artifact goes.
        identity: of the run.
        progress: of the run; it may replace what stands at `out` from here on.

    Raises:
        OutputExistsError: where another artifact stands there, or the run's own is missing.
    """
    standing = version_at(out)
    made = {} if standing in (None, "damaged") else artifacts.read(out).training
    own = bool(made) and all(
        made.get(key) == value for key, value in json.loads(json.dumps(identity)).items()
    )
    if progress.best is None:
        # A run that was killed right after its first best epoch has written it, but not its state
        if standing is not None and standing != progress.replaces and not own:
            raise OutputExistsError(
                out, "holds an artifact of another run: resume with the same --out as before"
            )
    elif not own or made.get("epoch", 0) < progress.best["epoch"]:
        raise OutputExistsError(
            out, "is not the artifact of this run's best epoch so far: resume with the same --out"
        )
    progress.replaces = standing


def write_artifact(
    out: Path,
    identity: Mapping[str, Any],
    data: Dataset,
    network: Seq2Seq,
    fitted: Calibration,
    processes: Processes,
    progress: Progress,
) -> None:
    """Write the artifact of the epoch that has just become the best.

    Raises:
        OutputExistsError: where another run has put its own at `out` meanwhile.
        ArtifactError, OSError: as `checkpoint.write`.
    """
    standing = version_at(out)
    if standing is not None and standing != progress.replaces:
        raise OutputExistsError(
            out,
            "was written by another command while this run trained: move that artifact away, then "
            "go on with --resume",
        )
    device = processes.device
    written = artifacts.write(
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
        extras=history_files(progress),
    )
    progress.replaces = written.version


def history_files(progress: Progress) -> dict[str, bytes]:
    """The run's history as files, by name: a JSON line an epoch, and a picture of them."""
    lines = "".join(json.dumps(record) + "\n" for record in progress.history)
    files = {"metrics.jsonl": lines.encode()}
    if picture := reporters.draw(progress.history):
        files["learning_curve.png"] = picture
    return files


def write_history(folder: Path, progress: Progress) -> None:
    """Write the run's history into a folder."""
    for name, content in history_files(progress).items():
        artifacts.replace_file(folder / name, content)

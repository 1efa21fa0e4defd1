"""Convert artifacts of format version 1, whose fields and weights had other names, to version 2.

All numbers stay identical to the bit, and so do the answers. The names of the weights are part of
the weights file, so its sha256, and with it the artifact's version, changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy

from tanger.model import artifact
from tanger.model import artifact_checks as checks
from tanger.model.artifact import (
    CONFIG,
    MANIFEST,
    METRICS,
    PINNED,
    VARIANTS,
    VOCABULARY,
    WEIGHTS,
    Artifact,
    ArtifactError,
)
from tanger.model.network.config import RENAMED_FIELDS
from tanger.model.network.weights import Array

# Renamed components of the dotted parameter names.
_RENAMED_PARTS = {
    "ahead": "forward_lstm",
    "back": "backward_lstm",
    "mix": "output_projection",
}


def convert(source: Path, target: Path) -> Artifact:
    """Convert the artifact of format version 1 at `source` and write it to `target`.

    `target` may be `source`. Metrics, pinned words, history and notices are copied; the model card
    is not, because it is rendered from them.

    Raises:
        ArtifactError: if `source` is not a complete artifact of version 1, or `target` exists and
            is not an artifact.
        OSError: if the artifact cannot be written.
    """
    manifest_path, config_path, symbols_path = (
        source / name for name in (MANIFEST, CONFIG, VOCABULARY)
    )
    manifest = checks.parse_json(manifest_path, checks.read_file(manifest_path))
    version = manifest.get("format_version")
    if version != 1 or isinstance(version, bool):
        problem = f"has format version {ascii(version)[:80]}: only 1 can be converted"
        raise ArtifactError(manifest_path, problem)
    sums = checks.parse_checksums(manifest_path, manifest, (WEIGHTS, CONFIG, VOCABULARY))
    files = {name: checks.read_file(source / name, limit=checks.MAX_WEIGHTS) for name in sums}
    for name, sha256 in sums.items():
        checks.check_sha256(source / name, files[name], sha256)
    config = checks.parse_json(config_path, files[CONFIG])
    vocabulary = checks.parse_json(symbols_path, files[VOCABULARY])
    training = checks.parse_object(config_path, config.get("training"), "training")
    weights = _renamed_weights(source / WEIGHTS, files[WEIGHTS])
    sha256 = hashlib.sha256(artifact.encode_weights(target, weights)).hexdigest()
    calibration, nbest_calibration = (
        checks.parse_calibration(config_path, config.get(name), name)
        for name in ("calibration", "calibration_of_alternatives")
    )
    graphemes, phonemes = (
        checks.parse_vocabulary(symbols_path, vocabulary.get(role), role)
        for role in ("graphemes", "phonemes")
    )
    return artifact.write(
        target,
        name=checks.parse_text(manifest_path, manifest.get("name"), "name"),
        network=_renamed_fields(checks.parse_object(config_path, config.get("network"), "network")),
        training=_with_renamed_recipe(training, version=sums[WEIGHTS][:12]),
        calibration=calibration,
        nbest_calibration=nbest_calibration,
        graphemes=graphemes,
        phonemes=phonemes,
        weights=weights,
        extras=_further_files(source, sums[WEIGHTS], sha256),
    )


def _renamed_fields(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a network's configuration under their names of version 2."""
    renamed = {RENAMED_FIELDS.get(name, name): value for name, value in network.items()}
    if renamed.get("direction") == "both":
        renamed["direction"] = "bidirectional"
    return renamed


def _with_renamed_recipe(training: Mapping[str, Any], *, version: str) -> dict[str, Any]:
    """Return the training metadata with renamed recipe fields and the artifact's former version."""
    found = {**training, "converted_from": {"format_version": 1, "version": version}}
    recipe = found.get("recipe")
    if isinstance(recipe, dict) and isinstance(recipe.get("network"), dict):
        found["recipe"] = {**recipe, "network": _renamed_fields(recipe["network"])}
    return found


def _renamed_weights(path: Path, content: bytes) -> dict[str, Array]:
    """Return the weights under their names of version 2."""
    try:
        weights = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError) as e:
        raise ArtifactError(path, f"is no safetensors file: {e}") from e
    return {
        ".".join(_RENAMED_PARTS.get(part, part) for part in name.split(".")): array
        for name, array in weights.items()
    }


def _further_files(source: Path, before: str, after: str) -> dict[str, bytes]:
    """Return the other files, with the sha256 `after` in place of `before`."""
    files = artifact.companions(source)
    for path in (source / METRICS, source / PINNED):
        if path.exists():
            files[path.name] = checks.read_file(path)
    for name in {METRICS, PINNED, VARIANTS} & files.keys():
        files[name] = files[name].replace(before.encode(), after.encode())
    return files

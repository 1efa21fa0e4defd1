"""Artifacts of format version 1, in the names that version 2 gave fields and weights.

Numbers stay what they were, to the bit, so answers do; but the name of a weight counts into the
sha256 of its file, so the version of the artifact becomes another.
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
    HISTORY,
    MANIFEST,
    METRICS,
    NOTICE,
    PINNED,
    VOCABULARY,
    WEIGHTS,
    Artifact,
    ArtifactError,
)
from tanger.model.network.config import RENAMED_FIELDS
from tanger.model.network.weights import Array

# Parts of the weights' names, between dots.
_RENAMED_PARTS = {
    "ahead": "forward_lstm",
    "back": "backward_lstm",
    "mix": "output_projection",
}


def convert(source: Path, target: Path) -> Artifact:
    """Write the artifact of format version 1 at `source` to `target`, which may be the same.

    Metrics, pinned words, history and notices come with it; the model card does not, because it
    is made from them.

    Raises:
        ArtifactError: where `source` is no whole artifact of version 1, or something else than an
            artifact stands at `target`.
        OSError: where it cannot be written.
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
        checks.parse_vocabulary(symbols_path, vocabulary.get(side), side)
        for side in ("graphemes", "phonemes")
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
    """Fields of a network's config."""
    renamed = {RENAMED_FIELDS.get(name, name): value for name, value in network.items()}
    if renamed.get("direction") == "both":
        renamed["direction"] = "bidirectional"
    return renamed


def _with_renamed_recipe(training: Mapping[str, Any], *, version: str) -> dict[str, Any]:
    """How it was trained, and the version that the artifact had."""
    found = {**training, "converted_from": {"format_version": 1, "version": version}}
    recipe = found.get("recipe")
    if isinstance(recipe, dict) and isinstance(recipe.get("network"), dict):
        found["recipe"] = {**recipe, "network": _renamed_fields(recipe["network"])}
    return found


def _renamed_weights(path: Path, content: bytes) -> dict[str, Array]:
    """The weights by their names in version 2."""
    try:
        weights = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError) as e:
        raise ArtifactError(path, f"is no safetensors file: {e}") from e
    return {
        ".".join(_RENAMED_PARTS.get(part, part) for part in name.split(".")): array
        for name, array in weights.items()
    }


def _further_files(source: Path, before: str, after: str) -> dict[str, bytes]:
    """What else is in the folder, bound to the weights of sha256 `after` instead of `before`."""
    paths = [source / name for name in (METRICS, PINNED, *HISTORY, NOTICE)]
    files = {path.name: checks.read_file(path) for path in paths if path.exists()}
    for name in {METRICS, PINNED} & files.keys():
        files[name] = files[name].replace(before.encode(), after.encode())
    return files

"""Artifacts of format version 1 become such of version 2 whose answers are the same."""

import hashlib
import json
import shutil

import pytest
import safetensors.numpy
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact
from tanger.model.artifact import ArtifactError
from tanger.model.artifact_conversion import convert

OLD_WEIGHTS = {
    "forward_lstm": "ahead",
    "backward_lstm": "back",
    "output_projection": "mix",
}
OLD_FIELDS = {"decoder_init": "handover", "add_bos_eos": "boundaries"}


def old_network(network):
    old = {OLD_FIELDS.get(name, name): value for name, value in network.items()}
    old["direction"] = old["direction"].replace("bidirectional", "both")
    return old


def make_old(folder):
    """Turn an artifact into one of version 1, as earlier versions of tanger wrote it."""
    weights = safetensors.numpy.load_file(folder / "weights.safetensors")
    new_sha256 = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    old = {
        ".".join(OLD_WEIGHTS.get(part, part) for part in name.split(".")): array
        for name, array in weights.items()
    }
    safetensors.numpy.save_file(old, folder / "weights.safetensors")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["network"] = old_network(config["network"])
    recipe = config["training"]["recipe"]
    recipe["network"] = old_network(recipe["network"])
    config["training"].pop("converted_from", None)
    config["calibration_of_alternatives"] = config.pop("nbest_calibration")
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["format_version"] = 1
    for name, entry in manifest["files"].items():
        entry["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    for name in ("metrics.json", "pinned.json"):
        if (folder / name).exists():
            content = json.loads((folder / name).read_text("utf-8"))
            assert content["weights_sha256"] == new_sha256
            content["weights_sha256"] = manifest["files"]["weights.safetensors"]["sha256"]
            (folder / name).write_text(json.dumps(content), "utf-8")
    return manifest["files"]["weights.safetensors"]["sha256"][:12]


@pytest.fixture
def old(shipped_artifact, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(shipped_artifact, folder)
    make_old(folder)
    return folder


def test_what_decides_an_answer_stays_as_it_is(old, shipped_artifact, tmp_path):
    converted, shipped = convert(old, tmp_path / "new"), artifact.read(shipped_artifact)
    assert converted.files["weights.safetensors"] == shipped.files["weights.safetensors"]
    for part in ("network", "calibration", "nbest_calibration", "graphemes", "phonemes", "name"):
        assert getattr(converted, part) == getattr(shipped, part), part
    assert converted.training["recipe"] == shipped.training["recipe"]


def test_figures_and_pinned_words_come_along(old, shipped_artifact, tmp_path):
    before = json.loads((old / "manifest.json").read_text("utf-8"))["files"]
    converted, shipped = convert(old, tmp_path / "new"), artifact.read(shipped_artifact)
    assert converted.metrics() == shipped.metrics() != {}
    assert converted.word_sets() == shipped.word_sets()
    assert converted.pinned() == shipped.pinned() != {}
    for name in ("NOTICE", "metrics.jsonl", "learning_curve.png"):
        assert (tmp_path / "new" / name).read_bytes() == (old / name).read_bytes()
    version = before["weights.safetensors"]["sha256"][:12]
    assert converted.training["converted_from"] == {"format_version": 1, "version": version}


def test_the_command_is_named_and_does_it(old, tmp_path):
    with pytest.raises(ArtifactError, match=rf"format version 1.*`tanger convert {old} NEW`"):
        artifact.read(old)
    done = CliRunner().invoke(app, ["convert", str(old), str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    converted = artifact.read(tmp_path / "new")
    assert converted.version in done.stdout
    assert f"Version `{converted.version}`" in (tmp_path / "new" / "README.md").read_text("utf-8")


def test_in_place_only_where_it_may_be_replaced(old):
    refused = CliRunner().invoke(app, ["convert", str(old), str(old)])
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    done = CliRunner().invoke(app, ["convert", str(old), str(old), "--overwrite"])
    assert done.exit_code == 0, done.output
    assert artifact.read(old).name == "en-us"


def test_only_a_whole_artifact_of_version_1_is_converted(old, shipped_artifact, tmp_path):
    with pytest.raises(ArtifactError, match="has format version 2: only 1 can be converted"):
        convert(shipped_artifact, tmp_path / "new")
    with pytest.raises(ArtifactError, match=r"manifest\.json: cannot be read"):
        convert(tmp_path, tmp_path / "new")
    (old / "config.json").write_bytes((old / "config.json").read_bytes().replace(b"0.1", b"0.2"))
    with pytest.raises(ArtifactError, match=r"config\.json: is damaged"):
        convert(old, tmp_path / "new")
    assert not (tmp_path / "new").exists()

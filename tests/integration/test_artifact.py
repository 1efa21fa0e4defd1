import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest

from tanger.model import artifact as artifacts
from tanger.model.artifact import ArtifactError
from tanger.model.bloom_filter import BloomFilter
from tanger.model.calibration import Calibration
from tanger.model.language_tags import AMERICAN, Language, Variant
from tanger.model.network.config import NetworkConfig
from tanger.model.network.weights import shapes
from tanger.model.phonology.vocabulary import Vocabulary


@pytest.fixture
def copy(tiny_artifact, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_artifact, folder)
    return folder


GRAPHEMES, PHONEMES = Vocabulary.of("AB"), Vocabulary.of(["T"])
NETWORK = NetworkConfig(
    hidden=2, embedding=2, direction="bidirectional", encoder_layers=1, decoder_layers=1,
    decoder_init="first", attention=True, stabiliser=False, add_bos_eos=False, dropout=0.0,
    input_symbols=len(GRAPHEMES), output_symbols=len(PHONEMES),
)  # fmt: skip
WEIGHTS = {name: np.ones(shape, np.float32) for name, shape in shapes(NETWORK).items()}
OUTPUT = "output.bias"


def write(path, scale=1.0, language=None):
    return artifacts.write(
        path, name="x", network=asdict(NETWORK), training={"seed": 1},
        calibration=Calibration(0.5, 1.0, 0.25, 0.0), graphemes=GRAPHEMES, phonemes=PHONEMES,
        weights={**WEIGHTS, OUTPUT: scale * WEIGHTS[OUTPUT]}, extras={"metrics.jsonl": b"{}\n"},
        trained_words=BloomFilter.of(["AB"]), trained_calibration=Calibration(1, 2, 3, 4),
        language=language,
    )  # fmt: skip


def test_reads_what_was_written(tmp_path):
    written = write(tmp_path / "x")
    assert artifacts.read(tmp_path / "x") == written
    assert written.network == asdict(NETWORK)
    assert written.trained_words.contains(["AB", "BA"]) == [True, False]
    assert written.trained_calibration == Calibration(1, 2, 3, 4)
    assert written.graphemes.own == ("A", "B")
    assert written.weights()[OUTPUT].dtype == np.float32
    assert len(written.version) == 12
    assert written.weights_sha256.startswith(written.version)


def test_another_calibration_leaves_that_of_trained_words(tmp_path):
    written = write(tmp_path / "x")
    after = artifacts.recalibrate(written, Calibration(9, 9, 9, 9), None, fitted_to={})
    assert after.calibration == Calibration(9, 9, 9, 9)
    assert after.trained_words == written.trained_words
    assert after.trained_calibration == written.trained_calibration
    other = BloomFilter.of(["BA"])
    again = artifacts.recalibrate(after, Calibration(0, 1, 0, 0), None, fitted_to={},
                                  trained_words=other)  # fmt: skip
    assert artifacts.read(tmp_path / "x") == again
    assert again.trained_words == other


def test_another_calibration_keeps_the_files_that_it_leaves_as_they_are(tmp_path):
    written = write(tmp_path / "x")
    for name in (*artifacts.COMPANIONS, "metrics.json", "pinned.json", "README.md"):
        (tmp_path / "x" / name).write_bytes(name.encode())
    artifacts.recalibrate(written, Calibration(9, 9, 9, 9), None, fitted_to={})
    for name in artifacts.COMPANIONS:
        assert (tmp_path / "x" / name).read_bytes() == name.encode()
    assert {path.name for path in (tmp_path / "x").iterdir()} == {
        "manifest.json", "weights.safetensors", "config.json", "vocabulary.json",
        "trained-words.bloom", "metrics.jsonl", "learning_curve.png", "NOTICE",
        "lexicon.tsv.xz", "variants.json",
    }  # fmt: skip


def test_its_language_stands_in_the_manifest(tmp_path):
    latin = Variant("es-419", "Latin American Spanish", {"θ": "s"})
    spanish = Language("es", "Spanish", "CC-BY-SA-4.0", (latin,))
    assert write(tmp_path / "x", language=spanish).language == spanish
    assert artifacts.read(tmp_path / "x").language == spanish
    assert write(tmp_path / "y").language == AMERICAN
    (tmp_path / "x" / "NOTICE").write_text("by many\n")
    assert artifacts.read(tmp_path / "x").notice() == "by many\n"
    assert artifacts.read(tmp_path / "y").notice() is None
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text())
    manifest["language"]["code"] = "espa\u00f1ol"
    (tmp_path / "x" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"language\.code is .* not a language tag"):
        artifacts.read(tmp_path / "x")


def test_replaces_an_artifact_whole(tmp_path):
    old, new = write(tmp_path / "x"), write(tmp_path / "x", scale=2.0)
    assert old.version != new.version
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert old.weights()[OUTPUT].sum() == len(PHONEMES), (
        "whoever has read the old one has all of it"
    )


def test_goes_to_another_process_in_one_line(tmp_path):
    written = write(tmp_path / "x")
    line = artifacts.pack(written)
    shutil.rmtree(tmp_path / "x")
    assert "\n" not in line
    assert artifacts.unpack(line) == written
    packed = json.loads(line)
    packed["files"]["config.json"] = packed["files"]["vocabulary.json"]
    with pytest.raises(ArtifactError, match=r"config\.json: is damaged"):
        artifacts.unpack(json.dumps(packed))


def test_a_write_that_fails_leaves_the_old_one(tmp_path):
    old = write(tmp_path / "x")
    with pytest.raises(ValueError, match=r".+"):
        artifacts.write(
            tmp_path / "x", name="x", network={}, training={}, calibration=None,
            graphemes=old.graphemes,
            phonemes=old.phonemes, weights={"w": np.array(["no", "number"])}, extras={},
        )  # fmt: skip
    assert artifacts.read(tmp_path / "x").weights()[OUTPUT].sum() == len(PHONEMES)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_weights_beyond_float16_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"weights in output\.bias are beyond float16"):
        write(tmp_path / "x", scale=1e6)


def test_nothing_is_pickled(tiny_artifact):
    for path in tiny_artifact.iterdir():
        assert path.suffix in (".safetensors", ".json", ".jsonl", ".md", ".png")
        content = path.read_bytes()
        if path.suffix == ".safetensors":
            assert content[8:9] == b"{", (
                "behind its length, which may be any bytes, comes a JSON header"
            )
        else:
            assert not content.startswith((b"\x80", b"PK"))


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "vocabulary.json"])
@pytest.mark.parametrize("harm", ["truncated", "edited", "missing", "swapped"])
def test_damage_is_named(copy, tmp_path, name, harm):
    path = copy / name
    content = path.read_bytes()
    if harm == "truncated":
        path.write_bytes(content[:-7])
    elif harm == "edited":
        path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif harm == "missing":
        path.unlink()
    else:
        write(tmp_path / "other")
        shutil.copy(tmp_path / "other" / name, path)
    with pytest.raises(ArtifactError) as caught:
        artifacts.read(copy)
    assert caught.value.path == path
    assert name in str(caught.value)


def test_a_folder_that_is_none_is_reported(tmp_path):
    with pytest.raises(ArtifactError, match="no such folder"):
        artifacts.read(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        artifacts.read(tmp_path)


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"format_version": 1, "files": 3}'])
def test_a_broken_manifest_is_reported(copy, manifest):
    (copy / "manifest.json").write_text(manifest)
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        artifacts.read(copy)


def test_a_newer_format_is_reported(copy):
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 3}))
    with pytest.raises(ArtifactError, match="version 3"):
        artifacts.read(copy)


def test_metrics_belong_to_their_weights(copy):
    artifact = artifacts.read(copy)
    artifacts.write_metrics(artifact, {"test": {"wer": 0.5}})
    assert artifacts.read(copy).metrics() == {"test": {"wer": 0.5}}
    path = copy / "metrics.json"
    path.write_text(path.read_text().replace(artifact.weights_sha256, "0" * 64))
    with pytest.raises(ArtifactError, match="other weights"):
        artifact.metrics()


def test_the_shapes_of_a_small_network_fit():
    assert shapes(NETWORK)["encoder.layers.0.backward_lstm.bias"] == (4,)

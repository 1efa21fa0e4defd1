"""Artifacts from elsewhere: whatever is wrong with one is an error that names the file."""

import hashlib
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tanger.model import artifact, artifact_checks
from tanger.model.artifact_checks import ArtifactError
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.network.weights import shapes
from tests.support.live_service import get, running
from tests.support.networks import STRESSED

DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture
def copy(tiny_artifact, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_artifact, folder)
    return folder


def put(folder, name, content):
    """Put a file into an artifact as its maker would: the manifest vouches for it."""
    (folder / name).write_bytes(content)
    if name == "manifest.json":
        return
    manifest = json.loads((folder / "manifest.json").read_text())
    if name in manifest["files"]:
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"sha256": digest, "bytes": len(content)}
        (folder / "manifest.json").write_text(json.dumps(manifest))


def change(folder, name, *path, to):
    """Put another value at a place in a JSON file of an artifact."""
    value = json.loads((folder / name).read_text())
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    put(folder, name, json.dumps(value).encode())


def read_all(folder):
    """Everything that is ever read of an artifact."""
    found = artifact.read(folder)
    return found, found.weights(), found.metrics(), found.pinned()


def refused(folder, name):
    """The message with which the artifact is refused, everything that is loaded of it read."""
    with pytest.raises(ArtifactError) as caught:
        read_all(folder)
    assert caught.value.path == folder / name
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1000
    return message


def test_the_shapes_are_those_of_the_network():
    for config in STRESSED.values():
        sized = replace(config, input_symbols=7, output_symbols=9)
        state = Seq2Seq(sized).state_dict()
        assert shapes(sized) == {name: tuple(value.shape) for name, value in state.items()}


@pytest.mark.parametrize("name", ["manifest.json", "config.json", "vocabulary.json",
                                  "metrics.json", "pinned.json"])  # fmt: skip
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (DEEP, "nested deeper"),
        (b'{"a": ' * 900 + b"1" + b"}" * 900, "nested deeper"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "nested deeper"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b"3", "not a JSON object"),
        (b'{"a": NaN}', "holds NaN"),
        (b'{"a": -Infinity}', "holds -Infinity"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b" " * (artifact_checks.MAX_FILE + 1), "larger than"),
    ],
    ids=["deep", "objects", "arrays", "bytes", "empty", "number", "nan", "infinity", "digits",
         "large"],
)  # fmt: skip
def test_json_that_is_none_is_named(copy, name, content, problem):
    put(copy, name, content)
    assert problem in refused(copy, name)


BAD_FIELDS = [
    ("manifest.json", ("name",), [3, None, "", "a\nb", "\ud800", "x" * 300, ["x"], True]),
    ("manifest.json", ("format_version",), ["1", None, 1, 3, True, 10**400, [1]]),
    ("manifest.json", ("files",), [None, [], 3]),
    ("manifest.json", ("files", "config.json"), [None, "abc"]),
    ("manifest.json", ("files", "config.json", "sha256"), [3, "", "z" * 64, ["a"]]),
    ("config.json", ("network",), [None, [], 3]),
    ("config.json", ("network", "hidden"), ["48", 48.0, True, 0, -1, 10**9, 10**400, None]),
    ("config.json", ("network", "embedding"), ["16", -1, 1 << 40, 1.5]),
    ("config.json", ("network", "encoder_layers"), [0, 10**6, "1", [1]]),
    ("config.json", ("network", "decoder_layers"), [0, 10**6]),
    ("config.json", ("network", "direction"), ["up", 1, None, []]),
    ("config.json", ("network", "decoder_init"), ["none", {}]),
    ("config.json", ("network", "attention"), [1, "yes", None]),
    ("config.json", ("network", "stress"), [1, "no", None]),
    ("config.json", ("network", "dropout"), ["0", -0.1, 1.0, 10**400, None]),
    ("config.json", ("network", "input_symbols"), [1, 10**9, "9"]),
    ("config.json", ("network", "unknown"), [1]),
    ("config.json", ("training",), [None, 3, "x"]),
    ("config.json", ("calibration",), ["text", 3, [1.0]]),
    ("config.json", ("calibration", "product"), ["1.0", None, [], True, 1e300, 10**400]),
    ("config.json", ("nbest_calibration",), ["text", {"product": "x"}]),
    ("config.json", ("trained_calibration",), ["text", {"product": "x"}]),
    ("manifest.json", ("files", "trained-words.bloom"), [None, {"sha256": 3}]),
    ("vocabulary.json", ("graphemes",), [None, [], "ABC"]),
    ("vocabulary.json", ("graphemes", "symbols"), [None, "ABC", [1, 2], [], ["<s>", "</s>"]]),
    (
        "vocabulary.json",
        ("graphemes", "symbols", 2),
        ["", 3, "a b", "  ", "\u00a0", "\u3000", "\t", "\ud800", "x" * 99, None],
    ),
    ("vocabulary.json", ("phonemes", "symbols", 2), [" "]),
    ("vocabulary.json", ("graphemes", "symbols", 1), ["X", "<s>"]),
    ("vocabulary.json", ("phonemes", "prefix"), [None, 3, ["~"]]),
    ("vocabulary.json", ("phonemes", "other_prefix"), [None, 3]),
]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [(name, path, value) for name, path, values in BAD_FIELDS for value in values],
    ids=lambda value: ascii(value)[:30],
)
def test_a_field_of_another_kind_is_named(copy, name, path, value):
    change(copy, name, *path, to=value)
    assert refused(copy, name)


@pytest.mark.parametrize("field", ["hidden", "direction", "dropout", "attention"])
def test_a_field_that_is_missing_is_named(copy, field):
    config = json.loads((copy / "config.json").read_text())
    del config["network"][field]
    put(copy, "config.json", json.dumps(config).encode())
    assert f"network lacks {field}" in refused(copy, "config.json")


def test_sizes_that_do_not_fit_the_symbols_are_named(copy):
    config = json.loads((copy / "config.json").read_text())
    change(copy, "config.json", "network", "output_symbols",
           to=config["network"]["output_symbols"] + 1)  # fmt: skip
    assert "vocabulary.json of" in refused(copy, "config.json")


def test_an_older_calibration_counts_as_none(copy):
    change(copy, "config.json", "calibration", to={"slope": 1.0})
    assert artifact.read(copy).calibration is None


@pytest.mark.parametrize(
    ("content", "sha256", "problem"),
    [
        (b"", hashlib.sha256(b"").hexdigest(), "is empty"),
        (b"\1", "0" * 64, "is damaged"),
        (None, "0" * 64, "cannot be read"),
    ],
    ids=["empty", "damaged", "missing"],
)
def test_trained_words_that_are_none_are_named(copy, content, sha256, problem):
    change(copy, "manifest.json", "files", "trained-words.bloom", to={"sha256": sha256})
    if content is not None:
        (copy / "trained-words.bloom").write_bytes(content)
    assert problem in refused(copy, "trained-words.bloom")


# Weights


def weights_of(folder):
    return safetensors.numpy.load((folder / "weights.safetensors").read_bytes())


def put_weights(folder, weights):
    put(folder, "weights.safetensors", safetensors.numpy.save(weights))


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_named(copy, value):
    weights = weights_of(copy)
    weights["output.bias"] = weights["output.bias"].copy()
    weights["output.bias"][3] = value
    put_weights(copy, weights)
    assert "output.bias holds NaN" in refused(copy, "weights.safetensors")


def test_weights_beyond_float16_are_named(copy):
    weights = {name: array.astype(np.float32) for name, array in weights_of(copy).items()}
    put_weights(copy, weights)
    assert artifact.read(copy)
    weights["output.bias"][0] = 1e30
    put_weights(copy, weights)
    assert "beyond float16" in refused(copy, "weights.safetensors")


@pytest.mark.parametrize("dtype", [np.float64, np.int8, np.uint16, np.int64, np.bool_])
def test_weights_of_another_type_are_named(copy, dtype):
    weights = weights_of(copy)
    weights["output.bias"] = weights["output.bias"].astype(dtype)
    put_weights(copy, weights)
    assert "not in F16 or F32" in refused(copy, "weights.safetensors")


def test_weights_in_bfloat16_are_named(copy):
    content = (copy / "weights.safetensors").read_bytes().replace(b'"F16"', b'"BF16"')
    size = int.from_bytes(content[:8], "little") + content.count(b'"BF16"')
    put(copy, "weights.safetensors", size.to_bytes(8, "little") + content[8:])
    assert "BF16" in refused(copy, "weights.safetensors")


def test_weights_of_another_shape_are_named(copy):
    weights = weights_of(copy)
    weights["output.bias"] = weights["output.bias"][:-1]
    put_weights(copy, weights)
    assert "output.bias has the shape" in refused(copy, "weights.safetensors")


def test_weights_that_are_missing_or_too_many_are_named(copy):
    weights = weights_of(copy)
    bias = weights.pop("output.bias")
    put_weights(copy, weights)
    assert "it lacks output.bias" in refused(copy, "weights.safetensors")
    put_weights(copy, {**weights, "output.bias": bias, "more": bias})
    assert "it holds more" in refused(copy, "weights.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 100,
        (2**63).to_bytes(8, "little"),
        (10**9).to_bytes(8, "little") + b"{}",
        raw(b"[" * 100_000),
        raw({"a": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}}, b"1234"),
        raw({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}, b"1234"),
        raw({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"1234"),
        raw({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, b"1234"),
        raw({"a": 3}),
    ],
    ids=range(10),
)
def test_what_is_no_safetensors_file_is_named(copy, content):
    put(copy, "weights.safetensors", content)
    assert "no safetensors file" in refused(copy, "weights.safetensors")


# Files


@pytest.mark.parametrize("name", ["manifest.json", "config.json", "weights.safetensors"])
def test_what_is_no_ordinary_file_is_named_at_once(copy, name):
    (copy / name).unlink()
    os.mkfifo(copy / name)
    assert "no ordinary file" in refused(copy, name)
    (copy / name).unlink()
    (copy / name).mkdir()
    assert "no ordinary file" in refused(copy, name)


def test_a_file_beyond_its_limit_is_read_no_further(copy, monkeypatch):
    monkeypatch.setattr(artifact_checks, "MAX_WEIGHTS", 1000)
    assert "larger than 1,000 bytes" in refused(copy, "weights.safetensors")


# Pinned words


def put_pinned(folder, words):
    content = {"weights_sha256": artifact.read(folder).weights_sha256, "words": words}
    put(folder, "pinned.json", json.dumps(content).encode())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"A" * 1_000_000: "AE"}, "no word of 1 to 64"),
        ({"A" * 65: "AE"}, "no word of 1 to 64"),
        ({"": "AE"}, "no word of 1 to 64"),
        ({"Ж": "AE"}, "no word of 1 to 64"),
        ({"A": "AE " * 1_000_000}, "the answer to 'A'"),
        ({"A": "AE " * 300}, "the answer to 'A'"),
        ({"A": "XX"}, "the answer to 'A'"),
        ({"A": 3}, "the answer to 'A'"),
        ({f"{'A' * (1 + n // 8)}{'ABDEGNRT'[n % 8]}": "AE" for n in range(33)}, "33 words"),
        (["A"], "words is an array"),
        (None, "words is missing"),
    ],
    ids=range(11),
)
def test_pinned_words_that_cannot_be_checked_are_named(copy, words, problem):
    put_pinned(copy, words)
    assert problem in refused(copy, "pinned.json")


# Anything


@settings(max_examples=120)
@given(data=st.data())
def test_one_value_replaced_by_any_other_is_refused_or_fits(tiny_artifact, tmp_path_factory, data):
    """Nothing but an `ArtifactError` comes out of a loader."""
    folder = tmp_path_factory.mktemp("any") / "copy"
    shutil.copytree(tiny_artifact, folder)
    name = data.draw(st.sampled_from(["manifest.json", "config.json", "vocabulary.json"]))
    value = json.loads((folder / name).read_text())
    path, inner = [], value
    while isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 3)):
        keys = sorted(inner) if isinstance(inner, dict) else range(len(inner))
        path.append(data.draw(st.sampled_from(keys)))
        inner = inner[path[-1]]
    if not path:
        return
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    other = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    )
    change(folder, name, *path, to=data.draw(other))
    try:
        found, *_ = read_all(folder)
        if found.calibration:
            assert 0 <= found.calibration.probability([0.5, 1e-9]) <= 1
    except ArtifactError as e:
        assert e.path.parent == folder  # noqa: PT017
    finally:
        shutil.rmtree(folder)


# The service


FAULTS = {
    "deep": lambda folder: put(folder, "config.json", DEEP),
    "name": lambda folder: change(folder, "manifest.json", "name", to=3),
    "bf16": lambda folder: put(
        folder, "weights.safetensors",
        raw({"output.bias": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"12"),
    ),
    "calibration": lambda folder: change(folder, "config.json", "calibration", to="text"),
    "metrics": lambda folder: put(folder, "metrics.json", DEEP),
    "pinned": lambda folder: put_pinned(folder, {"A" * 1_000_000: "AE"}),
}  # fmt: skip


def test_a_reload_of_a_bad_artifact_is_refused_and_counted(copy, tmp_path):
    kept = tmp_path / "kept"
    shutil.copytree(copy, kept)
    key = "a-key-of-the-artifact-tests"
    with running(tmp_path / "log", artifact=copy, api_keys=key) as service:
        service.wait_until_ready()
        for count, spoil in enumerate(FAULTS.values(), start=1):
            spoil(copy)
            request = get("/admin/reload", X_API_Key=key).replace(b"GET", b"POST", 1)
            answer = service.ask(request)
            assert answer.status_code == 409, answer.text
            assert str(copy) in answer.json()["detail"]
            counted = service.ask(get("/metrics", X_API_Key=key)).text
            assert f'tanger_reloads_total{{outcome="refused"}} {count}.0' in counted
            assert service.ask(get("/readyz")).status_code == 200
            shutil.rmtree(copy)
            shutil.copytree(kept, copy)
        assert service.stop() == 0
        assert "Traceback" not in service.log


@pytest.mark.parametrize("fault", ["deep", "pinned"])
def test_a_bad_artifact_ends_the_start_with_one_line(copy, tmp_path, fault):
    FAULTS[fault](copy)
    with running(tmp_path / "log", artifact=copy) as service:
        assert service.wait() == 1
        errors = service.log.splitlines()
        assert len(errors) == 1
        assert errors[0].startswith(f"error: {copy}/")

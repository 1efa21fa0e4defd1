import numpy as np
import pytest
from typer.testing import CliRunner

from model import averaging, checkpoint
from model.__main__ import app
from model.averaging import AveragingError
from model.phonemizer import Phonemizer


@pytest.fixture
def other(tiny_artifact, tmp_path):
    """The same with weights half as large."""
    found = checkpoint.read(tiny_artifact)
    return checkpoint.write(
        tmp_path / "other",
        name="other",
        network=found.network,
        training=found.training,
        calibration=None,
        graphemes=found.graphemes,
        phonemes=found.phonemes,
        weights={name: array * 0.5 for name, array in found.weights().items()},
        extras={},
    )


def test_weights_are_the_mean(tiny_artifact, other, tmp_path):
    out = tmp_path / "mean"
    done = CliRunner().invoke(
        app,
        ["average", "--artifact", str(other.path), *2 * ["--artifact", str(tiny_artifact)],
         "--out", str(out)],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    found, last = checkpoint.read(out), checkpoint.read(tiny_artifact)
    assert found.version in done.stdout
    for name, array in last.weights().items():
        np.testing.assert_allclose(found.weights()[name], array * 5 / 6, rtol=2e-3, atol=1e-6)
    assert [told["name"] for told in found.training["averaged"]] == ["other", "tiny", "tiny"]
    assert found.calibration == last.calibration
    assert (out / "metrics.jsonl").read_bytes() == (tiny_artifact / "metrics.jsonl").read_bytes()


def test_the_mean_of_one_is_itself(tiny_artifact, tmp_path):
    averaging.average([tiny_artifact], tmp_path / "mean")
    words = ["TANGER", "BAD"]
    one, same = (Phonemizer.load(path, "cpu") for path in (tiny_artifact, tmp_path / "mean"))
    assert same.pronounce(words) == one.pronounce(words)


def test_what_has_no_mean_is_refused(tiny_artifact, shipped_artifact, tmp_path):
    with pytest.raises(AveragingError, match="another shape"):
        averaging.average([shipped_artifact, tiny_artifact], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()

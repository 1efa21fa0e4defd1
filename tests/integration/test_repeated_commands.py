"""What a command has made is not lost when another one, or the same again, is pointed at it."""

import hashlib
import shutil

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact
from tanger.model.cli import data
from tanger.model.cli.common import ARTIFACT
from tanger.model.cli.data import Source
from tanger.model.distillation import joint_ngram

FEW = "TANGER  T AE NG ER\nBRAND  B R AE N D\nBEAT  B IY T\nBEAT(1)  B EY T\n"
MORE = FEW + "GARDEN  G AE R D EH N\n"


def tanger(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "a.dict").write_text(FEW)
    (tmp_path / "b.dict").write_text(MORE)
    (tmp_path / "dev.dict").write_text("BAND  B AE N D\n")
    (tmp_path / "words.txt").write_text("TANGERS\nBRANDS\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The command, what makes it another one, and where its result goes
CHEAP = [
    (["convert", "a.dict", "out.tsv"], ["convert", "b.dict", "out.tsv"], "out.tsv"),
    (["derive", "--lexicon", "a.dict", "--possessives", 1, "--out", "out"],
     ["derive", "--lexicon", "b.dict", "--possessives", 1, "--out", "out"], "out"),
    (["spellings", "--lexicon", "a.dict", "--most", 9, "--out", "out"],
     ["spellings", "--lexicon", "a.dict", "--most", 5, "--out", "out"], "out"),
    (["hold-out", "--lexicon", "a.dict", "--unseen", "dev.dict", "--held-out", "x", "--out", "out"],
     ["hold-out", "--lexicon", "b.dict", "--unseen", "dev.dict", "--held-out", "out", "--out", "y"],
     "out"),
    (["repeat-errors", "--lexicon", "a.dict", "--wrong-by", ARTIFACT, "--out", "out"],
     ["repeat-errors", "--lexicon", "b.dict", "--wrong-by", ARTIFACT, "--out", "out"],
     "out"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "out"), CHEAP, ids=lambda value: str(value[0]))
def test_the_same_again_is_fine_and_another_is_refused(here, first, second, out):
    made = tanger(*first)
    assert made.exit_code == 0, made.stderr
    before = (here / out).read_bytes()
    assert tanger(*first).exit_code == 0
    refused = tanger(*second)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith(f"error: {out} holds something else")
    assert "--overwrite" in refused.stderr
    assert (here / out).read_bytes() == before
    assert tanger(*second, "--overwrite").exit_code == 0
    assert (here / out).read_bytes() != before


def test_neither_part_is_written_where_one_is_refused(here):
    (here / "held").write_text("something of somebody's\n")
    command = ["hold-out", "--lexicon", "a.dict", "--unseen", "dev.dict", "--out", "kept",
               "--held-out", "held"]  # fmt: skip
    assert tanger(*command).exit_code == 2
    assert not (here / "kept").exists()
    both = tanger(*command[:-1], "kept")
    assert "one file" in both.stderr


def test_hours_of_work_are_refused_before_they_begin(here, tiny_artifact, monkeypatch):
    monkeypatch.setattr(joint_ngram, "train", lambda *_: pytest.fail("it began"))
    (here / "made").write_bytes(b"hours of work")
    for command in (["joint-ngram", "--lexicon", "a.dict"],
                    ["label", "--teacher", tiny_artifact, "--lexicon", "a.dict"]):  # fmt: skip
        refused = tanger(*command, "--out", "made")
        assert refused.exit_code == 2
        assert "made is there already" in refused.stderr
        assert "no such folder" in tanger(*command, "--out", "nowhere/made").stderr
    assert (here / "made").read_bytes() == b"hours of work"
    labelled = tanger("label", "--teacher", tiny_artifact, "--lexicon", "b.dict", "--out", "made",
                      "--overwrite")  # fmt: skip
    assert labelled.exit_code == 2, "IY and EY are no phonemes of that teacher"
    (here / "c.dict").write_text("TANGER  T AE NG ER\n")
    labelled = tanger("label", "--teacher", tiny_artifact, "--lexicon", "c.dict", "--out", "made",
                      "--overwrite")  # fmt: skip
    assert labelled.exit_code == 0, labelled.stderr


def test_a_file_of_ones_own_is_not_lost_to_a_download(here, monkeypatch):
    (here / "origin").mkdir()
    (here / "origin/one.txt").write_text("the split's\n")
    (here / "to").mkdir()
    (here / "to/one.txt").write_text("corrected by hand\n")
    sha256 = hashlib.sha256((here / "origin/one.txt").read_bytes()).hexdigest()
    defaults = {**data.download.__kwdefaults__, "files": (Source("one.txt", sha256),)}
    monkeypatch.setattr(data.download, "__kwdefaults__", defaults)
    refused = tanger("data", "--from", "origin", "--to", "to")
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert (here / "to/one.txt").read_text() == "corrected by hand\n"
    assert tanger("data", "--from", "origin", "--to", "to", "--overwrite").exit_code == 0
    assert (here / "to/one.txt").read_text() == "the split's\n"


def test_a_calibration_is_replaced_on_purpose(tiny_artifact, little_lexicon, tmp_path):
    copy = tmp_path / "tiny"
    shutil.copytree(tiny_artifact, copy)
    command = ["calibrate", "--device", "cpu", "--artifact", copy, "--lexicon"]
    assert tanger(*command, little_lexicon["test"]).exit_code == 0
    fitted = artifact.read(copy)
    assert fitted.training["calibrated_on"]["file"] == "test.dict"
    again = tanger(*command, little_lexicon["test"])
    assert (again.exit_code, "already" in again.stdout) == (0, True)
    refused = tanger(*command, little_lexicon["dev"])
    assert refused.exit_code == 2
    assert "calibrated already, on test.dict: --overwrite" in refused.stderr
    assert artifact.read(copy).calibration == fitted.calibration
    assert tanger(*command, little_lexicon["dev"], "--overwrite").exit_code == 0
    assert artifact.read(copy).calibration != fitted.calibration
    tanger("evaluate", "--artifact", copy, "--lexicon", little_lexicon["test"], "--keep")
    assert "are calibrated on dev.dict" in (copy / "README.md").read_text()


def test_the_shipped_artifact_is_calibrated_by_nobody_who_does_not_name_it(little_lexicon):
    refused = tanger("calibrate", "--lexicon", little_lexicon["test"])
    assert refused.exit_code == 2
    assert "--artifact" in refused.stderr

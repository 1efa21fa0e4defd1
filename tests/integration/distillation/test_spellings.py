import builtins

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import lexicon
from tanger.model.distillation import spellings
from tanger.model.distillation.spellings import SpellingsError
from tanger.model.lexicon import Entry

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"


def test_frequent_words_come_once_and_in_letters():
    pytest.importorskip("wordfreq")
    words = list(spellings.frequent(["id", "ms"], LETTERS, without={"YANG", "RUMAH"}))
    assert len(words) == len(set(words)) > 30_000
    assert {"DAN", "FACEBOOK", "KERANA"} < set(words)
    assert not {"YANG", "RUMAH", "A"} & set(words)
    assert all(set(word) <= set(LETTERS) for word in words)
    assert words.index("DAN") < words.index("FACEBOOK") < words.index("KERANA")


def test_the_command_leaves_lexicons_out(tmp_path):
    pytest.importorskip("wordfreq")
    lexicon.write(tmp_path / "train.dict", [Entry("HOUSE", ("HH",)), Entry("TREE", ("T",))],
                  "cmudict")  # fmt: skip
    lexicon.write(tmp_path / "test.dict", [Entry("USE", ("Y",)), Entry("THE", ("DH",))], "cmudict")
    done = CliRunner().invoke(app, [
        "spellings", "--lexicon", str(tmp_path / "train.dict"), "--without",
        str(tmp_path / "test.dict"), "--most", "300", "--out", str(tmp_path / "words.txt"),
    ])  # fmt: skip
    assert done.exit_code == 0
    words = (tmp_path / "words.txt").read_text().split()
    assert f"{len(words):,} words written" in done.stdout
    assert {"SET", "HER", "OTHER"} < set(words)
    assert not {"HOUSE", "TREE", "USE", "THE"} & set(words)
    assert set("".join(words)) == set("HOUSETR")


def test_what_is_missing_is_spoken(monkeypatch):
    pytest.importorskip("wordfreq")
    with pytest.raises(SpellingsError, match="no list of 'xx'; it has"):
        list(spellings.frequent(["xx"], LETTERS, without=()))
    real = builtins.__import__

    def without_wordfreq(name, *rest):
        if name == "wordfreq":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_wordfreq)
    with pytest.raises(SpellingsError, match="make dev"):
        list(spellings.frequent(["en"], LETTERS, without=()))


def test_names_of_people_come_before_words(tmp_path):
    pytest.importorskip("wordfreq")
    pytest.importorskip("names")
    called = list(spellings.names(LETTERS, without={"SMITH"}))
    assert len(called) == len(set(called)) > 80_000
    assert {"JOHNSON", "MARY", "AALDERINK"} < set(called)
    assert "SMITH" not in called
    lexicon.write(tmp_path / "train.dict", [Entry(LETTERS, ("T",))], "cmudict")
    done = CliRunner().invoke(app, [
        "spellings", "--lexicon", str(tmp_path / "train.dict"), "--names", "--most", "100000",
        "--out", str(tmp_path / "words.txt"),
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    words = (tmp_path / "words.txt").read_text().split()
    assert len(words) == len(set(words)) == 100_000
    assert words.index("JOHNSON") < words.index("THE")

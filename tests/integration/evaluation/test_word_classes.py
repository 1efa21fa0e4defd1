import shutil

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact
from tanger.model.evaluation.word_classes import CLASSES, classify

KNOWN = {"FACE": [("F", "EY", "S")], "BOOK": [("B", "UH", "K")], "CAT": [("K", "AE", "T")]}


@pytest.mark.parametrize(("word", "text", "kind"), [
    ("HTTP", "X", "acronym"), ("IBM", "AY B IY EH M", "acronym"), ("IBM", "IH B M", "other"),
    ("CAT'S", "K AE T S", "possessive"), ("DOGS'", "D AO G Z", "possessive"),
    ("CATS", "K AE T S", "plural"), ("DOGS", "D AO G Z", "other"),
    ("BOOKING", "B UH K IH NG", "inflection"), ("FACEBOOK", "F EY S B UH K", "compound"),
    ("BOOKBO", "B UH K B OW", "foreign name"), ("KOWALSKI", "K OW", "foreign name"),
    ("NASA", "N AE S AH", "foreign name"), ("TANGER", "T AE NG ER", "other"), ("", "", "acronym"),
])  # fmt: skip
def test_each_word_is_of_one_kind(word, text, kind):
    assert classify(word, [tuple(text.split())], KNOWN) == kind
    assert kind in CLASSES


def test_kinds_are_scored_and_kept(tiny_artifact, little_lexicon, tmp_path):
    copy = tmp_path / "tiny"
    shutil.copytree(tiny_artifact, copy)
    done = CliRunner().invoke(app, [
        "evaluate", "--keep", "--artifact", str(copy), "--lexicon", str(little_lexicon["dev"]),
        "--known", str(little_lexicon["train"]), "--device", "cpu",
    ])  # fmt: skip
    assert done.exit_code == 0
    kept = artifact.read(copy).metrics()["dev.dict"]["classes"]
    assert sum(rates["words"] for rates in kept.values()) == 100
    for name, rates in kept.items():
        assert f"of {rates['words']:,} wrong" in done.stdout
        assert f"| {name} | {rates['words']} |" in (copy / "README.md").read_text()

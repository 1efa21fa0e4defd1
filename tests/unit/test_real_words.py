"""The script that rebuilds the list of real words, with small dictionaries."""

import runpy
import sys

import pytest

from tanger.model.english.folds import fold
from tests.support import ROOT

SCRIPT = ROOT / "tools" / "real_words.py"


@pytest.fixture
def dictionaries(tmp_path):
    word = next(w for w in ("VLOG", "BLOG", "GLOG", "SLOG", "FROG", "GROG") if fold(w, ()) == "dev")
    content = {
        "us_gold.json": f'{{"{word.lower()}": {{"DEFAULT": "ɡɹˈɑɾ", "NOUN": null}}}}',
        "us_silver.json": f'{{"{word.lower()}": "ɡɹˈɔt"}}',
        "eng_latn_us_broad.tsv": f"{word.lower()}\tɡ ɹ ɔː t\n{word.lower()}\tɡ ɹ o ʊ t\n",
        "english_us_mfa.dict": "the\td ə\n",
        "ISLEdict.txt": "the() # d ə #\n",
        "cmudict-0.7b": "THE  DH AH0\n",
    }
    for name, text in content.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return word, tmp_path


def test_agreement_but_for_convention(dictionaries, monkeypatch, capsys):
    word, folder = dictionaries
    command = [str(SCRIPT), "--from", str(folder), "--out", str(folder / "real.tsv")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert ended.value.code == 1  # the checksum is not that of the published list
    # a flap is T or D; AO is equivalent to AA; silver does not vote, but is listed
    assert (folder / "real.tsv").read_text() == (
        f"{word}\tG R AA T|G R AO T\tG R AA D|G R AA T|G R AO T|G R OW T\n"
    )


def test_missing_files_are_named(dictionaries, monkeypatch, capsys):
    _, folder = dictionaries
    (folder / "ISLEdict.txt").unlink()
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--from", str(folder), "--out", "real.tsv"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert ended.value.code == 2
    assert "ISLEdict.txt (pysle 4.0.2)" in capsys.readouterr().err

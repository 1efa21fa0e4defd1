"""The lexicon of frequent words that comes with an artifact."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from tanger.model.artifact import LEXICON
from tanger.model.lexicon import Entry
from tanger.model.lexicon.builtin import BuiltinLexiconError, pairs, write
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries, LexiconFileError

ENTRIES = [
    Entry("zeit", ("t͡s", "ˈaɪ̯", "t")),
    Entry("weg", ("v", "ˈeː", "k")),
    Entry("weg", ("v", "ˈɛ", "k")),
    Entry("ähre", ("ˈɛː", "ʁ", "ə")),
]
GERMAN = Inventory(["t͡s", "ˈaɪ̯", "t", "v", "ˈeː", "k", "ˈɛ", "ˈɛː", "ʁ", "ə"])


def test_entries_come_back_and_keep_a_words_order(tmp_path: Path) -> None:
    path = tmp_path / LEXICON
    size = write(path, ENTRIES)
    assert size == path.stat().st_size
    found = list(pairs(path.read_bytes()))
    assert sorted(found) == sorted((word, " ".join(phonemes)) for word, phonemes in ENTRIES)
    assert [sound for word, sound in found if word == "weg"] == ["v ˈeː k", "v ˈɛ k"]


def test_the_same_entries_make_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a", ENTRIES)
    write(tmp_path / "b", [ENTRIES[3], *ENTRIES[:3]])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"weg\tv", lzma.compress(b"weg\tv\n")[:-4], lzma.compress(b"weg v\n"),
     lzma.compress(b"\xff\tv\n")],
)  # fmt: skip
def test_damage_is_an_error(content: bytes) -> None:
    with pytest.raises(BuiltinLexiconError):
        list(pairs(content))


def test_an_artifacts_own_lexicon_is_the_built_in_one(tmp_path: Path) -> None:
    folder = tmp_path / "de"
    folder.mkdir()
    write(folder / LEXICON, ENTRIES)
    found = Dictionaries.read(GERMAN, folder=folder)
    assert found.names == [("de frequent words", 3)]
    assert found.pronunciations("Weg") == (("v", "ˈeː", "k"), ("v", "ˈɛ", "k"))
    assert found.revision != Dictionaries.read(GERMAN).revision
    assert Dictionaries.read(GERMAN, folder=folder, builtin="off").names == []


def test_other_phonemes_than_the_artifacts_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / LEXICON, ENTRIES)
    with pytest.raises(LexiconFileError, match="weg has other phonemes than the artifact: v ˈeː k"):
        Dictionaries.read(Inventory(["ˈɛː", "ʁ", "ə"]), folder=tmp_path)

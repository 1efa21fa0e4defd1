"""Dictionaries of a language are combined and split; each entry is kept or counted."""

from dataclasses import replace

import pytest

from tanger.model.english.folds import fold
from tanger.model.languages import definition, sources, splits

LINES = """casa\t[ˈka.sa]
casa\t/ˈkasa/
casa\t/ˈkaθa/
caza\t/ˈkasa/
caza\t/ˈkaθa/
Casas\t/ˈkasas/
buenos días\t/ˈbwenos ˈdias/
ONU\t/ˈonu/
nada\t/nada/
calle\t/ˈkaʃe/
"""


@pytest.fixture
def spanish(tmp_path):
    (tmp_path / "es.tsv").write_text(LINES, "utf-8")
    return sources.read(definition.load("es"), tmp_path, verify=False)


def test_words_are_cleaned_and_what_is_thrown_away_is_counted(spanish):
    assert spanish.words == {
        "casa": [("k", "ˈa", "s", "a")],  # two votes, and no letter of θ
        "caza": [("k", "ˈa", "θ", "a")],
        "casas": [("k", "ˈa", "s", "a", "s")],
    }
    counts = spanish.counts
    assert counts["es.tsv: lines"] == 10
    assert counts["es.tsv: of another accent"] == 2
    assert counts["es.tsv: an abbreviation"] == 1
    assert counts["es.tsv: a word of other characters"] == 1
    assert counts["es.tsv: a symbol that the language does not have"] == 1
    assert counts["pronunciation refused: no primary stress"] == 1


def test_another_edition_is_refused(tmp_path):
    (tmp_path / "es.tsv").write_text(LINES, "utf-8")
    with pytest.raises(sources.SourceError, match="another edition") as raised:
        sources.read(definition.load("es"), tmp_path)
    assert raised.value.path == tmp_path / "es.tsv"


def test_folds_are_disjoint_and_frequent_words_are_trained_on():
    syllables = [c + v for c in "bdfgklmnpst" for v in "aeiou"]
    words = {one + two: [(one[0], f"ˈ{one[1]}", *two)] for one in syllables for two in syllables}
    language = replace(definition.load("es"), repeats=((2, 3),))
    frequent = ["bada", "tutu", "zzz"]
    found = splits.split(words, language, frequent)
    train, dev, test = (
        {entry.word for entry in part} for part in (found.train, found.dev, found.test)
    )
    assert not train & dev
    assert not train & test
    assert {"bada", "tutu"} <= train
    assert all(fold(word, {"BADA", "TUTU"}) == "test" for word in test)
    assert [entry.word for entry in found.train].count("tutu") == 3
    assert [entry.word for entry in found.frequent] == ["bada", "tutu"]
    assert sum(found.fold_sizes.values()) == len(words)
    few = splits.split(words, language, frequent, count=100)
    assert len({entry.word for entry in few.train}) == 100
    assert {entry.word for entry in few.test} <= test  # nothing moves between folds

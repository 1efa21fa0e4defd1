"""American entries become British ones by rule."""

from dataclasses import replace

import pytest

from tanger.model.english.folds import fold
from tanger.model.languages import british, definition, sources, splits


@pytest.mark.parametrize(
    ("word", "american", "expected"),
    [
        ("car", "K AA1 R", "k ˈɑː"),  # r is heard before vowels only
        ("carrying", "K AE1 R IY0 IH0 NG", "k ˈæ ɹ i ɪ ŋ"),
        ("carry", "K EH1 R IY0", "k ˈeə ɹ i"),
        ("nurses", "N ER1 S IH0 Z", "n ˈɜː s ɪ z"),
        ("hurry", "HH ER1 IY0", "h ˈʌ ɹ i"),
        ("letter", "L EH1 T ER0", "l ˈɛ t ə"),
        ("lot", "L AA1 T", "l ˈɒ t"),
        ("want", "W AA1 N T", "w ˈɒ n t"),
        ("father", "F AA1 DH ER0", "f ˈɑː ð ə"),
        ("talk", "T AO1 K", "t ˈɔː k"),
        ("dog", "D AO1 G", "d ˈɒ ɡ"),
        ("last", "L AE1 S T", "l ˈɑː s t"),
        ("cat", "K AE1 T", "k ˈæ t"),
        ("mirror", "M IH1 R ER0", "m ˈɪ ɹ ə"),
        ("near", "N IH1 R", "n ˈɪə"),
        ("village", "V IH1 L AH0 JH", "v ˈɪ l ɪ d͡ʒ"),
        ("organization", "AO2 R G AH0 N AH0 Z EY1 SH AH0 N", "ˌɔː ɡ ə n ɪ z ˈeɪ ʃ ə n"),
        ("goat", "G OW1 T", "ɡ ˈəʊ t"),
        ("new", "N UW1", "n j ˈuː"),
        ("too", "T UW1", "t ˈuː"),
    ],
)
def test_lexical_sets(word, american, expected):
    assert " ".join(british.from_american(word, american.split())) == expected


def test_words_of_british_dictionaries_are_not_converted(tmp_path):
    files = {
        "en-gb-britfone.csv": "CAR, k ˈɑː\n",
        "en-gb-wikipron.tsv": "lot\tl ɒ t\n",
        "en-raw-unlabelled.tsv": "",
        "cmudict-0.7b": "CAR  K AA1 R\nCART  K AA1 R T\nLOT  L AA1 T\nOTTER  AA1 T ER0\n",
        "ISLEdict.txt": "cart(nn) # k ˈɔ r t #\ncarat(nn) # k ˈɑ . r ə t #\nclot # k #\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    language = replace(definition.load("en-gb"), given={})
    found = sources.read(language, tmp_path, verify=False)
    assert set(found.words) == {"car", "lot"}
    assert found.converted == {
        "cart": [("k", "ˈɑː", "t")],
        "otter": [("ˈɒ", "t", "ə")],
        "carat": [("k", "ˈɑː", "ɹ", "ə", "t")],
    }
    assert found.counts["ISLEdict.txt: not an entry"] == 1
    known = sources.cmudict_words(language, tmp_path)
    split = splits.split(found.words, language, ["car"], known, converted=found.converted)
    # No training word of the language's own has the sounds of "otter"
    assert [entry.word for entry in split.converted] == ["cart"]
    assert fold("cart", known) == "train"
    assert all(entry.word in found.words for entry in (*split.train, *split.frequent))

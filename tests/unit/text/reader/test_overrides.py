"""Pronunciations in the text: what is one, and what is a link."""

import pytest

from tanger.model.phonology import notation
from tanger.model.text.reader.reader import TextReader

READER = TextReader()


def words(text):
    return [(word.text, word.phonemes) for token in READER.read(text) for word in token.words]


@pytest.mark.parametrize(
    "transcription", ["ˈtæŋɚ", "t{N@`", '"t{N@`', "T AE1 NG ER0", "T AE NG ER", " ˈtæ.ŋɚ "]
)
def test_all_notations_are_read(transcription):
    (token,) = READER.read(f"[Tanger](/{transcription}/)")
    (word,) = token.words
    assert (token.kind, token.confidence, token.start) == ("word", 1.0, 0)
    assert (word.text, word.phoneme_source) == ("Tanger", "override")
    assert [each.rstrip("012") for each in word.phonemes] == ["T", "AE", "NG", "ER"]


@pytest.mark.parametrize(
    "link",
    ["/docs/", "/usr/local/", "/", "//", "/a b c/", "/T AE Q/", "/ /", "/ˈt/", "https://a.b/c"],
)
def test_anything_else_is_a_link(link):
    tokens = READER.read(f"[tanger]({link})")
    assert "".join(token.text for token in tokens) == f"[tanger]({link})"
    assert tokens[1].text == "tanger"
    assert tokens[1].words[0].phonemes is None


@pytest.mark.parametrize("text", ["![tanger](/ˈtæŋɚ/)", "[](/ˈtæŋɚ/)", "[ ](/ˈtæŋɚ/)", "[a](/b"])
def test_neither_pictures_nor_nothing_are_overrides(text):
    assert all(phonemes is None for _, phonemes in words(text))


def test_offsets_are_those_of_the_whole():
    tokens = READER.read("a [New York](/ˌnu ˈjɔɹk/)!")
    assert [(token.start, token.end) for token in tokens] == [(0, 1), (1, 2), (2, 25), (25, 26)]


@pytest.mark.parametrize("transcription", ["ˌnu ˈjɔɹk", "N UW2  Y AO1 R K", '%nu "jOr\\k'])
def test_words_side_by_side_have_one_sound_each(transcription):
    assert words(f"[New York](/{transcription}/)") == [
        ("New", ("N", "UW2")),
        ("York", ("Y", "AO1", "R", "K")),
    ]


def test_other_numbers_of_words_are_one():
    assert words("[St. Louis](/seɪntluɪs/)")[0][0] == "St. Louis"


def test_a_notation_is_all_of_a_text_or_none():
    assert notation.recognize("T AE1 T1") is None
    assert notation.recognize("tæq") is None
    assert notation.recognize("") is None
    assert notation.parse_arpabet("t ae") is None

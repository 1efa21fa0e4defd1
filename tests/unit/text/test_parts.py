"""Division of words in languages whose phonemes are not ARPAbet."""

from __future__ import annotations

import pytest

from tanger.model.text.parts import Part
from tanger.model.text.reader.token import SpokenWord
from tanger.model.text.reading import WordReader
from tanger.model.text.speller import WordError

FRENCH = WordReader(
    "abcdefghijklmnopqrstuvwxyzàâçèéêëîïôùûœ'",
    "a e i o u y ø œ ə ɛ ɔ ɑ̃ ɛ̃ ɔ̃ b d f ɡ ʒ k l m n p ʁ s ʃ t v z j w ɥ".split(),
    language="fr",
)
GERMAN = WordReader(
    "abcdefghijklmnopqrstuvwxyzäöüß",
    "aː ˈaː a ˈa eː ˈeː ɛ ˈɛ iː ˈiː uː ˈuː ˈaʊ̯ aʊ̯ b d t͡s f h k m s t v ʁ p".split(),
    language="de",
)


def parts(reader: WordReader, text: str, *, letters: bool = False) -> list[Part]:
    found = reader.parts(SpokenWord(text, letters=letters), by_rule=False)
    assert not isinstance(found, WordError)
    return list(found)


def test_an_elided_word_is_one_with_the_next() -> None:
    article, noun = parts(FRENCH, "l’eau")
    assert (article.text, article.pronunciations, article.joined) == ("l", (("l",),), True)
    assert (noun.text, noun.pronunciations, noun.joined) == ("eau", (), False)
    assert [part.text for part in parts(FRENCH, "jusqu'à")] == ["jusqu", "à"]


def test_some_words_with_an_apostrophe_are_whole() -> None:
    assert [part.text for part in parts(FRENCH, "aujourd'hui")] == ["aujourd'hui"]


def test_hyphens_part_words_and_other_apostrophes_are_left_out() -> None:
    assert [part.text for part in parts(FRENCH, "rendez-vous")] == ["rendez", "vous"]
    assert [part.text for part in parts(GERMAN, "Rhein-Main")] == ["rhein", "main"]


def test_letters_have_the_stress_of_the_last() -> None:
    (part,) = parts(GERMAN, "ADAC", letters=True)
    assert part.pronunciations == (("aː", "d", "eː", "aː", "t͡s", "ˈeː"),)
    assert part.rule == "letters"
    (plural,) = parts(GERMAN, "PKWs", letters=True)
    assert plural.pronunciations == (("p", "eː", "k", "aː", "v", "ˈeː", "s"),)


def test_an_elided_word_before_letters() -> None:
    article, letters = parts(FRENCH, "l'ADN", letters=True)
    assert article.joined
    assert letters.pronunciations == (("a", "d", "e", "ɛ", "n"),)


def test_names_of_letters_are_words_where_the_phonemes_do_not_fit() -> None:
    other = WordReader("abcdefghijklmnopqrstuvwxyz", ["A", "T"], language="de")
    assert [part.text for part in parts(other, "ADAC", letters=True)] == ["a", "de", "a", "ce"]


def test_what_no_grapheme_spells_is_an_error() -> None:
    found = GERMAN.parts(SpokenWord("日本"), by_rule=False)
    assert isinstance(found, WordError)
    assert found.code == "unspellable"


@pytest.mark.parametrize(
    ("word", "normalized"),
    [
        ("42", "zweiundvierzig"),
        ("Schmetterling", "schmetterling"),
        ("3,50 €", "drei-euro-fünfzig"),
        ("ADAC", "adac"),
        ("CDU-Politiker", "cdu-politiker"),
    ],
)
def test_a_word_is_read_in_german(word: str, normalized: str) -> None:
    assert GERMAN.read(word).spelling.normalized == normalized


def test_a_language_without_rules_has_words_alone() -> None:
    reader = WordReader("abcdefghijklmnopqrstuvwxyz", ["a", "t"], language="fi")
    assert reader.text is None
    assert reader.language is None
    assert reader.read("42").spelling.error is not None


def test_british_letters_have_plurals() -> None:
    british = WordReader(
        "abcdefghijklmnopqrstuvwxyz'",
        "iː ˈiː eɪ ˈeɪ ɛ ˈɛ aɪ ə ʌ əʊ b d t͡ʃ d͡ʒ z ˈɪ ɪ s uː ˈuː j k ɑː".split(),
        language="en-GB",
    )
    assert [part.text for part in parts(british, "don't")] == ["don't"]
    (plural,) = parts(british, "BBCs", letters=True)
    assert plural.pronunciations == (("b", "iː", "b", "iː", "s", "ˈiː", "z"),)
    (owner,) = parts(british, "UK's", letters=True)
    assert owner.pronunciations == (("j", "uː", "k", "ˈeɪ", "z"),)

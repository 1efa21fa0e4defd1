"""Pronunciations that texts give, in languages with IPA of their own."""

from __future__ import annotations

import pytest

from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.reader.token import Token
from tanger.model.text.reading import WordReader
from tanger.model.text.ssml import Parser, SSMLError, parse

PHONEMES = "t a ˈa ŋ ɐ ʁ aː ˈaː v k ˈeː eː".split()
READER = WordReader("abcdefghijklmnopqrstuvwxyzäöüß", PHONEMES, language="de-AT")
assert READER.text is not None
TEXTS = READER.text


def given(tokens: list[Token]) -> list[tuple[str, ...] | None]:
    return [word.phonemes for token in tokens for word in token.words]


def test_brackets_hold_the_artifacts_own_symbols() -> None:
    tokens = TEXTS.read("[Tanger](/ˈtaŋɐ/) [Weg](/v ˈeː k/)")
    assert given(tokens) == [("t", "ˈa", "ŋ", "ɐ"), ("v", "ˈeː", "k")]


def test_what_has_other_symbols_is_a_link() -> None:
    tokens = TEXTS.read("[Tanger](/T AE1 NG ER0/)")
    assert next(token.kind for token in tokens) == "markup"


def test_ssml_in_the_readers_language_is_read() -> None:
    source = '<speak xml:lang="de-DE">Der <phoneme ph="veːk">Weg</phoneme>, 3 km</speak>'
    tokens = list(parse(source, TEXTS.transcriptions).tokens(TEXTS, lambda word: False))
    spoken = [word for token in tokens for word in token.words]
    assert [word.text for word in spoken] == ["Der", "Weg", "drei", "Kilometer"]
    assert spoken[1].phonemes == ("v", "eː", "k")
    assert all(word.language is None for word in spoken)


def test_ssml_in_english_is_another_language_then() -> None:
    source = '<speak>Der <lang xml:lang="en-US">way</lang></speak>'
    tokens = parse(source, TEXTS.transcriptions).tokens(TEXTS, lambda word: False)
    assert [w.language for token in tokens for w in token.words] == [None, "en-US"]


def test_say_as_is_read_as_usual_with_a_warning() -> None:
    source = '<speak><say-as interpret-as="date">3.5.2024</say-as></speak>'
    tokens = parse(source, TEXTS.transcriptions).tokens(TEXTS, lambda word: False)
    (date,) = [token for token in tokens if token.words]
    assert date.spoken == "dritter mai zweitausend vierundzwanzig"
    assert date.warnings == ("say-as date is for English alone: 3.5.2024 read as usual",)


@pytest.mark.parametrize("ph", ['ph="θ"', 'alphabet="x-sampa" ph="ta"'])
def test_other_transcriptions_are_refused(ph: str) -> None:
    parser = Parser(f"<speak><phoneme {ph}>x</phoneme></speak>", TEXTS.transcriptions)
    with pytest.raises(SSMLError, match="the artifact's own symbols in ipa"):
        list(parser.steps())


def test_a_stress_mark_goes_to_the_symbol_that_can_bear_it() -> None:
    inventory = Inventory(PHONEMES)
    assert inventory.parse("ˈtʁaːt", "ipa") == ("t", "ʁ", "ˈaː", "t")
    assert inventory.parse("ˈtɐt", "ipa") == ("t", "ɐ", "t")

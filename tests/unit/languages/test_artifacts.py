"""Shipped artifacts of languages: their language and size, and how they pronounce common words."""

from pathlib import Path

import pytest

from tanger.model import artifact
from tanger.model.artifact import LEXICON, NOTICE
from tanger.model.languages import definition
from tanger.model.lexicon import builtin
from tanger.model.phonemizer import NetworkPhonemizer

ARTIFACTS = Path(__file__).parents[3] / "artifacts"
LARGEST = 2_000_000  # bytes
SHIPPED = definition.names()

WORDS = {
    "cs": {"v": "v", "k": "k", "s": "s", "z": "z", "vlk": "v ˈl̩ k", "praha": "p r ˈa ɦ a"},
    "nl": {
        "de": "d ˈə",
        "schrijven": "s x r ˈɛi v ə",
        "huis": "h ˈœy s",
        "moeilijk": "m ˈuː j l ə k",
        "belgië": "b ˈɛ l ɣ iː j ə",
        "betere": "b ˈeː t ə r ə",
        "wordt": "ʋ ˈɔ r t",
    },
    "pl": {
        "na": "n ˈa",
        "w": "v",
        "się": "ɕ ˈɛ",
        "szczęście": "ʂ t͡ʂ ˈɛ ɲ ɕ t͡ɕ ɛ",
        "robiliśmy": "r ɔ b ˈi l i ɕ m ɨ",
    },
    "pt-br": {
        "de": "d͡ʒ ˈi",
        "gente": "ʒ ˈe\u0303 t͡ʃ i",
        "coração": "k o ɾ a s ˈɐ\u0303 w\u0303",
        "trabalho": "t ɾ a b ˈa ʎ u",
    },
    "ru": {
        "в": "v",
        "еще": "j ɪ ɕː ˈɵ",
        "сегодня": "sʲ ɪ v ˈo dʲ nʲ ə",
        "молоко": "m ə ɫ ɐ k ˈo",
        "северного": "sʲ ˈe vʲ ɪ r n ə v ə",
        "хорошая": "x ɐ r ˈo ʂ ə j ə",
    },
    "sv": {
        "och": "ɔ k",
        "jag": "j ɑː ɡ",
        "sju": "ɧ ʉː",
        "gärna": "j ɛː ɳ a",
        "sjuksköterska": "ɧ ʉː k ɧ øː t ɛ ʂ k a",
        "väg": "ʋ ɛː ɡ",
        "träning": "t r ɛː n ɪ ŋ",
    },
}


@pytest.mark.parametrize("name", SHIPPED)
def test_each_language_has_an_artifact_with_its_notice_and_lexicon(name: str) -> None:
    made = artifact.read(ARTIFACTS / name)
    defined = definition.load(name)
    assert made.language == defined.language
    assert sum(path.stat().st_size for path in made.path.iterdir()) <= LARGEST
    assert set(made.phonemes.own) <= {
        mark + symbol for symbol in defined.symbols for mark in ("", "ˈ", "ˌ")
    }
    notice = (made.path / NOTICE).read_text("utf-8")
    assert all(source.origin in notice for source in defined.sources)
    entries = list(builtin.pairs((made.path / LEXICON).read_bytes()))
    assert len({word for word, _ in entries}) > 10_000
    assert {symbol for _, way in entries for symbol in way.split()} <= set(made.phonemes.own)


@pytest.mark.parametrize("name", WORDS)
def test_the_network_knows_frequent_words(name: str) -> None:
    answers = NetworkPhonemizer.load(ARTIFACTS / name, "cpu").pronounce(list(WORDS[name]))
    assert [" ".join(answer.phonemes) for answer in answers] == list(WORDS[name].values())

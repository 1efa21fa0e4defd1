"""Whole texts: read, pronounced, and put together, with the shipped artifact."""

import json
import subprocess
import sys

import pytest

from tanger.model.text.pipeline import TextPhonemizer
from tanger.model.text.texts import pronounce_text
from tests.support import ROOT

TEXT = "Dr. Smith paid $5.3 billion at 3:00, didn't he? 日本 🎄"


@pytest.fixture(scope="module")
def phonemizer(shipped_artifact):
    return TextPhonemizer.load(shipped_artifact, "cpu")


def test_a_text_is_covered_by_tokens_with_pronunciations(phonemizer):
    found = pronounce_text(phonemizer, TEXT, alphabet="ipa")
    assert "".join(each.token.text for each in found.tokens) == TEXT
    assert found.spoken == (
        "doctor smith paid five point three billion dollars at three o'clock didn't he 日本"
    )
    assert found.pronunciation.startswith("ˈdɑktɚ ˈsmɪθ ˈpeɪd ˈfaɪv")
    shown = found.to_dict("ipa")
    assert [token["kind"] for token in shown["tokens"] if token["kind"] != "space"] == [
        "abbreviation", "word", "word", "money", "word", "time", "punctuation", "word", "word",
        "punctuation", "word", "emoji",
    ]  # fmt: skip
    assert set(shown["tokens"][0]) == {
        "text", "start", "end", "kind", "confidence", "spoken", "words", "warnings", "error",
    }  # fmt: skip
    assert set(shown["tokens"][0]["words"][0]) == {
        "word", "normalized", "source", "phonemes", "text", "probability", "alignment", "sense",
    }  # fmt: skip
    (refused,) = [token for token in shown["tokens"] if token["error"]]
    assert (refused["text"], refused["error"]["code"]) == ("日本", "unspellable")
    assert shown["warnings"] == ["🎄 -> nothing"]


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("rosé", "R OW Z EY"), ("touché", "T UW SH EY"), ("coupé", "K UW P EY"),
        ("pâté", "P AA T EY"), ("crème", "K R EH M"), ("piñata", "P IY N Y AA T AH"),
        ("mañana", "M AA N Y AA N AH"), ("Barça", "B AA R S AH"), ("outré", "AW T R EY"),
        ("cañada", "K AA N Y AA D AH"), ("élan", "EY L AH N"), ("brûlée", "B R UW L EY"),
    ],
)  # fmt: skip
def test_the_network_says_the_marks_of_letters(phonemizer, word, phonemes):
    for source in ("model", "auto"):
        assert pronounce_text(phonemizer, word, source=source).pronunciation == phonemes


def test_punctuation_is_kept_on_request(phonemizer):
    found = pronounce_text(phonemizer, "Yes, no.", alphabet="ipa", stress=False, punctuation=True)
    assert found.pronunciation == "jɛs, noʊ."


def test_words_in_arpabet_are_two_spaces_apart(phonemizer):
    assert pronounce_text(phonemizer, "yes no").pronunciation == "Y EH S  N OW"


@pytest.mark.parametrize("source", ["model", "lexicon", "auto"])
def test_a_text_and_its_words_are_answered_alike(phonemizer, source):
    words = ["3:00", "'of'", "re-enter", "tanger", "UK", "café", "rosé", "42nd", "$5"]
    for word in words:
        (alone,) = phonemizer.pronounce([word], source=source)
        found = pronounce_text(phonemizer, word, source=source)
        phonemes = [
            phoneme
            for each in found.tokens
            for result in each.words
            for phoneme in (result.pronunciations[0].phonemes if result.pronunciations else ())
        ]
        if alone.pronunciations:
            assert phonemes == list(alone.pronunciations[0].phonemes)
        else:
            assert any(each.error for each in found.tokens)


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("pronunciation", "TH R IY  AH K L AA K\n\n"),
        ("spoken", "three o'clock\n\n"),
        ("tsv", "three\tTH R IY\ttime\t3:00\no'clock\tAH K L AA K\ttime\t3:00\n\n\n"),
    ],
)
def test_the_command_reads_files(tmp_path, shipped_artifact, format, expected):
    (tmp_path / "text").write_text("3:00\n\n", "utf-8")
    command = ["text", str(tmp_path / "text"), "--format", format, "--artifact", shipped_artifact]
    done = _tanger(*command)
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_the_command_reads_the_standard_input_and_tells_what_it_cannot_read(shipped_artifact):
    done = _tanger("text", "--format", "jsonl", "--artifact", shipped_artifact, input="hi 日本\n")
    assert done.returncode == 1
    assert "日本" in done.stderr
    assert json.loads(done.stdout)["spoken"] == "hi 日本"


def _tanger(*arguments, input=None):
    return subprocess.run(
        [sys.executable, "-m", "tanger", *map(str, arguments)],
        cwd=ROOT,
        input=input,
        capture_output=True,
        text=True,
        check=False,
    )

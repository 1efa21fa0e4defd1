"""Whole texts: read, pronounced, and put together, with the shipped artifact."""

import json
import subprocess
import sys

import pytest

from tanger.model.text.text_phonemizer import TextPhonemizer
from tanger.model.text.texts import pronounce_sentences, pronounce_text
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
        ("pâté", "P AA T EY"), ("crème", "K R EH M"), ("doña", "D AA N Y AH"),
        ("mañana", "M AA N Y AA N AH"), ("Barça", "B AA R S AH"), ("outré", "AW T R EY"),
        ("cañada", "K AA N Y AA D AH"), ("élan", "EY L AH N"), ("brûlée", "B R UW L EY"),
    ],
)  # fmt: skip
def test_the_network_says_the_marks_of_letters(phonemizer, word, phonemes):
    for source in ("model", "auto"):
        assert pronounce_text(phonemizer, word, source=source).pronunciation == phonemes


def test_punctuation_is_kept_on_request(phonemizer):
    for text, pronunciation in (
        ("Yes, no.", "jɛs, noʊ."),
        ('"Yes," (no) -- yes.', '"jɛs," (noʊ) -- jɛs.'),
        ("Yes\u2014no ! \u00abYes\u00bb \u00bfno?", "jɛs\u2014noʊ! \u00abjɛs\u00bb \u00bfnoʊ?"),
    ):
        found = pronounce_text(phonemizer, text, alphabet="ipa", stress=False, punctuation=True)
        assert found.pronunciation == pronunciation


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
            for _, result, _ in each.words
            for phoneme in (result.pronunciations[0].phonemes if result.pronunciations else ())
        ]
        if alone.pronunciations:
            assert phonemes == list(alone.pronunciations[0].phonemes)
        else:
            assert any(each.error for each in found.tokens)


@pytest.mark.parametrize("source", ["model", "lexicon", "auto"])
@pytest.mark.parametrize("alphabet", ["ipa", "cntk"])
def test_the_and_to_hang_on_the_sound_that_follows(phonemizer, source, alphabet):
    """By sound, not by letter: an hour and a university."""
    text = "the apple, the hour, the university, to 8 of us, to UK towns, the [x](/ɑ/)"
    found = pronounce_text(phonemizer, text, source=source, alphabet=alphabet, weak_forms=True)
    spoken = [
        "".join(word.result.pronunciations[0].phonemes)
        for each in found.tokens
        for word in each.words
        if each.token.text in ("the", "to", "of")
    ]
    expected = {
        "ipa": ["ði", "ði", "ðə", "tu", "əv", "tə", "ði"],
        "cntk": ["~DH~IY", "~DH~IY", "~DH~AH", "~T~UW", "~AH~V", "~T~AH", "~DH~IY"],
    }
    assert spoken == expected[alphabet]
    plain = pronounce_text(phonemizer, text, source=source, alphabet=alphabet)
    assert plain.spoken == found.spoken
    assert plain.pronunciation != found.pronunciation


def test_all_senses_of_a_homograph_are_shown(phonemizer):
    found = pronounce_text(phonemizer, "I read the book.", alphabet="ipa").to_dict("ipa")
    sense = found["tokens"][2]["words"][0]["sense"]
    (other,) = sense["alternatives"]
    assert {sense["name"], other["name"]} == {"read_past", "read_present"}
    assert sense["probability"] >= other["probability"]
    assert sense["probability"] + other["probability"] == pytest.approx(1)
    sounds = {"read_past": "ˈɹɛd", "read_present": "ˈɹid"}
    assert (other["text"], "".join(other["phonemes"])) == (sounds[other["name"]],) * 2


@pytest.mark.parametrize("source", ["model", "lexicon", "auto"])
def test_what_the_text_gives_counts_before_all_lexicons(phonemizer, source):
    given = "[of](/AA1 F/) [日本](/nɪˈhɑn/)"
    found = pronounce_text(phonemizer, given, source=source)
    assert found.pronunciation == "AA F  N IH HH AA N"
    shown = [word for token in found.to_dict("arpabet")["tokens"] for word in token["words"]]
    assert [(word["source"], word["normalized"]) for word in shown] == [
        ("override", "OF"),
        ("override", None),
    ]
    assert {word["probability"] for word in shown} == {None}
    (alone,) = phonemizer.pronounce(["[of](/AA1 F/)"], source=source)
    assert (alone.source, alone.pronunciations[0].phonemes) == ("override", ("AA", "F"))
    assert alone.warnings == ("[of](/AA1 F/) -> of",)


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


def test_the_command_tells_of_a_missing_file_and_of_bytes_that_are_not_utf8(
    tmp_path, shipped_artifact
):
    done = _tanger("text", "Hello world", "--artifact", shipped_artifact)
    assert done.returncode == 2
    assert "standard input" in done.stderr
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfone\r\ncaf\xe9\r\n")
    done = _tanger("text", tmp_path / "text", "--format", "spoken", "--artifact", shipped_artifact)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "one")
    assert done.stderr.splitlines() == [
        f"{tmp_path / 'text'}:2: the byte 0xe9 is not UTF-8 and is not read"
    ]


def test_the_command_writes_each_sentence_as_it_is_ready(shipped_artifact):
    arguments = ("text", "--format", "jsonl", "--alignment", "--artifact", str(shipped_artifact))
    with subprocess.Popen(
        [sys.executable, "-m", "tanger", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        for line in ("One dog. Two dogs.\n", "Three.\n"):
            command.stdin.write(line)
            command.stdin.flush()
            found = [json.loads(command.stdout.readline()) for _ in line.rstrip("\n").split(". ")]
            assert "".join(each["text"] for each in found) == line.rstrip("\n")
            aligned = found[0]["tokens"][0]["words"][0]["alignment"]
            assert aligned["letters"] == list(found[0]["spoken"].split()[0].upper())
        command.stdin.close()
        assert command.wait() == 0


def test_sentences_are_those_of_the_whole(phonemizer):
    text = "The dog sat. " * 40 + "[x](/ɑ/) ½ read."
    whole = pronounce_text(phonemizer, text, weak_forms=True, alignment=True)
    parts = list(pronounce_sentences(phonemizer, text, weak_forms=True, alignment=True))
    assert [each.text for each in parts] == ["The dog sat. "] * 40 + ["[x](/ɑ/) ½ read."]
    assert [token for each in parts for token in each.tokens] == list(whole.tokens)
    assert "  ".join(each.pronunciation for each in parts) == whole.pronunciation


def test_the_command_reads_ssml(tmp_path, shipped_artifact):
    path = tmp_path / "x.ssml"
    path.write_text("<speak>\n<s>One</s>\n<sub alias='two'>2nd</sub>\n</speak>\n", "utf-8")
    arguments = ("--ssml", "--format", "spoken", "--artifact", shipped_artifact)
    done = _tanger("text", str(path), *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "one two\n", "")
    done = _tanger("text", *arguments, input="<speak><foo/></speak>")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("found <foo>")


def _tanger(*arguments, input=None):
    return subprocess.run(
        [sys.executable, "-m", "tanger", *map(str, arguments)],
        cwd=ROOT,
        input=input,
        capture_output=True,
        text=True,
        check=False,
    )

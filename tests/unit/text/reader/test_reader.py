"""The reader of text: written forms, how they are spoken, what covers what."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanger.model.text.reader.reader import TextReader, spoken
from tanger.model.text.reader.token import KINDS

SILENT = ("word", "space", "punctuation")
READER = TextReader()


def _cases() -> list[tuple[str, str, str, str]]:
    group, cases = "", []
    for line in Path(__file__).with_name("cases.tsv").read_text("utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and "\t" not in line:
            group = line[1:-1]
        elif not line.startswith("# ") or "\t" in line:
            written, expected, *kinds = line.split("\t")
            cases.append((group, written, expected, kinds[0] if kinds else ""))
    return cases


CASES = _cases()


@pytest.mark.parametrize(
    ("written", "expected", "kinds"),
    [case[1:] for case in CASES],
    ids=[f"{group}: {written}" for group, written, *_ in CASES],
)
def test_written_forms_are_read(written: str, expected: str, kinds: str) -> None:
    tokens = READER.read(written)
    assert spoken(tokens) == expected
    read_kinds = [token.kind for token in tokens if token.kind not in SILENT]
    assert read_kinds == [kind for kind in kinds.split() if kind not in SILENT]


def _assert_covers(text: str) -> None:
    at = 0
    for token in READER.read(text):
        assert token.start == at < token.end
        assert token.text == text[token.start : token.end]
        assert token.kind in KINDS
        assert 0 <= token.confidence <= 1
        at = token.end
    assert at == len(text)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_tokens_cover_any_text(text: str) -> None:
    _assert_covers(text)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *"1 12 1984 3rd $ £ € % . , : ; - – / \\ ( ) ' \" ’ am p.m. May Jan. Dr. St. "
                "I II XIV kg km/h m² ½ ² # @ * ** _ & + = a A The UK's e.g. U.S. x1 1x é 😀 \u200d "
                "́ http:// .com 'n' n/a 000 0 ,000 1/2 -5 °C < > [ ]( ` ~".split(),
                " ",
                " ",
                "\n",
                "\xa0",
            ]
        )
    ).map("".join)
)
def test_tokens_cover_pieces_of_what_is_read(text: str) -> None:
    _assert_covers(text)


def test_a_corpus_goes_through_with_nothing_lost() -> None:
    lines = Path(__file__).with_name("sentences.txt").read_text("utf-8").splitlines()
    sentences = [line for line in lines if not line.startswith("# ")]
    assert len(sentences) == 2000
    for sentence in sentences:
        _assert_covers(sentence)
        unread = [
            token.text
            for token in READER.read(sentence)
            if not token.words and any(map(str.isalnum, token.text))
        ]
        assert not unread


@pytest.mark.parametrize(
    "piece", ["1,", "a.", "'", "1/", "(1", "<a", "M.", "\u0301", "a@", "*_", "$1-"]
)
def test_a_long_run_of_anything_takes_time_in_proportion(piece: str) -> None:
    def seconds(count: int) -> float:
        start = time.process_time()
        READER.read(piece * count)
        return time.process_time() - start

    short, long = (min(seconds(count) for _ in range(2)) for count in (1_000, 8_000))
    assert long < 24 * short + 0.1  # 8 where it is linear, 64 where it is quadratic


def test_the_example_of_the_documentation() -> None:
    tokens = READER.read("Dr. Smith read 3 books on Elm St. in 1984.")
    assert spoken(tokens) == "doctor smith read three books on elm street in nineteen eighty four"
    first = tokens[0]
    assert (first.text, first.start, first.end, first.kind) == ("Dr.", 0, 3, "abbreviation")
    assert first.spoken == "doctor"


def test_a_word_keeps_its_case_for_lexicons_that_tell_it() -> None:
    (token,) = READER.read("Polish")
    assert token.words[0].text == "Polish"
    assert token.spoken == "polish"


def test_what_is_read_letter_by_letter_is_marked() -> None:
    (token,) = READER.read("HTML")
    assert token.words[0].letters


def test_the_prefix_re_has_its_own_sound() -> None:
    assert READER.read("re-enter")[0].words[0].phonemes == ("R", "IY0")


def test_a_dictionary_keeps_a_name_in_mixed_case_whole() -> None:
    tokens = READER.read("YouTube", known=lambda word: word == "youtube")
    assert spoken(tokens) == "youtube"

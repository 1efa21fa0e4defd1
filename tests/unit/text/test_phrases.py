"""Finding phrases of lexicons in texts."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tanger.model.lexicon.phrases import Phrases, phrase_key
from tanger.model.text.phrases import with_phrases
from tanger.model.text.reader.reader import TextReader

ENTRIES = ["New York", "new york city", "York City Hall", "W3C", "St. Louis", "C++", "Dr.",
           "café 2", "rock 'n' roll", "plain", "O'Brien", "?!", "re-enter"]  # fmt: skip
PHRASES = Phrases.of([Phrases(ENTRIES[:3]), Phrases(()), Phrases(ENTRIES[3:])])
READER = TextReader()


def found(text):
    tokens = list(with_phrases(READER.iterate(text), PHRASES))
    assert "".join(token.text for token in tokens) == text
    at = 0
    for token in tokens:
        assert (token.start, token.end) == (at, at + len(token.text))
        at = token.end
    return [
        (token.text, token.words[0].text)
        for token in tokens
        if token.words and token.words[0].entry
    ]


def test_plain_words_and_mere_signs_are_no_phrases():
    keys = ["new york", "new york city", "york city hall", "w3c", "st. louis", "c++", "dr.",
            "café 2", "rock 'n' roll", None, None, None, "re-enter"]  # fmt: skip
    assert [phrase_key(word) for word in ENTRIES] == keys
    assert all(key in PHRASES for key in keys if key)
    assert "plain" not in PHRASES
    assert "new yor" not in PHRASES
    assert PHRASES.may_begin_with("new york c")
    assert not PHRASES.may_begin_with("york new")
    assert not Phrases(["plain"])


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("I love New York.", ["New York"]),
        ("New York City is new, York City too", ["New York City"]),
        ("In new york City Hall", ["new york City"]),  # the leftmost phrase, then the longest
        ("NEW YORK", ["NEW YORK"]),
        ("New  York or New\nYork", ["New York", "New York"]),
        ("New\n\nYork, new-york, New, York", []),
        ("New Yorkers and anew york", []),
        ("New York's W3C's Dr. X", ["New York's", "W3C's", "Dr."]),
        ("St. Louis, St. Paul and Dr. Who", ["St. Louis", "Dr."]),
        ("the W3C, w3c and W3CX", ["W3C", "w3c"]),
        ("rock ’n’ roll", ["rock ’n’ roll"]),
        ("Café 2!", ["Café 2"]),
        ("we re-enter", ["re-enter"]),
        ("plain O'Brien?!", []),
        ("[New](/nu/) York", []),
    ],
)
def test_the_longest_phrase_is_one_word(text, phrases):
    assert [spoken for _, spoken in found(text)] == phrases


@given(st.lists(st.sampled_from([*ENTRIES, "New", "York", " ", "\n\n", "'s", "3", ".", "€"])))
@example(["New", " "])
@example(["new york city", " ", "New York"])
def test_tokens_cover_the_text_whatever_is_found(pieces):
    for text in ("".join(pieces), " ".join(pieces)):
        for written, spoken in found(text):
            assert " ".join(written.split()) == spoken
            key = phrase_key(spoken)
            assert key in PHRASES or key.removesuffix("'s") in PHRASES

"""What a reader makes of a text: tokens with a kind, a place and the words that are spoken."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

Kind = Literal[
    "word", "number", "ordinal", "year", "date", "time", "money", "measure", "fraction",
    "telephone", "range", "roman", "abbreviation", "acronym", "alphanumeric", "electronic",
    "sign", "emoji", "punctuation", "markup", "space",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

# A word of a reading that is said letter by letter: in capitals, plural or possessive or not.
_LETTERS = re.compile("([A-Z]+)(?:'?s)?")


# What says how a word sounds that is not looked up or decoded: a table (of a homograph, that of its
# senses), that of weak forms, or the text itself.
GivenBy = Literal["table", "weak_form", "override"]


class SpokenWord(NamedTuple):
    """One word to be pronounced.

    Attributes:
        text: the word; as it was written, where it was written as a word.
        letters: whether it is said letter by letter.
        phonemes: how it sounds, where `given_by` says so, as ARPAbet with stress digits.
        sense: which of the senses of a homograph is meant.
        chance: that it is this sense.
        given_by: what gives the phonemes.
        language: that it is in, by its BCP 47 tag, where it is not the reader's: it is not read.
        others: of a homograph, its other senses, the likeliest first; of a weak form, that
            before vowels.
        entry: whether a lexicon has it as it stands, perhaps with spaces and signs in it.
    """

    text: str
    letters: bool = False
    phonemes: tuple[str, ...] | None = None
    sense: str | None = None
    chance: float = 1.0
    given_by: GivenBy = "table"
    language: str | None = None
    others: tuple[SpokenWord, ...] = ()
    entry: bool = False

    @property
    def sound(self) -> SpokenWord:
        """The word as far as its pronunciation goes: the same word of other sentences is equal.

        That is so in one sense: a lexicon may have another pronunciation of each.
        """
        if self.sense is None and not self.others:
            return self
        return self._replace(chance=1.0, others=())

    @property
    def shown(self) -> str:
        """The word in small letters; in capitals, a plural's s aside, what is spelt."""
        return self.text if self.letters else self.text.lower()


class Token(NamedTuple):
    """A piece of a text.

    Attributes:
        kind: what it is.
        text: as it was sent.
        start: offset of its first code point in the text.
        end: offset behind its last.
        words: what is spoken; nothing of space, punctuation, markup and emoji.
        confidence: how often a reading of this kind is right.
        warnings: about it; None where its kind decides whether its loss is worth one.
    """

    kind: Kind
    text: str
    start: int
    end: int
    words: tuple[SpokenWord, ...]
    confidence: float = 1.0
    warnings: tuple[str, ...] | None = None

    @property
    def spoken(self) -> str:
        """The words in one line."""
        return " ".join(word.shown for word in self.words)


@lru_cache(maxsize=8192)
def spoken_words(line: str) -> tuple[SpokenWord, ...]:
    """The words of a line such as ``five PM``: what is in capitals is said letter by letter."""
    return tuple(
        SpokenWord(word, letters=_LETTERS.fullmatch(word) is not None) for word in line.split()
    )

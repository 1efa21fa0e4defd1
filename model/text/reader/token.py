"""The output of the text reader: tokens with a kind, a position and spoken words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

Kind = Literal[
    "word", "number", "ordinal", "year", "date", "time", "money", "measure", "fraction",
    "telephone", "range", "roman", "abbreviation", "acronym", "alphanumeric", "electronic",
    "sign", "emoji", "punctuation", "markup", "space",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

# A word that is read letter by letter: in capitals, with an optional plural or possessive suffix.
_LETTERS = re.compile("([A-Z]+)(?:'?s)?")


# Source of a word's phonemes if they are not looked up or decoded: a table (that of senses for
# homographs), the table of weak forms, or the text itself.
PhonemeSource = Literal["table", "weak_form", "override"]


class SpokenWord(msgspec.Struct, frozen=True, gc=False):
    """One word to be pronounced.

    Like tokens, words are not tracked by the garbage collector, which would scan those of a long
    text again and again: they refer to nothing that could refer to them.

    Attributes:
        text: the word, as written if it was written as a word.
        letters: whether it is read letter by letter.
        phonemes: phonemes given by `phoneme_source`, in ARPAbet with stress digits.
        sense: sense of a homograph.
        sense_probability: probability of the sense.
        phoneme_source: source of the phonemes, if they are given.
        language: BCP 47 tag of its language if that is not the reader's; such words are not read.
        others: for a homograph, its other senses, the most probable first; for a weak form, the
            form before vowels.
        entry: whether a lexicon has it as it stands, possibly with spaces and signs.
    """

    text: str
    letters: bool = False
    phonemes: tuple[str, ...] | None = None
    sense: str | None = None
    sense_probability: float = 1.0
    phoneme_source: PhonemeSource = "table"
    language: str | None = None
    others: tuple[SpokenWord, ...] = ()
    entry: bool = False

    @property
    def sound(self) -> SpokenWord:
        """The word reduced to what its pronunciation depends on, equal across sentences.

        The sense is kept, because a lexicon may have a pronunciation for each.
        """
        if self.sense is None and not self.others:
            return self
        return replace(self, sense_probability=1.0, others=())

    @property
    def shown(self) -> str:
        """The word in lower case, or, if it is spelt, in capitals except for a plural s."""
        return self.text if self.letters else self.text.lower()


class Token(msgspec.Struct, frozen=True, gc=False):
    """A piece of a text.

    Attributes:
        kind: kind of the token.
        text: text as sent.
        start: start offset in code points.
        end: end offset in code points, exclusive.
        words: spoken words; none for space, punctuation, markup and emoji.
        confidence: probability that the reading is right.
        warnings: warnings about it; None for the default of the kind.
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
        """The spoken words in one line."""
        return " ".join(word.shown for word in self.words)


@lru_cache(maxsize=8192)
def spoken_words(line: str) -> tuple[SpokenWord, ...]:
    """Return the words of a line such as ``five PM``; those in capitals are read by letters."""
    return tuple(
        SpokenWord(word, letters=_LETTERS.fullmatch(word) is not None) for word in line.split()
    )

"""The state of reading one text, which every recogniser sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

from tanger.model.text.reader.tables import Tables
from tanger.model.text.reader.token import Kind, SpokenWord, Token, spoken_words

_NEXT_WORD = re.compile(r"[ \t\xa0]{0,3}([^\W\d_]+)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
# Stands in a text for what is read in a way of its own (see `reader.Fixed`).
PLACEHOLDER = "\ufffc"
# What is one character of ASCII in other clothes: apostrophes, hyphens.
_CANONICAL = {"’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "−": "-", "\u2024": "."}


class Acronyms(Protocol):
    """Decides whether letters are a word or are said one by one."""

    def decide(
        self, token: str, *, beside_digits: bool = False, among_capitals: bool = False
    ) -> tuple[bool, float]:
        """Whether `token` is said letter by letter, and how probable that decision is.

        Args:
            token: letters as they were written, without an ending.
            beside_digits: they touch digits, as in CO2.
            among_capitals: the words around are in capitals, too.
        """


class Reading(NamedTuple):
    """What a recogniser found.

    Attributes:
        end: offset behind it.
        kind: what it is.
        spoken: the words, or a line of them (see `spoken_words`).
        confidence: that this is right; None where the kind's own is to be taken.
        warnings: as those of `Token`.
    """

    end: int
    kind: Kind
    spoken: str | tuple[SpokenWord, ...] = ()
    confidence: float | None = None
    warnings: tuple[str, ...] | None = None

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """The words."""
        return spoken_words(self.spoken) if isinstance(self.spoken, str) else self.spoken


class Scan:
    """A text, what was read of it, and what it is read with.

    Attributes:
        source: the text as it was sent.
        text: the text in which recognisers look: as long as the source, with curly apostrophes,
            exotic hyphens and full-width characters in ASCII.
        tokens: what was read before, which covers the text up to where a recogniser looks.
        tables: of the language.
        acronyms: decides what is spelt.
        known: whether a dictionary has a word, in small letters.
        address_end: offset up to which a street address goes.
        quotes: how many single quotes are open.
    """

    __slots__ = (
        "acronyms", "address_end", "known", "quotes", "source", "tables", "text", "tokens",
    )  # fmt: skip

    def __init__(
        self, source: str, tables: Tables, acronyms: Acronyms, known: Callable[[str], bool]
    ) -> None:
        self.source = source
        self.text = _NOT_ASCII.sub(_canonical, source)
        self.tables = tables
        self.acronyms = acronyms
        self.known = known
        self.tokens: list[Token] = []
        self.address_end = 0
        self.quotes = 0

    def last(self) -> Token | None:
        """The token before, space left out."""
        for token in self.tokens[:-3:-1]:
            if token.kind != "space":
                return token
        return None

    def before(self, at: int) -> str:
        """The character before, or nothing."""
        return self.text[at - 1] if at else ""

    def after(self, at: int) -> str:
        """The character at an offset, or nothing."""
        return self.text[at : at + 1]

    def words_before(self, count: int) -> list[str]:
        """Up to `count` words before, as written, nearest first; only space is between them."""
        found: list[str] = []
        for token in reversed(self.tokens):
            if len(found) == count:
                break
            if token.kind == "space":
                continue
            if not token.words:
                break
            found.append(token.text)
        return found

    def word_before(self) -> str:
        """The word before, as written; nothing after punctuation."""
        return next(iter(self.words_before(1)), "")

    def word_after(self, at: int) -> str:
        """The word that follows, past a space or not; nothing where anything else does."""
        match = _NEXT_WORD.match(self.text, at)
        return match[1] if match else ""


def _canonical(match: re.Match[str]) -> str:
    return _canonical_character(match[0])


@lru_cache(maxsize=4096)
def _canonical_character(character: str) -> str:
    """The one ASCII character that this is in other clothes, else itself."""
    if character in _CANONICAL:
        return _CANONICAL[character]
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    code = ord(character)
    # Full-width forms, subscripts, styled letters; not superscripts, which say something
    if 0xFF00 <= code <= 0xFFEF or 0x2080 <= code <= 0x208E or 0x1D400 <= code <= 0x1D7FF:
        plain = unicodedata.normalize("NFKC", character)
        if len(plain) == 1 and plain.isascii():
            return plain
    return character

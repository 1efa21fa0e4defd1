"""The state of reading one text, which is passed to every recogniser."""

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
# Parses a transcription to phonemes; returns None if it is not valid.
Parse = Callable[[str], tuple[str, ...] | None]
# Placeholder for content with a reading of its own (see `reader.Fixed`).
PLACEHOLDER = "\ufffc"
# Unicode variants of ASCII characters: apostrophes, hyphens.
_CANONICAL = {"’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "−": "-", "\u2024": "."}


class Acronyms(Protocol):
    """Decides whether letters are read as a word or one by one."""

    def decide(
        self,
        token: str,
        *,
        beside_digits: bool = False,
        among_capitals: bool = False,
        alone: bool = False,
    ) -> tuple[bool, float]:
        """Return whether `token` is read letter by letter, and the probability of that decision.

        Args:
            token: letters as written, without a suffix.
            beside_digits: whether they are next to digits, as in CO2.
            among_capitals: whether the surrounding words are in capitals, too.
            alone: whether there are no surrounding words, as in a list of words.
        """


class Reading(NamedTuple):
    """The result of a recogniser.

    Attributes:
        end: end offset.
        kind: kind of the token.
        spoken: the spoken words, or a line of them (see `spoken_words`).
        confidence: probability that the reading is right; None for the default of the kind.
        warnings: see `Token`.
    """

    end: int
    kind: Kind
    spoken: str | tuple[SpokenWord, ...] = ()
    confidence: float | None = None
    warnings: tuple[str, ...] | None = None

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """The spoken words."""
        return spoken_words(self.spoken) if isinstance(self.spoken, str) else self.spoken


class Scan:
    """A text, the tokens read so far, and the resources of the reader.

    Attributes:
        source: text as sent.
        text: text for recognisers: as long as the source, with curly apostrophes, exotic hyphens
            and full-width characters converted to ASCII.
        tokens: tokens read so far; they cover the text up to the current offset.
        tables: tables of the language.
        acronyms: decides which words are read letter by letter.
        known: whether a dictionary has a lower-case word.
        recognize: parses a pronunciation that the text gives.
        address_end: end offset of the current street address.
        quotes: number of open single quotes.
    """

    __slots__ = (
        "acronyms", "address_end", "known", "quotes", "recognize", "source", "tables", "text",
        "tokens",
    )  # fmt: skip

    def __init__(
        self,
        source: str,
        tables: Tables,
        acronyms: Acronyms,
        known: Callable[[str], bool],
        recognize: Parse,
    ) -> None:
        self.source = source
        self.text = _NOT_ASCII.sub(_canonical, source)
        self.tables = tables
        self.acronyms = acronyms
        self.known = known
        self.recognize = recognize
        self.tokens: list[Token] = []
        self.address_end = 0
        self.quotes = 0

    def last(self) -> Token | None:
        """Return the previous token other than space, if any."""
        for token in self.tokens[:-3:-1]:
            if token.kind != "space":
                return token
        return None

    def last_text(self) -> str:
        """Return the text of the last word or abbreviation, also before punctuation."""
        for token in self.tokens[:-6:-1]:
            if token.words:
                return token.text
        return ""

    def last_spoken(self) -> str:
        """Return the sentence's last word as it is said, in lower case, also before a comma."""
        for token in self.tokens[:-5:-1]:
            if token.text in (".", "!", "?"):
                break
            if token.words:
                return token.words[-1].text.lower()
        return ""

    def before(self, at: int) -> str:
        """Return the character before an offset, or an empty string."""
        return self.text[at - 1] if at else ""

    def after(self, at: int) -> str:
        """Return the character at an offset, or an empty string."""
        return self.text[at : at + 1]

    def words_before(self, count: int) -> list[str]:
        """Return up to `count` previous words, nearest first, that only space separates."""
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
        """Return the previous word as written; empty after punctuation."""
        return next(iter(self.words_before(1)), "")

    def word_after(self, at: int) -> str:
        """Return the next word, after an optional space; empty if something else follows."""
        match = _NEXT_WORD.match(self.text, at)
        return match[1] if match else ""


def _canonical(match: re.Match[str]) -> str:
    return _canonical_character(match[0])


@lru_cache(maxsize=4096)
def _canonical_character(character: str) -> str:
    """Return the ASCII equivalent of a character, if there is a single one, else the character."""
    if character in _CANONICAL:
        return _CANONICAL[character]
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    code = ord(character)
    # Full-width forms, subscripts, styled letters; not superscripts, which have a meaning
    if 0xFF00 <= code <= 0xFFEF or 0x2080 <= code <= 0x208E or 0x1D400 <= code <= 0x1D7FF:
        plain = unicodedata.normalize("NFKC", character)
        if len(plain) == 1 and plain.isascii():
            return plain
    return character

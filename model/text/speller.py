"""Spell typed words in an artifact's graphemes, and report every significant change."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from string import ascii_uppercase
from typing import Literal, NamedTuple

from tanger.model.lexicon.index import APOSTROPHES
from tanger.model.phonology.vocabulary import SPACE
from tanger.model.text.accents import Accents

# Letters that Unicode does not decompose, transcribed as in English lexicons.
_TRANSCRIBED = {
    "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ẞ": "SS", "ß": "SS",
    "Ħ": "H", "ı": "I", "Ŋ": "NG", "Ŧ": "T", "ĸ": "K",
}  # fmt: skip

# Maximum code points per letter, including accents and joiners, of words that are processed.
_MARKS = 4

WordErrorCode = Literal[
    "empty", "too_long", "unspellable", "decoding_failed", "not_in_lexicon", "other_language",
    "alias_cycle",
]  # fmt: skip


class WordError(NamedTuple):
    """Why a word has no pronunciation: a machine-readable code and a message."""

    code: WordErrorCode
    message: str


class Spelling(NamedTuple):
    """The spelling of one word in graphemes.

    Attributes:
        word: word as typed.
        normalized: the word in the artifact's graphemes; None if it cannot be spelt.
        warnings: changes, such as ``é -> E``. Canonical Unicode forms and ordinary case
            (``tanger``, ``Tanger``) are not reported, since `normalized` shows them and nothing is
            lost. Capitals inside a word are reported.
        error: why it cannot be spelt, else None.
    """

    word: str
    normalized: str | None
    warnings: tuple[str, ...]
    error: WordError | None


def lookup_warnings(word: str, spellings: Collection[str]) -> tuple[str, ...]:
    """Return warnings on how the typed `word` differs from the `spellings` found in a lexicon."""
    if word in spellings:
        return ()
    typed = unicodedata.normalize("NFC", word)
    stripped = typed.strip()
    reported: dict[str, None] = {}
    if stripped != typed:
        reported["surrounding spaces removed"] = None
    if stripped in spellings:
        return tuple(reported)
    kept = set().union(*spellings)
    for character in stripped:
        if character in APOSTROPHES - kept:
            reported[f"{character} -> '"] = None
        elif character not in kept and unicodedata.category(character) == "Cf":
            reported[f"{_show(character)} -> nothing"] = None
    if len(spellings) > 1 or _odd_capitals(stripped):
        reported[f"capitals ignored: {stripped} -> {', '.join(spellings)}"] = None
    return tuple(reported)


class Speller:
    """Spells words in the graphemes of one artifact."""

    def __init__(
        self, graphemes: Collection[str], *, longest: int = 64, accents: Accents | None = None
    ) -> None:
        """Create the speller of an artifact.

        Args:
            graphemes: graphemes of the artifact.
            longest: maximum number of graphemes of a word.
            accents: rules for spelling accented letters that are not graphemes; by default their
                accents are dropped.
        """
        self.graphemes = frozenset(graphemes)
        self.longest = longest
        self.accents = accents or Accents()
        self._capitals = any(map(str.isupper, graphemes)) and not any(map(str.islower, graphemes))
        self._is_plain = _plain(self.graphemes, capitals=self._capitals).fullmatch
        self._grapheme_of = lru_cache(maxsize=4096)(self._grapheme)

    def spell(self, word: str) -> Spelling:
        """Spell one word for the network, ``rosé`` as ``ROZAY``.

        Never raises; an error is part of the returned spelling.
        """
        return self._spell(word, self.accents)

    def bare(self, word: str) -> Spelling:
        """Spell one word as lexicons without accents do, ``rosé`` as ``ROSE``."""
        return self._spell(word, Accents())

    def _spell(self, word: str, accents: Accents) -> Spelling:
        if (form := self.plain(word)) is not None:
            return Spelling(word, form, (), None)
        if not self.readable(word):
            # No real word shrinks that much, and Unicode normalisation takes time quadratic in the
            # length of a run of combining marks.
            return self._too_long(word, len(word))
        typed = unicodedata.normalize("NFC", word)
        warnings: dict[str, None] = {}
        spelt: list[str] = []
        stripped = typed.strip()
        if stripped != typed:
            warnings["surrounding spaces removed"] = None
        if SPACE in self.graphemes and (single := SPACE.join(stripped.split())) != stripped:
            warnings["one space for each run of white space"] = None
            stripped = single
        for character, graphemes, reported in self._letters(stripped, accents):
            if graphemes is None:
                return self._refused(word, self._unspellable(character))
            if reported:
                warnings[f"{_show(character)} -> {''.join(graphemes) or 'nothing'}"] = None
            spelt.extend(graphemes)
        if set(spelt) <= {"'", SPACE}:
            return self._refused(word, WordError("empty", "there is no letter to pronounce"))
        if len(spelt) > self.longest:
            return self._too_long(word, len(spelt))
        normalized = "".join(spelt)
        if _odd_capitals(stripped) and normalized != stripped:
            warnings[f"capitals ignored: {stripped} -> {normalized}"] = None
        return Spelling(word, normalized, tuple(warnings), None)

    def plain(self, word: str) -> str | None:
        """Return the spelling of an ordinary word, in a tenth of the time of `spell`, else None."""
        if len(word) > self.longest or not self._is_plain(word):
            return None
        return word.upper() if self._capitals else word.lower()

    def readable(self, word: str) -> bool:
        """Return whether a word is short enough to be processed."""
        return len(word) <= _MARKS * self.longest

    def cased(self, key: str) -> str:
        """Convert a `lexicon_key` to the case of the graphemes, if they have only one."""
        return key.upper() if self._capitals else key

    def _letters(
        self, word: str, accents: Accents
    ) -> Iterator[tuple[str, tuple[str, ...] | None, bool]]:
        """Yield each letter, or respelt group of letters, with the results of `_grapheme`."""
        foreign = any(self._grapheme_of(each)[1] for each in word)
        for piece, spelling in accents.pieces(word):
            if spelling is not None and foreign:
                yield piece, tuple(spelling), True
            else:
                yield from ((each, *self._grapheme_of(each)) for each in piece)

    def _grapheme(self, character: str) -> tuple[tuple[str, ...] | None, bool]:
        """Return the graphemes of a character, or None, and whether to report the change."""
        # Try canonical forms first, then case: neither loses information.
        for form in (character, character.upper(), character.lower()):
            for same in (form, unicodedata.normalize("NFD", form)):
                if self._known(same):
                    return tuple(same), same != character and not _is_plain_case(character)
        if character in APOSTROPHES and "'" in self.graphemes:
            return ("'",), True
        if unicodedata.category(character) == "Cf":
            return (), True  # joiners, soft hyphens, direction marks: silent
        bare = "".join(
            _TRANSCRIBED.get(part, _TRANSCRIBED.get(part.upper(), part))
            for part in unicodedata.normalize("NFKD", character)
            if not unicodedata.combining(part)
        )
        # Compatibility forms of digits and spaces may be no graphemes either.
        for form in (bare, bare.upper(), bare.lower()):
            if form and self._known(form):
                return tuple(form), True
        if unicodedata.combining(character):
            return (), True  # an accent that composes with nothing
        return None, False

    def _known(self, graphemes: str) -> bool:
        return all(grapheme in self.graphemes for grapheme in graphemes)

    def _unspellable(self, character: str) -> WordError:
        name = unicodedata.name(character, f"U+{ord(character):04X}")
        known = "".join(sorted(self.graphemes))
        letters = known if len(known) <= 80 else f"{known[:80]}..."
        return WordError(
            "unspellable",
            f"{_show(character)} ({name}) is none of the letters this artifact reads: {letters}",
        )

    def _too_long(self, word: str, letters: int) -> Spelling:
        return self._refused(
            word,
            WordError(
                "too_long", f"the word has {letters} letters, at most {self.longest} are read"
            ),
        )

    def _refused(self, word: str, error: WordError) -> Spelling:
        return Spelling(word, None, (), error)


def _plain(graphemes: Collection[str], *, capitals: bool) -> re.Pattern[str]:
    """Return a pattern for words of these letters in upper, lower or title case."""
    if capitals:
        upper = "".join(sorted(frozenset(graphemes).intersection(ascii_uppercase)))
        lower = upper.lower()
    else:
        small = [letter for letter in graphemes if len(letter) == 1 and letter.islower()]
        lower = "".join(sorted(small))
        upper = "".join(letter.upper() for letter in sorted(small) if _is_plain_case(letter))
    if not upper:
        return re.compile("(?!)")  # matches nothing
    return re.compile(f"[{upper}]+|[{upper}]?[{lower}]+")


def _odd_capitals(word: str) -> bool:
    """Return whether a word is in mixed case, such as ``iPhone``; title case does not count."""
    return word not in (word.lower(), word.upper(), word.capitalize(), word.title())


def _is_plain_case(character: str) -> bool:
    """Return whether upper-casing a character is reversible; it is not for ``ß`` and ``ſ``."""
    upper = character.upper()
    return len(upper) == 1 and (upper.lower() == character.lower() or character == "ς")


def _show(character: str) -> str:
    return character if character.isprintable() and not character.isspace() else repr(character)

"""What a person typed, in an artifact's own graphemes; every real change is told."""

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

# Letters that Unicode does not decompose, spelt as English lexicons spell them.
_TRANSCRIBED = {
    "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ẞ": "SS", "ß": "SS",
    "Ħ": "H", "ı": "I", "Ŋ": "NG", "Ŧ": "T", "ĸ": "K",
}  # fmt: skip

# Code points to a letter, its accents and joiners included, that are looked at.
_MARKS = 4

WordErrorCode = Literal[
    "empty", "too_long", "unspellable", "decoding_failed", "not_in_lexicon", "other_language",
    "alias_circle",
]  # fmt: skip


class WordError(NamedTuple):
    """Why a word has no pronunciation: a code for programs, a message for people."""

    code: WordErrorCode
    message: str


class Spelling(NamedTuple):
    """One word, spelt.

    Attributes:
        word: what was typed.
        normalized: the word in the artifact's graphemes; None where it cannot be spelt.
        warnings: what was changed on the way, such as ``é -> E``. Not told: canonical Unicode
            forms, and case where it is the ordinary kind (``tanger``, ``Tanger``), since
            `normalized` shows it and nothing was lost. Capitals inside a word are told.
        error: why it cannot be spelt, else None.
    """

    word: str
    normalized: str | None
    warnings: tuple[str, ...]
    error: WordError | None


def lookup_warnings(word: str, spellings: Collection[str]) -> tuple[str, ...]:
    """What did not count of a typed `word` when a lexicon's `spellings` of it were found."""
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
        """Spell in `graphemes`, and refuse words of more than `longest` of them.

        Args:
            graphemes: of the artifact.
            longest: the most of them in a word.
            accents: how letters with marks, as far as they are no graphemes, are spelt for the
                network; without the marks by default.
        """
        self.graphemes = frozenset(graphemes)
        self.longest = longest
        self.accents = accents or Accents()
        self._capitals = any(map(str.isupper, graphemes)) and not any(map(str.islower, graphemes))
        capitals = self.graphemes.intersection(ascii_uppercase) if self._capitals else ()
        self._is_plain = _plain("".join(capitals)).fullmatch
        self._grapheme_of = lru_cache(maxsize=4096)(self._grapheme)

    def spell(self, word: str) -> Spelling:
        """Normalise one word for the network, ``rosé`` as ``ROZAY``.

        Never raises: what cannot be spelt has its error in the answer.
        """
        return self._spell(word, self.accents)

    def bare(self, word: str) -> Spelling:
        """Normalise one word as lexicons without marks write it, ``rosé`` as ``ROSE``."""
        return self._spell(word, Accents())

    def _spell(self, word: str, accents: Accents) -> Spelling:
        if (form := self.plain(word)) is not None:
            return Spelling(word, form, (), None)
        if not self.readable(word):
            # No real word shrinks that much, and Unicode's normalisation takes time that grows
            # with the square of a run of combining marks.
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
        """What `spell` makes of nearly every word, in a tenth of the time; None of any other."""
        return word.upper() if len(word) <= self.longest and self._is_plain(word) else None

    def readable(self, word: str) -> bool:
        """Whether a word is short enough to be looked at: no real one is longer."""
        return len(word) <= _MARKS * self.longest

    def cased(self, key: str) -> str:
        """A `lexicon_key` in the case of the artifact's own graphemes, where they have just one."""
        return key.upper() if self._capitals else key

    def _letters(
        self, word: str, accents: Accents
    ) -> Iterator[tuple[str, tuple[str, ...] | None, bool]]:
        """Each letter, or what is respelt together, with its graphemes, as `_grapheme` has them."""
        foreign = any(self._grapheme_of(each)[1] for each in word)
        for piece, spelling in accents.pieces(word):
            if spelling is not None and foreign:
                yield piece, tuple(spelling), True
            else:
                yield from ((each, *self._grapheme_of(each)) for each in piece)

    def _grapheme(self, character: str) -> tuple[tuple[str, ...] | None, bool]:
        """Graphemes for one character and whether that has to be told; None if there are none."""
        # Canonical forms first, then case: neither takes anything from the word.
        for form in (character, character.upper(), character.lower()):
            for same in (form, unicodedata.normalize("NFD", form)):
                if self._known(same):
                    return tuple(same), same != character and not _is_plain_case(character)
        if character in APOSTROPHES and "'" in self.graphemes:
            return ("'",), True
        if unicodedata.category(character) == "Cf":
            return (), True  # joiners, soft hyphens, direction marks: nothing to hear
        bare = "".join(
            _TRANSCRIBED.get(part, _TRANSCRIBED.get(part.upper(), part))
            for part in unicodedata.normalize("NFKD", character)
            if not unicodedata.combining(part)
        )
        # A compatibility form of a digit or of a space is no letter without its dress either.
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


def _plain(capitals: str) -> re.Pattern[str]:
    """Words of these ASCII letters in capitals, in small ones, or with one capital before those."""
    if not capitals:
        return re.compile("(?!)")  # no word at all
    return re.compile(f"[{capitals}]+|[{capitals}]?[{capitals.lower()}]+")


def _odd_capitals(word: str) -> bool:
    """Capitals that say something, as in ``iPhone``; not ``tanger``, ``Tanger`` or ``TANGER``."""
    return word not in (word.lower(), word.upper(), word.capitalize(), word.title())


def _is_plain_case(character: str) -> bool:
    """Whether its other case is one letter, which leads back to it; not so of ``ß`` or ``ſ``."""
    upper = character.upper()
    return len(upper) == 1 and (upper.lower() == character.lower() or character == "ς")


def _show(character: str) -> str:
    return character if character.isprintable() and not character.isspace() else repr(character)

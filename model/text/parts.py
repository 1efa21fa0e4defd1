"""The parts of spoken words: what is pronounced, and what pronounces it."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Literal, NamedTuple

from tanger.model.lexicon.index import tidied
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.transcription import TranscriptionError
from tanger.model.text import derived_forms
from tanger.model.text.lookup import Pronunciations
from tanger.model.text.reader.language import Language
from tanger.model.text.reader.token import PhonemeSource
from tanger.model.text.speller import Speller, Spelling, WordError

# Rules that determine the pronunciation of a part: number and sign words, names of letters, elided
# words, or the sources of a spoken word's phonemes.
PartRule = Literal["number", "letters", "elision"] | PhonemeSource

_HYPHENS = re.compile("[-‐‑]")
# An elided word, letters, and a plural or possessive ending
_SPELT = re.compile(r"(?:(\w+)'(?!s$))?(\w+?)('?s)?")
_STRESS = str.maketrans("", "", "ˈˌ")


class Part(NamedTuple):
    """One word of a reading.

    Attributes:
        text: text in the artifact's graphemes; empty if it cannot be spelt in them, but its
            pronunciation is given in the text.
        pronunciations: if a rule pronounces it, in ARPAbet with stress digits (see
            `phonology.phoneme_set`) or the artifact's own; none for an ordinary word, which a
            lexicon or the network pronounces. Those of a homograph's senses are in the order of
            their probabilities.
        lexicon_first: whether lexicons take precedence over the rule.
        rule: the rule that pronounces it.
        written: the word with its accents, for the lookup in lexicons; None if it has none.
        warnings: changes made by spelling it in graphemes.
        entry: whether a lexicon has it as it stands.
        joined: whether no boundary separates it from the next part, as in *l'eau*.
        sense: the most probable sense of a homograph.
        probabilities: probability of each pronunciation, if they are those of several senses.
    """

    text: str
    pronunciations: Pronunciations = ()
    lexicon_first: bool = True
    rule: PartRule = "number"
    written: str | None = None
    warnings: tuple[str, ...] = ()
    entry: bool = False
    joined: bool = False
    sense: str | None = None
    probabilities: tuple[float, ...] = ()

    @property
    def looked_up(self) -> str:
        """The form that is looked up in lexicons."""
        return self.written or self.text


def marked(normalized: str, typed: str, spelling: Spelling) -> Part:
    """Return the part of a single word, with its accented form if it has accents."""
    if typed.isascii():
        return Part(normalized)
    return Part(normalized, written=tidied(typed), warnings=spelling.warnings)


@lru_cache(maxsize=4096)
def english_letters(text: str) -> Part:
    """Return a part that is read letter by letter in ARPAbet: ``BBC``, ``PRs``, ``UK's``."""
    letters = text.rstrip("s'")
    names = derived_forms.letter_by_letter(letters, in_plural=text != letters)
    return Part(text.upper(), (names,), lexicon_first=False, rule="letters")


class NativeParts:
    """Divides words of a language whose phonemes are not ARPAbet."""

    def __init__(self, language: Language, speller: Speller, phonemes: Collection[str]) -> None:
        self._language = language
        self._speller = speller
        self._inventory = Inventory(phonemes)
        self._sounds = lru_cache(maxsize=1024)(self._parsed)

    def of_word(self, text: str) -> list[Part] | WordError:
        """Divide a word at its hyphens and after elided words, which rules pronounce.

        Args:
            text: the word, with an apostrophe where something was elided.
        """
        parts: list[Part] = []
        for piece in _HYPHENS.split(text):
            found = self._of_piece(piece) if piece else []
            if isinstance(found, WordError):
                return found
            parts += found
        return parts or self._spelt(text)

    def _of_piece(self, text: str) -> list[Part] | WordError:
        """Divide a word without hyphens after each elided word."""
        clitics = self._language.clitics
        elided, apostrophe, rest = text.replace("’", "'").partition("'")
        sounds = clitics.sounds.get(elided.lower()) if apostrophe else None
        if sounds is None or f"{elided}'{rest}".lower() in clitics.whole:
            return self._spelt(text)
        phonemes = self._sounds(sounds)
        if phonemes is None:
            return self._spelt(elided + rest)
        following = self._of_piece(rest) if rest else []
        if isinstance(following, WordError):
            return following
        spelling = self._speller.spell(elided).normalized or ""
        clitic = Part(spelling, (phonemes,), lexicon_first=False, rule="elision")
        return [clitic._replace(joined=bool(rest)), *following]

    def of_letters(self, text: str) -> list[Part] | WordError:
        """Read a word letter by letter: by a rule, or by the names if the phonemes do not fit.

        Args:
            text: letters, possibly after an elided word, or before an ending: ``l'ADN``, ``PKWs``.
        """
        match = _SPELT.fullmatch(text)
        elided, letters, ending = match.groups("") if match else ("", text, "")
        before = self._of_piece(f"{elided}'") if elided else []
        if isinstance(before, WordError):
            return before
        if before and before[-1].rule == "elision":
            before[-1] = before[-1]._replace(joined=True)
        names = [self._language.tables.letters.get(each.lower()) for each in letters]
        spoken: list[str] = []
        for place, name in enumerate(names):
            sounds = name.sounds if name else ""
            phonemes = self._sounds(sounds)
            if place < len(names) - 1:  # the last letter bears the stress
                bare, second = sounds.translate(_STRESS), sounds.replace("ˈ", "ˌ")
                phonemes = self._sounds(bare) or self._sounds(second)
            if not phonemes:
                return self._by_name(before, letters)
            spoken += phonemes
        if ending and (suffix := self._ending(letters[-1])):
            spoken += self._sounds(suffix) or ()
        spelling = self._speller.spell(letters + ending).normalized or ""
        return [*before, Part(spelling, (tuple(spoken),), lexicon_first=False, rule="letters")]

    def _by_name(self, before: list[Part], letters: str) -> list[Part] | WordError:
        parts = list(before)
        for letter in letters:
            name = self._language.tables.letters.get(letter.lower())
            found = self.of_word((name and name.spelling) or letter)
            if isinstance(found, WordError):
                return found
            parts += found
        return parts

    def _ending(self, letter: str) -> str:
        """Return the sounds of a plural ``s`` after the name of a letter; empty if it is silent."""
        names = self._language.tables.letters
        name = names.get(f"{letter.lower()}-s") or names.get("-s")
        return name.sounds if name else ""

    def _spelt(self, text: str) -> list[Part] | WordError:
        spelling = self._speller.spell(text)
        if spelling.normalized is None and (bare := _without_apostrophes(text)) != text:
            spelling = self._speller.spell(bare)
        if spelling.normalized is None:
            return spelling.error or WordError("unspellable", "")
        return [marked(spelling.normalized, text, spelling)]

    def _parsed(self, sounds: str) -> tuple[str, ...] | None:
        """Parse sounds in IPA; None if the artifact has other phonemes."""
        try:
            phonemes = self._inventory.parse(sounds, "ipa")
        except TranscriptionError:
            return None
        return phonemes if phonemes in self._inventory else None


def _without_apostrophes(text: str) -> str:
    return text.replace("'", "").replace("’", "")

"""What a person typed, as English words that can be pronounced one by one.

An ordinary word is itself. Numbers, signs and acronyms are read out, what hyphens and spaces join
is read part by part, and each time a warning tells how. The parts are said one after the other.
This is for artifacts of English alone: with the letters A to Z, and ARPAbet phonemes.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tanger.model.phonology import notation
from tanger.model.text import acronyms, derived_forms, numbers, tokenizer
from tanger.model.text.speller import Speller, Spelling, WordError, WordErrorCode
from tanger.model.text.tokenizer import Token

# Digits in one word that are read: beyond them it is no number that anybody would say.
MAX_DIGITS = 18

Known = Callable[[str], bool]


class Part(NamedTuple):
    """One word of a reading.

    Attributes:
        text: in the artifact's graphemes.
        spoken: ARPAbet with stress digits (see `phonology.phoneme_set`), where a rule says how it
            sounds; None for a word like any other, which a lexicon or the network knows.
        listed: whether lexicons come before the rule.
    """

    text: str
    spoken: tuple[str, ...] | None = None
    listed: bool = True


class Reading(NamedTuple):
    """How a word is read.

    Attributes:
        spelling: what was typed, what is read (the parts, joined by hyphens), and what is to be
            told of it.
        parts: to be said one after the other; none where the spelling has an error.
        chance: that it is read rightly, as far as a rule had to guess.
    """

    spelling: Spelling
    parts: tuple[Part, ...]
    chance: float = 1.0


class Reader:
    """Reads words for one artifact."""

    def __init__(
        self, graphemes: Collection[str], phonemes: Collection[str], *, longest: int = 64
    ) -> None:
        """Read in `graphemes`, and refuse words of more than `longest` of them.

        Args:
            graphemes: that the artifact reads.
            phonemes: that it writes, by which English is known.
            longest: the most letters, or other characters, in a word.
        """
        self.speller = Speller(graphemes, longest=longest)
        bare = {phoneme.rstrip("012") for phoneme in phonemes}
        self.english = frozenset(derived_forms.LETTERS) <= frozenset(graphemes) and bare == (
            notation.ARPABET
        )

    def plain(self, word: str) -> str | None:
        """What `read` makes of nearly every word: one part, of which nothing is to be told.

        None of any other.
        """
        # What begins like "tanger" and "Tanger" is neither a letter nor an acronym
        if self.english and not word[1:2].islower():
            return None
        return self.speller.plain(word)

    def read(self, word: str, known: Known = lambda spelt: False) -> Reading:
        """Read one word. Never raises: what cannot be read has its error in the answer.

        Args:
            word: as it was typed.
            known: whether a lexicon knows a word, in the artifact's graphemes: then no rule has
                to guess how it is said.
        """
        spelling = self.speller.spell(word)
        if spelling.normalized is not None:
            typed = word.strip()
            # What begins like "tanger" and "Tanger" is no acronym
            if self.english and not typed[1:2].islower():
                found = _one_letter(typed) or _acronym(typed, spelling.normalized, known)
                if found is not None:
                    reported = (_reported(typed, found.part),)
                    return Reading(
                        spelling._replace(warnings=reported), (found.part,), found.chance
                    )
            return Reading(spelling, (Part(spelling.normalized),))
        if self.english and spelling.error and spelling.error.code == "unspellable":
            return self._composed(spelling, known)
        return Reading(spelling, ())

    def _composed(self, spelling: Spelling, known: Known) -> Reading:
        """The reading of what is no word by itself."""
        typed = unicodedata.normalize("NFC", spelling.word).strip()
        typed = "".join(map(_ascii_digit, typed))
        longest = self.speller.longest
        if len(typed) > longest:
            problem = f"the word has {len(typed)} characters, at most {longest} are read"
            return _refused(spelling, "too_long", problem)
        digits = sum("0" <= character <= "9" for character in typed)
        if digits > MAX_DIGITS:
            problem = f"the word has {digits} digits, at most {MAX_DIGITS} are read"
            return _refused(spelling, "too_long", problem)
        pieces: list[_Piece] = []
        found = tokenizer.of(typed)
        for place, token in enumerate(found):
            if token.output is not None:
                pieces.append(_out_loud(token))
            elif token.kind == "joint":
                pieces.append(_Piece(token.text.strip(), (), ()))
            else:
                spelt = self.speller.spell(token.text.replace(".", ""))
                if spelt.normalized is None:
                    return Reading(spelling._replace(error=spelt.error), ())
                guess = _in_company(found, place, spelt.normalized, known)
                if guess is None:
                    pieces.append(_Piece(token.text, (Part(spelt.normalized),), spelt.warnings))
                else:
                    reported = (_reported(token.text, guess.part),)
                    pieces.append(_Piece(token.text, (guess.part,), reported, guess.chance))
        return _joined(spelling, pieces)


@dataclass(frozen=True)
class _Piece:
    """What came of a token: how it is shown and read, what is told of it, how sure that is."""

    text: str
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]
    chance: float = 1.0


def _out_loud(token: Token) -> _Piece:
    """A number or a sign in words."""
    output = token.output or ""
    words = output.replace("-", " ").upper().split()
    parts = tuple(Part(word, numbers.PRONUNCIATIONS.get(word)) for word in words)
    return _Piece(output, parts, (f"{token.text} -> {output or 'nothing'}",))


def _joined(spelling: Spelling, pieces: list[_Piece]) -> Reading:
    """One reading of all; without anything to say, none."""
    heard = [piece for piece in pieces if piece.parts]
    if not heard:
        return Reading(spelling, ())
    parts = tuple(part for piece in heard for part in piece.parts)
    first, last = pieces.index(heard[0]), len(pieces) - pieces[::-1].index(heard[-1])
    reported: dict[str, None] = {}
    for place, piece in enumerate(pieces):
        reported |= dict.fromkeys(piece.warnings)
        # A joint that joins nothing
        if not (piece.parts or piece.warnings or first < place < last) and piece.text:
            reported[f"{piece.text} -> nothing"] = None
    if spelling.word != spelling.word.strip():
        reported = {"surrounding spaces removed": None, **reported}
    if len(heard) > 1:
        reported[f"read in parts: {', '.join(piece.text for piece in heard)}"] = None
    normalized = "-".join(part.text for part in parts)
    return Reading(
        Spelling(spelling.word, normalized, tuple(reported), None),
        parts,
        math.prod(piece.chance for piece in heard),
    )


@dataclass(frozen=True)
class _Guess:
    """A part that is said letter by letter, and the chance that it is."""

    part: Part
    chance: float = 1.0


def _one_letter(typed: str) -> _Guess | None:
    """A letter by its name; but ``a`` and ``I`` are words."""
    letter = typed.upper()
    if letter not in derived_forms.LETTERS or typed in ("a", "i", "I"):
        return None
    return _Guess(_letters(letter))


def _acronym(typed: str, normalized: str, known: Known) -> _Guess | None:
    """A word in capitals, an S behind it or not, where the rule says that it is an acronym."""
    letters, ending = tokenizer.capitals(typed)
    if not acronyms.is_initialism(letters) or known(normalized) or known(letters):
        return None
    return _Guess(_letters(letters, ending, normalized), acronyms.CHANCE)


def _in_company(found: list[Token], place: int, normalized: str, known: Known) -> _Guess | None:
    """How letters among other things are said, where that is letter by letter."""
    token = found[place]
    if guess := _one_letter(token.text):
        return guess
    before = found[place - 1] if place else None
    beside = {each.text for each in found[max(0, place - 1) : place + 2]}
    letters, ending = tokenizer.capitals(token.text)
    if 0 < len(letters) <= 2 and "&" in beside:  # AT&T
        return _Guess(_letters(letters, ending, normalized))
    if derived_forms.LETTERS.keys() >= set(normalized) and (
        token.kind == "initials"
        or (
            before is not None
            and before.kind == "number"  # 10pm, 16GB
            and (normalized in ("AM", "PM") or not set(normalized) & set("AEIOUY"))
        )
    ):
        return _Guess(_letters(normalized))
    return _acronym(token.text, normalized, known)


@lru_cache(maxsize=4096)
def _letters(letters: str, ending: str = "", text: str = "") -> Part:
    spoken = acronyms.pronounce(letters, plural="S" in ending.upper())
    return Part(text or letters, spoken, listed=False)


def _reported(typed: str, part: Part) -> str:
    letters, ending = tokenizer.capitals(typed)
    if len(part.text) == 1:
        return f"{typed} -> the letter {part.text}"
    return f"{typed} -> {' '.join(letters or part.text)}{ending}, letter by letter"


def _refused(spelling: Spelling, code: WordErrorCode, message: str) -> Reading:
    return Reading(spelling._replace(error=WordError(code, message)), ())


def _ascii_digit(character: str) -> str:
    """The digit that any script's digit is: ４ is 4."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)

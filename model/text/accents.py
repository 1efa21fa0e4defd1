"""Rules for diacritics that change the pronunciation, as in rosé.

English dictionaries and networks know 26 letters. Dropping a diacritic is right for most words
(Ångström, Škoda) but turns some into another word. For those a table gives the spelling for the
network, and the sounds that a dictionary's pronunciation of the bare spelling must contain to be
accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tanger.model.lexicon.index import APOSTROPHES
from tanger.model.phonology.stress import strip

Pronunciation = tuple[str, ...]


class AccentRule(NamedTuple):
    """The effect of a letter with a diacritic in its context.

    Attributes:
        written: pattern in lower case, with straight apostrophes, matched at each letter.
        spelling: letters to read it as; None if dropping the diacritic is right.
        sounds: pattern that must occur in the word's phonemes, without stress and joined by spaces;
            None if there is no constraint.
    """

    written: re.Pattern[str]
    spelling: str | None
    sounds: re.Pattern[str] | None


class Accents:
    """The accent rules of one language."""

    def __init__(self, rules: Sequence[AccentRule] = ()) -> None:
        """Use `rules`; at each letter the first that matches applies."""
        self.rules = {f"rule{number}": rule for number, rule in enumerate(rules)}
        # One pattern of them all, since a word may have hundreds of characters
        self._written = re.compile(
            "|".join(f"(?P<{name}>{rule.written.pattern})" for name, rule in self.rules.items())
        )

    @classmethod
    def parse(cls, rows: Iterable[Sequence[str]]) -> Accents:
        """Parse the rows of a table with the columns written, spelling, sounds and examples.

        Raises:
            re.error: if written or sounds is not a regular expression.
        """
        return cls(
            [
                AccentRule(
                    re.compile(written),
                    None if spelling == "-" else spelling,
                    None if sounds == "-" else re.compile(rf"(?<!\S)(?:{sounds})(?!\S)"),
                )
                for written, spelling, sounds, _ in rows
            ]
        )

    def pieces(self, word: str) -> Iterator[tuple[str, str | None]]:
        """Split a word into pairs of a written piece and its spelling for the network.

        Letters that no rule respells are pieces of their own, with None.

        Args:
            word: word in Unicode NFC.
        """
        for start, end, rule in self._found(word):
            if rule is None or rule.spelling is None:
                yield from ((letter, None) for letter in word[start:end])
            else:
                yield word[start:end], rule.spelling

    def fitting(self, word: str, pronunciations: Sequence[Pronunciation]) -> list[Pronunciation]:
        """Return the pronunciations of the bare spelling that agree with the accents of `word`."""
        wanted = [rule.sounds for _, _, rule in self._found(word) if rule and rule.sounds]
        return [
            each
            for each in pronunciations
            if all(sounds.search(" ".join(strip(each))) for sounds in wanted)
        ]

    def _found(self, word: str) -> Iterator[tuple[int, int, AccentRule | None]]:
        """Yield start, end and rule, if any, of each piece of a word."""
        if word.isascii() or len(word) == 1 or not self.rules:
            yield 0, len(word), None
            return
        at = 0
        for match in self._written.finditer("".join(map(_small, word))):
            yield from ((each, each + 1, None) for each in range(at, match.start()))
            at = match.end()
            yield match.start(), at, self.rules[match.lastgroup or ""]
        yield from ((each, each + 1, None) for each in range(at, len(word)))


def _small(letter: str) -> str:
    """Return the lower case of a letter if it is one character, unlike that of ``İ``."""
    if letter in APOSTROPHES:
        return "'"
    small = letter.lower()
    return small if len(small) == 1 else letter

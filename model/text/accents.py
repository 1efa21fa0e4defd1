"""Letters with marks that carry the sound: rosé is no rose.

English dictionaries and networks know 26 letters. Leaving a mark out is right for most (Ångström,
Škoda), and says another word for some: so a table has how a letter is spelt for the network, and
which sounds a pronunciation of the bare spelling must have to be one of the word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tanger.model.lexicon.index import APOSTROPHES
from tanger.model.phonology.stress import strip

Pronunciation = tuple[str, ...]


class AccentRule(NamedTuple):
    """What a letter with a mark, in its surroundings, says.

    Attributes:
        written: what is matched, in small letters, with straight apostrophes; looked at from each
            letter on.
        spelling: the letters that it is to be read as; None where leaving marks out is right.
        sounds: what must be found in the phonemes of a word, stress aside, with spaces between;
            None where anything may be.
    """

    written: re.Pattern[str]
    spelling: str | None
    sounds: re.Pattern[str] | None


class Accents:
    """The rules of one language."""

    def __init__(self, rules: Sequence[AccentRule] = ()) -> None:
        """Apply `rules`, of which the first that matches at a letter counts."""
        self.rules = tuple(rules)

    @classmethod
    def parse(cls, rows: Iterable[Sequence[str]]) -> Accents:
        """The rules in the rows of a table: what is written, its spelling, its sounds, examples.

        Raises:
            re.error: where what is written or its sounds are no regular expression.
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
        """A word in pieces: each as it is written, and what it is to be read as.

        Args:
            word: in Unicode's NFC. What a rule says nothing about comes letter by letter.
        """
        for start, end, rule in self._found(word):
            if rule is None or rule.spelling is None:
                yield from ((letter, None) for letter in word[start:end])
            else:
                yield word[start:end], rule.spelling

    def fitting(self, word: str, pronunciations: Sequence[Pronunciation]) -> list[Pronunciation]:
        """Those pronunciations of the bare spelling that say what the marks of `word` do."""
        wanted = [rule.sounds for _, _, rule in self._found(word) if rule and rule.sounds]
        return [
            each
            for each in pronunciations
            if all(sounds.search(" ".join(strip(each))) for sounds in wanted)
        ]

    def _found(self, word: str) -> Iterator[tuple[int, int, AccentRule | None]]:
        """The stretches of a word, with the rule that holds for each."""
        if word.isascii() or len(word) == 1 or not self.rules:
            yield 0, len(word), None
            return
        small = "".join(map(_small, word))
        at = 0
        while at < len(small):
            for rule in self.rules:
                if match := rule.written.match(small, at):
                    yield at, match.end(), rule
                    at = match.end()
                    break
            else:
                yield at, at + 1, None
                at += 1


def _small(letter: str) -> str:
    """One character for each: ``İ`` has two in small letters."""
    if letter in APOSTROPHES:
        return "'"
    small = letter.lower()
    return small if len(small) == 1 else letter

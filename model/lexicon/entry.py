"""Lexicon entries, and the errors for bad lines and entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

from tanger.model import TangerError

LexiconFormat = Literal["cmudict", "mfa", "kaldi", "kaldip", "pls", "tsv", "ctf"]


class Entry(NamedTuple):
    """A word and one of its pronunciations."""

    word: str
    phonemes: tuple[str, ...]


class Variant(NamedTuple):
    """One of a word's pronunciations in a lexicon, with its annotations.

    Attributes:
        phonemes: the pronunciation; empty if there is an alias.
        probabilities: zero to four numbers: the probability of the pronunciation, then those of the
            Montreal Forced Aligner: of silence after it, and two corrections for what precedes it.
        sense: sense of the word to which the pronunciation is limited: a part of speech, or any
            label; several are separated by spaces.
        alias: text that is pronounced in place of the word.
    """

    phonemes: tuple[str, ...]
    probabilities: tuple[float, ...] = ()
    sense: str | None = None
    alias: str | None = None

    @property
    def probability(self) -> float | None:
        """Probability of the pronunciation, if there is one; often scaled to a maximum of 1."""
        return self.probabilities[0] if self.probabilities else None

    def row(self, number: int, word: str) -> Row:
        """Return the variant as a row for `word`, on line `number` of a lexicon."""
        entry = Entry(word, self.phonemes)
        return Row(number, entry, self.probabilities, self.sense, self.alias)


def by_probability(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """Return distinct variants, the most probable first; equal ones keep their order.

    A missing probability counts as 1, as in Kaldi's scripts.
    """
    distinct = dict.fromkeys(variants)
    if not any(variant.probabilities for variant in distinct):
        return tuple(distinct)
    return tuple(
        sorted(distinct, key=lambda variant: -variant.probabilities[0] if variant[1] else -1.0)
    )


class Row(NamedTuple):
    """An entry with its line number and the annotations that some formats have.

    Attributes:
        number: line number, from 1.
        entry: the entry, without phonemes if there is an alias.
        probabilities: see `Variant`.
        sense: see `Variant`.
        alias: see `Variant`.
    """

    number: int
    entry: Entry
    probabilities: tuple[float, ...] = ()
    sense: str | None = None
    alias: str | None = None

    @property
    def variant(self) -> Variant:
        """The row without its line number and word."""
        return Variant(self.entry.phonemes, self.probabilities, self.sense, self.alias)


class LexiconError(TangerError, ValueError):
    """A lexicon has a bad line, and perhaps further ones.

    Attributes:
        path: path of the file.
        line: number of the line, from 1.
        expected: what the line should contain.
        found: what it contains.
        further: errors of later lines, as far as known.
    """

    def __init__(
        self,
        path: Path,
        line: int,
        *,
        expected: str,
        found: str,
        further: Sequence[LexiconError] = (),
        complete: bool = True,
    ) -> None:
        message = f"{path}:{line}: expected {expected}, found {found[:80]!r}"
        others = [str(error) for error in further] + ["(and more)"] * (not complete)
        super().__init__("\n".join([message, *others]))
        self.path = path
        self.line = line
        self.expected = expected
        self.found = found
        self.further = tuple(further)

    @classmethod
    def of(cls, errors: Sequence[LexiconError], *, complete: bool) -> Self:
        """Combine the errors of one file.

        Args:
            errors: at least one, in the order of their lines.
            complete: whether these are all errors of the file.
        """
        first, *further = errors
        return cls(
            first.path,
            first.line,
            expected=first.expected,
            found=first.found,
            further=further,
            complete=complete,
        )


class EntryError(TangerError, ValueError):
    """A format cannot represent an entry.

    Attributes:
        number: number of the entry in the lexicon, from 1.
        entry: the entry.
    """

    def __init__(self, number: int, word: str, phonemes: tuple[str, ...]) -> None:
        shown = f"entry {number}: {word!r} {' '.join(phonemes)!r}"
        problem = "would read as something else in this format: take another, such as tsv or pls"
        if not phonemes:
            problem = "has no phonemes, or an alias, which pls alone can hold"
        super().__init__(f"{shown} {problem}")
        self.number = number
        self.entry = Entry(word, phonemes)


def pronunciations(entries: Iterable[Entry]) -> dict[str, list[tuple[str, ...]]]:
    """Group distinct pronunciations by word, both in order of first occurrence."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for word, phonemes in entries:
        variants = found.setdefault(word, [])
        if phonemes not in variants:
            variants.append(phonemes)
    return found

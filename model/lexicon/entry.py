"""Lexicon entries, and the errors that name a bad line or entry."""

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
    """One of a word's pronunciations in a lexicon, and what the lexicon says of it.

    Attributes:
        phonemes: how the word sounds; none where there is an alias.
        probabilities: from none to four: of the pronunciation, then, as the Montreal Forced
            Aligner has them, of a silence after it and the two corrections for what precedes it.
        sense: of the word, where it sounds so in some senses only: a part of speech, or any label;
            several have spaces between them.
        alias: a text that is spoken in place of the word.
    """

    phonemes: tuple[str, ...]
    probabilities: tuple[float, ...] = ()
    sense: str | None = None
    alias: str | None = None

    @property
    def probability(self) -> float | None:
        """That of the pronunciation, where the lexicon has one; often the likeliest has 1."""
        return self.probabilities[0] if self.probabilities else None

    def row(self, number: int, word: str) -> Row:
        """The variant as an entry of a word, in a place of a lexicon."""
        entry = Entry(word, self.phonemes)
        return Row(number, entry, self.probabilities, self.sense, self.alias)


def by_probability(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """Variants, each once, the likeliest first; in their own order where probabilities are alike.

    One without a probability counts as 1, as from Kaldi's own scripts.
    """
    distinct = dict.fromkeys(variants)
    if not any(variant.probabilities for variant in distinct):
        return tuple(distinct)
    return tuple(
        sorted(distinct, key=lambda variant: -variant.probabilities[0] if variant[1] else -1.0)
    )


class Row(NamedTuple):
    """An entry, its place in a file, and what some formats keep beside it.

    Attributes:
        number: its line, from 1.
        entry: the entry, without phonemes where there is an alias.
        probabilities: as `Variant` has them.
        sense: likewise.
        alias: likewise.
    """

    number: int
    entry: Entry
    probabilities: tuple[float, ...] = ()
    sense: str | None = None
    alias: str | None = None

    @property
    def variant(self) -> Variant:
        """The row without its place and its word."""
        return Variant(self.entry.phonemes, self.probabilities, self.sense, self.alias)


class LexiconError(TangerError, ValueError):
    """A bad line of a lexicon, and further ones of the same file.

    Attributes:
        path: the file.
        line: its number, from 1.
        expected: what should have stood there.
        found: what stood there.
        further: the errors of later lines, as far as they are known.
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
        """One error for several of the same file.

        Args:
            errors: at least one, in the order of their lines.
            complete: whether these are all.
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
    """An entry that a format cannot hold.

    Attributes:
        number: its place in the lexicon, from 1.
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
    """Each word's different pronunciations, both in the order in which they first come."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for word, phonemes in entries:
        variants = found.setdefault(word, [])
        if phonemes not in variants:
            variants.append(phonemes)
    return found

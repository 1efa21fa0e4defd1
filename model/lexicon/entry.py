"""What every form of a lexicon holds: entries, and the errors that name a bad one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, Self

from tanger.model import TangerError

LexiconFormat = Literal["cmudict", "mfa", "kaldi", "kaldip", "pls", "tsv", "ctf"]


class Entry(NamedTuple):
    """A word and one of its pronunciations."""

    word: str
    phonemes: tuple[str, ...]


class Row(NamedTuple):
    """An entry where it stands in a file, with what some formats know of it besides.

    Attributes:
        number: its line, from 1.
        entry: the entry.
        probabilities: of the pronunciation; behind it, as the Montreal Forced Aligner has them, of
            a silence after it, and the two corrections for what comes before it. From none to four.
    """

    number: int
    entry: Entry
    probabilities: tuple[float, ...] = ()


class LexiconError(TangerError, ValueError):
    """A line that a lexicon cannot have, and further ones of the same file.

    Attributes:
        path: the file.
        line: its number, from 1.
        expected: what should have stood there.
        found: what stood there.
        further: the errors of the lines after it, as far as they are known.
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
        super().__init__(
            f"entry {number}: {word!r} {' '.join(phonemes)!r} would read as something else in this "
            "format: take another, such as tsv or pls"
        )
        self.number = number
        self.entry = Entry(word, phonemes)


def check_phonemes(number: int, entry: Entry) -> None:
    """Let phonemes pass that can be written one behind the other.

    Raises:
        EntryError: where there are none, or one of them is none or several.
    """
    if not entry.phonemes or any(phoneme.split() != [phoneme] for phoneme in entry.phonemes):
        raise EntryError(number, *entry)


def check_word(number: int, entry: Entry) -> None:
    """Let a word pass that ends where the first space stands.

    Raises:
        EntryError: where there is none, or more than one.
    """
    if entry.word.split() != [entry.word]:
        raise EntryError(number, *entry)


def pronunciations(entries: Iterable[Entry]) -> dict[str, list[tuple[str, ...]]]:
    """Each word's different pronunciations, both in the order in which they first come."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for word, phonemes in entries:
        variants = found.setdefault(word, [])
        if phonemes not in variants:
            variants.append(phonemes)
    return found


# ------------------------------------------------------------------------------------------------
# Probabilities as lexicons write them: with a point, and without an exponent.


def positional(value: float) -> str:
    """The shortest such number that reads back as `value`."""
    written = f"{Decimal(repr(value)):f}"
    return written if "." in written else f"{written}.0"

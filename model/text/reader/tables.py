"""Load the tables of a language's text reader: editable TSV files, one per kind of data.

Each line is a row of tab-separated columns; empty lines and those that begin with ``# `` are
ignored. The first other line of each file names the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, cast

from tanger.model.text import TableError
from tanger.model.text.accents import Accents

FOLDER = Path(__file__).parent / "tables"


class Abbreviation(NamedTuple):
    """One way to read an abbreviation.

    Attributes:
        spoken: its words.
        conditions: conditions that must all hold, such as ``before-name`` (see `abbreviations`).
    """

    spoken: str
    conditions: tuple[str, ...]


Spaced = Literal["yes", "no", "dot", "alone"]


class Unit(NamedTuple):
    """A unit of measurement.

    Attributes:
        one: name in the singular.
        many: name in the plural.
        spaced: whether it is also a unit after a number and a space: yes, no, only with a dot, or
            alone there, where no noun follows.
    """

    one: str
    many: str
    spaced: Spaced


class Currency(NamedTuple):
    """A currency, and its hundredth part if that has a name."""

    one: str
    many: str
    hundredth: str
    hundredths: str


class WeakForm(NamedTuple):
    """The weak form of a function word.

    Attributes:
        before_consonants: form before consonants, in ARPAbet with stress digits.
        before_vowels: form before vowels, likewise.
        not_before: words before which the full form is kept.
        not_after: words after which the full form is kept.
    """

    before_consonants: tuple[str, ...]
    before_vowels: tuple[str, ...]
    not_before: frozenset[str]
    not_after: frozenset[str]


class LetterName(NamedTuple):
    """The name of a letter.

    Attributes:
        spelling: the name as a word; empty if it is the letter.
        sounds: its pronunciation in IPA.
    """

    spelling: str
    sounds: str

    @classmethod
    def parse(cls, written: str) -> LetterName:
        """Parse ``zett tsɛt``: the spelling, then the pronunciation."""
        spelling, _, sounds = written.rpartition(" ")
        return cls(spelling, sounds)


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of one language. English has all; others have accents, signs and letters.

    Attributes:
        accents: rules for accented letters.
        abbreviations: readings by abbreviation, without the dot, in lower case.
        lexemes: fixed readings by exact written form.
        units: units by symbol.
        currencies: currencies by sign or code.
        magnitudes: names by abbreviation in lower case, such as ``billion`` by ``bn``.
        months: number and name by name or abbreviation in lower case.
        states: states by postal code.
        directions: directions by letter.
        books: books of the Bible by name or abbreviation in lower case.
        signs: words by sign; empty for silent signs.
        confidence: share of correct readings by kind.
        lists: named sets of words that rules use.
        phonemes: pronunciations of single words in ARPAbet.
        weak_forms: weak forms by word.
        letters: names of letters by letter, in lower case; empty if the phonemes are ARPAbet.
        day_first: whether the day precedes the month in numeric dates.
    """

    accents: Accents = field(default_factory=Accents)
    abbreviations: Mapping[str, tuple[Abbreviation, ...]] = field(default_factory=dict)
    lexemes: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    currencies: Mapping[str, Currency] = field(default_factory=dict)
    magnitudes: Mapping[str, str] = field(default_factory=dict)
    months: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    directions: Mapping[str, str] = field(default_factory=dict)
    books: Mapping[str, str] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    phonemes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weak_forms: Mapping[str, WeakForm] = field(default_factory=dict)
    letters: Mapping[str, LetterName] = field(default_factory=dict)
    day_first: bool = False


def rows(path: Path) -> Iterator[list[str]]:
    """Yield the rows of a table, without the header.

    Raises:
        TableError: if a row has a different number of columns from the header.
    """
    columns = 0
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("# "):
            continue
        cells = line.split("\t")
        if not columns:
            columns = len(cells)
        elif len(cells) != columns:
            raise TableError(path, number, f"expected {columns} columns, got {len(cells)}")
        else:
            yield [cell.strip() for cell in cells]


@lru_cache(maxsize=8)
def load(language: str = "en-us") -> Tables:
    """Load the tables of a variety of English; those that it lacks are American.

    Raises:
        TableError: if one is malformed.
    """

    def table(name: str) -> Iterator[list[str]]:
        return rows(_path(language, name))

    abbreviations: dict[str, list[Abbreviation]] = {}
    for written, spoken, conditions in table("abbreviations"):
        rule = Abbreviation(spoken, tuple(conditions.split()))
        abbreviations.setdefault(written.lower(), []).append(rule)
    lists = _lists(_path(language, "word_lists"))
    spellings = dict(table("spellings"))
    return Tables(
        accents=Accents.parse(table("accents")),
        abbreviations={written: tuple(rules) for written, rules in abbreviations.items()},
        lexemes=dict(table("lexemes")),
        units=_units(table("units"), spellings),
        currencies={
            sign: Currency(one, many, hundredth.strip("-"), hundredths.strip("-"))
            for sign, one, many, hundredth, hundredths in table("currencies")
        },
        magnitudes=dict(table("magnitudes")),
        months={
            written: (number, name)
            for number, (names,) in enumerate(table("months"), 1)
            for name in names.split()[:1]
            for written in names.split()
        },
        states=dict(table("states")),
        directions=dict(table("directions")),
        books={
            written.lower(): name
            for name, abbreviations in table("books")
            for written in (name, *abbreviations.strip("-").split())
        },
        signs={sign: spoken.strip("-") for sign, spoken in table("signs")},
        confidence={kind: float(share) for kind, share, *_ in table("confidence")},
        lists=lists,
        phonemes={word: tuple(phonemes.split()) for word, phonemes in table("phonemes")},
        weak_forms=_weak_forms(table("weak_forms"), lists),
        letters={
            letter: LetterName(name.strip("-"), sounds) for letter, name, sounds in table("letters")
        },
        day_first=language != "en-us",
    )


def _path(language: str, name: str) -> Path:
    """Return the file of a table: the language's own, or that of American English."""
    own = FOLDER / language / f"{name}.tsv"
    return own if own.exists() else FOLDER / "en-us" / f"{name}.tsv"


def _lists(path: Path) -> dict[str, frozenset[str]]:
    lists: dict[str, frozenset[str]] = {}
    for number, (name, words) in enumerate(rows(path), 1):
        if name in lists:  # the later one would replace the earlier unnoticed
            raise TableError(path, number, f"there is a list {name} already")
        lists[name] = frozenset(words.split())
    return lists


def _weak_forms(
    table: Iterator[list[str]], lists: Mapping[str, frozenset[str]]
) -> dict[str, WeakForm]:
    none: frozenset[str] = frozenset()
    return {
        word: WeakForm(
            tuple(consonants.split()),
            tuple(vowels.split()),
            none if before == "-" else lists[before],
            none if after == "-" else lists[after],
        )
        for word, consonants, vowels, before, after in table
    }


def _units(table: Iterator[list[str]], spellings: Mapping[str, str]) -> dict[str, Unit]:
    """Load units by symbol; symbols of two or more letters also in lower and upper case."""
    found: dict[str, Unit] = {}
    american = re.compile("|".join(rf"{word}\b" for word in spellings) or "(?!)")

    def own(name: str) -> str:
        return american.sub(lambda match: spellings[match[0]], name)

    for symbols, one, many, spaced in table:
        unit = Unit(own(one), own(many), cast(Spaced, spaced))
        found |= dict.fromkeys(symbols.split(), unit)
    for symbol, unit in list(found.items()):
        if len(symbol) > 1:
            for other in (symbol.lower(), symbol.capitalize()):
                found.setdefault(other, unit)
            # "10 MS" is unlikely to mean milliseconds, but "60 MPH" means miles
            shouted = unit if len(symbol) > 2 else unit._replace(spaced="no")
            found.setdefault(symbol.upper(), shouted)
    return found

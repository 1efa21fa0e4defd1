"""The tables of a language's reader: TSV files that a linguist can edit, one a kind.

A line is a row, columns are separated by tabs; empty lines and those that begin with ``# `` are
passed over. The first line of each file that is not a remark names the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
        conditions: what must hold, such as ``before-name`` (see `abbreviations`); all of them.
    """

    spoken: str
    conditions: tuple[str, ...]


class Unit(NamedTuple):
    """A unit of measurement.

    Attributes:
        one: as it is said of one.
        many: as it is said of several.
        spaced: whether it is a unit behind a number and a space, too: yes, no, or with a dot only.
    """

    one: str
    many: str
    spaced: Literal["yes", "no", "dot"]


class Currency(NamedTuple):
    """A currency, and its hundredth part, which may have no name."""

    one: str
    many: str
    hundredth: str
    hundredths: str


class WeakForm(NamedTuple):
    """How a small word is said in a sentence.

    Attributes:
        before_consonants: as ARPAbet with stress digits.
        before_vowels: the same.
        not_before: words before which it keeps its full form.
        not_after: words behind which it does.
    """

    before_consonants: tuple[str, ...]
    before_vowels: tuple[str, ...]
    not_before: frozenset[str]
    not_after: frozenset[str]


@dataclass(frozen=True, eq=False)
class Tables:
    """All tables of one language.

    Attributes:
        accents: what letters with marks say.
        abbreviations: by what is written, without the dot, in small letters.
        lexemes: fixed readings of what is written, exactly as it is written.
        units: by symbol.
        currencies: by sign or code.
        magnitudes: ``bn`` to ``billion``, in small letters.
        months: number and name by name or abbreviation, in small letters.
        states: by postal code.
        directions: by letter.
        signs: what is said for a sign; nothing for those that are silent.
        confidence: how often a reading of a kind is right.
        lists: sets of words that rules look at, by name.
        phonemes: how single words sound, as ARPAbet.
        weak_forms: by word.
    """

    accents: Accents
    abbreviations: Mapping[str, tuple[Abbreviation, ...]]
    lexemes: Mapping[str, str]
    units: Mapping[str, Unit]
    currencies: Mapping[str, Currency]
    magnitudes: Mapping[str, str]
    months: Mapping[str, tuple[int, str]]
    states: Mapping[str, str]
    directions: Mapping[str, str]
    signs: Mapping[str, str]
    confidence: Mapping[str, float]
    lists: Mapping[str, frozenset[str]]
    phonemes: Mapping[str, tuple[str, ...]]
    weak_forms: Mapping[str, WeakForm]


def rows(path: Path) -> Iterator[list[str]]:
    """The rows of a table, without its head.

    Raises:
        TableError: where a row has not as many columns as the head.
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
    """The tables of a language.

    Raises:
        FileNotFoundError: where there are none.
        TableError: where one is malformed.
    """
    folder = FOLDER / language
    abbreviations: dict[str, list[Abbreviation]] = {}
    for written, spoken, conditions in rows(folder / "abbreviations.tsv"):
        rule = Abbreviation(spoken, tuple(conditions.split()))
        abbreviations.setdefault(written.lower(), []).append(rule)
    lists = {name: frozenset(words.split()) for name, words in rows(folder / "word_lists.tsv")}
    return Tables(
        accents=Accents.parse(rows(folder / "accents.tsv")),
        abbreviations={written: tuple(rules) for written, rules in abbreviations.items()},
        lexemes=dict(rows(folder / "lexemes.tsv")),
        units=_units(folder / "units.tsv"),
        currencies={
            sign: Currency(one, many, hundredth.strip("-"), hundredths.strip("-"))
            for sign, one, many, hundredth, hundredths in rows(folder / "currencies.tsv")
        },
        magnitudes=dict(rows(folder / "magnitudes.tsv")),
        months={
            written: (number, name)
            for number, (name, *short) in enumerate(_spaced(folder / "months.tsv"), 1)
            for written in (name, *short)
        },
        states=dict(rows(folder / "states.tsv")),
        directions=dict(rows(folder / "directions.tsv")),
        signs={sign: spoken.strip("-") for sign, spoken in rows(folder / "signs.tsv")},
        confidence={kind: float(share) for kind, share, *_ in rows(folder / "confidence.tsv")},
        lists=lists,
        phonemes={
            word: tuple(phonemes.split()) for word, phonemes in rows(folder / "phonemes.tsv")
        },
        weak_forms=_weak_forms(folder / "weak_forms.tsv", lists),
    )


def _spaced(path: Path) -> Iterator[list[str]]:
    for (line,) in rows(path):
        yield line.split()


def _weak_forms(path: Path, lists: Mapping[str, frozenset[str]]) -> dict[str, WeakForm]:
    none: frozenset[str] = frozenset()
    return {
        word: WeakForm(
            tuple(consonants.split()),
            tuple(vowels.split()),
            none if before == "-" else lists[before],
            none if after == "-" else lists[after],
        )
        for word, consonants, vowels, before, after in rows(path)
    }


def _units(path: Path) -> dict[str, Unit]:
    """Units by symbol; those of two letters and more in small and in large letters, too."""
    found: dict[str, Unit] = {}
    for symbols, one, many, spaced in rows(path):
        for symbol in symbols.split():
            found[symbol] = Unit(one, many, cast(Literal["yes", "no", "dot"], spaced))
    for symbol, unit in list(found.items()):
        if len(symbol) > 1:
            for other in (symbol.lower(), symbol.capitalize()):
                found.setdefault(other, unit)
            # "10 MS" is hardly milliseconds, "60 MPH" is miles
            shouted = unit if len(symbol) > 2 else unit._replace(spaced="no")
            found.setdefault(symbol.upper(), shouted)
    return found

"""Load the rules of a language from its file, ``tables/<code>.toml``, which linguists can edit.

docs/text.md describes the sections and keys of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tanger.model.text import TableError
from tanger.model.text.reader.european.rules import (
    LAST,
    PLURALS,
    Currency,
    DateRules,
    Endings,
    MoneyRules,
    Noun,
    NumberRules,
    OrdinalRules,
    Rules,
    TimeRules,
    WordRules,
)
from tanger.model.text.reader.language import Clitics
from tanger.model.text.reader.tables import FOLDER, LetterName


def codes() -> tuple[str, ...]:
    """Return the codes of the languages that have rules."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@lru_cache(maxsize=32)
def load(code: str) -> Rules:
    """Load the rules of a language.

    Raises:
        FileNotFoundError: if there are none.
        TableError: if the file is malformed.
    """
    return parse(FOLDER / f"{code}.toml")


def parse(path: Path) -> Rules:
    """Parse a file of rules; see `load`."""
    try:
        root = Section(path, "", tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as e:
        raise TableError(path, None, str(e)) from e
    rules = Rules(
        code=path.stem,
        numbers=_numbers(root.section("numbers")),
        ordinals=_ordinals(root.section("ordinals")),
        dates=_dates(root.section("dates")),
        times=_times(root.section("times")),
        money=_money(root.section("money")),
        units=_units(root.section("units")),
        words=_words(root),
        clitics=_clitics(root.section("elisions")),
    )
    root.close()
    return rules


class Section:
    """A table of a TOML file whose keys are taken one by one, so that none is left unread."""

    def __init__(self, path: Path, name: str, content: Mapping[str, Any]) -> None:
        self._path = path
        self._name = name
        self._left = dict(content)
        self._parts: list[Section] = []

    def text(self, key: str, default: str | None = None) -> str:
        """Take a string.

        Raises:
            TableError: if there is none and no default, or it is no string.
        """
        value = self._left.pop(key, default)
        if not isinstance(value, str):
            raise self._fault(key, "expected a string")
        return value

    def whole(self, key: str, default: int) -> int:
        """Take an integer."""
        value = self._left.pop(key, default)
        if not isinstance(value, int):
            raise self._fault(key, "expected an integer")
        return value

    def texts(self, key: str, size: int | None = None) -> tuple[str, ...]:
        """Take a list of strings, of `size` if it is there at all; empty if there is none."""
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._fault(key, "expected a list of strings")
        if value and size is not None and len(value) != size:
            raise self._fault(key, f"expected {size} strings, got {len(value)}")
        return tuple(value)

    def words(self, key: str) -> frozenset[str]:
        """Take a string of words."""
        return frozenset(self.text(key, "").split())

    def section(self, key: str) -> Section:
        """Take a table; an empty one if there is none."""
        value = self._left.pop(key, {})
        if not isinstance(value, dict):
            raise self._fault(key, "expected a table")
        part = Section(self._path, f"{self._name}{key}.", value)
        self._parts.append(part)
        return part

    def rest(self) -> dict[str, str]:
        """Take all that is left, as strings."""
        return {key: self.text(key) for key in list(self._left)}

    def close(self) -> None:
        """Raise `TableError` if a key has not been taken."""
        if self._left:
            raise self._fault(next(iter(self._left)), "unknown key")
        for part in self._parts:
            part.close()

    def patterns(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """Take all that is left, as regular expressions."""
        found = [(key, self.pattern(key)) for key in list(self._left)]
        return tuple((key, pattern) for key, pattern in found if pattern is not None)

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """Take a regular expression; None if there is none."""
        written = self.text(key, "")
        try:
            return re.compile(written) if written else None
        except re.error as e:
            raise self._fault(key, str(e)) from e

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Take one of some strings, by default the first."""
        value = self.text(key, choices[0])
        if value not in choices:
            raise self._fault(key, f"expected one of {', '.join(choices)}")
        return value

    def _fault(self, key: str, reason: str) -> TableError:
        return TableError(self._path, None, f"{self._name}{key}: {reason}")


def _endings(section: Section) -> Endings:
    return tuple(sorted(section.rest().items(), key=lambda pair: -len(pair[0])))


def _by_form(section: Section) -> dict[str, Endings]:
    return {name: _endings(section.section(name)) for name in list(section._left)}


def _split_keys(section: Section) -> dict[str, str]:
    """Take all that is left; a key with several words stands for each of them."""
    return {word: value for key, value in section.rest().items() for word in key.split()}


def _numbers(section: Section) -> NumberRules:
    kind = section.choice("plurals", tuple(PLURALS))
    form = section.whole("decimal_form", LAST)
    return NumberRules(
        speaker=section.text("num2words"),
        plural=PLURALS[kind],
        decimal_plural=PLURALS[kind] if kind == "zero-one" else lambda whole: form,
        decimal=section.text("decimal", ","),
        grouping=section.text("grouping", ""),
        point=tuple(form.strip() for form in section.text("point").split("|")),
        decimals=section.choice("decimals", ("digits", "number")),
        tenths=tuple(map(Noun.parse, section.texts("tenths", 3))),
        minus=section.text("minus"),
        plus=section.text("plus"),
        to=section.text("to"),
        by=section.text("by"),
        dot=section.text("dot"),
        ratio=section.text("ratio", ""),
        suffixes=section.texts("suffixes"),
        hundred=section.text("hundred", ""),
        breaks=section.pattern("breaks"),
        replaced=section.section("replaced").rest(),
        agreement=_by_form(section.section("agreement")),
        nouns=section.section("nouns").patterns(),
        over=section.text("over"),
        fractions=section.section("fractions").rest(),
        postal=section.pattern("postal"),
        telephone=section.pattern("telephone"),
    )


def _ordinals(section: Section) -> OrdinalRules:
    return OrdinalRules(
        marks=_split_keys(section.section("marks")),
        forms=_by_form(section.section("forms")),
        after=_split_keys(section.section("after")),
        nouns=section.section("nouns").patterns(),
        first=section.section("first").rest(),
        largest=section.whole("largest", 10**9),
        irregular=section.texts("irregular"),
    )


def _dates(section: Section) -> DateRules:
    rows = [line.split() for line in section.texts("months", 12)]
    date = section.text("format")
    return DateRules(
        months={written.lower(): number for number, row in enumerate(rows, 1) for written in row},
        names=tuple(row[0] for row in rows),
        order=section.choice("order", ("dmy", "ymd")),
        day=section.text("day", "cardinal"),
        first=section.text("first", ""),
        days=section.texts("days", 31),
        mark=section.text("mark", ""),
        of=section.text("of", ""),
        year=section.text("year", "cardinal"),
        year_after=section.text("year_after", ""),
        year_words=section.section("year_words").rest(),
        format=date,
        day_month=section.text("day_month"),
        slash_before=section.words("slash_before"),
    )


def _times(section: Section) -> TimeRules:
    return TimeRules(
        gender=section.text("gender", ""),
        noun=Noun.parse(section.text("noun", " ")),
        hours=section.texts("hours", 25),
        oblique=_endings(section.section("oblique")),
        oblique_after=frozenset(section.texts("oblique_after")),
        zero=section.text("zero", ""),
        format=section.text("format"),
        full=section.text("full"),
        separators=section.text("separators", ""),
        dot_before=section.words("dot_before"),
        dot_after=tuple(section.text("dot_after", "").split()),
        after=tuple(section.text("after", "").split()),
        to=section.text("to", ""),
    )


def _money(section: Section) -> MoneyRules:
    currencies: dict[str, Currency] = {}
    for signs, nouns in section.section("currencies").rest().items():
        unit, _, part = (each.strip() for each in nouns.partition(";"))
        currency = Currency(Noun.parse(unit), Noun.parse(part) if part else None)
        names = [form for form in currency.unit.forms if " " not in form]
        currencies = dict.fromkeys(names, currency) | currencies
        currencies |= dict.fromkeys(signs.split(), currency)
    return MoneyRules(
        currencies=currencies,
        format=section.text("format"),
        of=tuple(section.text("of", "").split()),
        millions=section.pattern("millions") or re.compile("(?!)"),
        magnitudes={
            written: Noun.parse(noun)
            for written, noun in _split_keys(section.section("magnitudes")).items()
        },
        per=section.text("per", ""),
    )


def _units(section: Section) -> dict[str, Noun]:
    """Take the units by symbol, and by their names, so that these agree with a number, too."""
    nouns = {symbol: Noun.parse(name) for symbol, name in _split_keys(section).items()}
    names = {form: noun for noun in nouns.values() for form in noun.forms if " " not in form}
    return names | nouns


def _words(root: Section) -> WordRules:
    acronyms, roman = root.section("acronyms"), root.section("roman")
    abbreviations = root.section("abbreviations")
    before_number = abbreviations.section("before_number").rest()
    before_name = abbreviations.section("before_name").rest()
    endings = abbreviations.section("endings").rest()
    final = frozenset(abbreviations.texts("final"))
    return WordRules(
        letters={
            letter: LetterName.parse(name)
            for letter, name in root.section("letters").rest().items()
        },
        spelt=acronyms.words("letters"),
        spoken=acronyms.words("words"),
        syllabic=frozenset(acronyms.text("syllabic", "")),
        single=root.words("single"),
        abbreviations=abbreviations.rest(),
        before_number=before_number,
        before_name=before_name,
        final=final,
        endings=endings,
        signs=root.section("signs").rest(),
        electronic=root.section("electronic").rest(),
        roman_single=roman.words("single"),
        roman_cardinal=roman.words("cardinal"),
        roman_ordinal=_split_keys(roman.section("ordinal")),
        telephone=root.choice("telephone", ("digits", "pairs")),
    )


def _clitics(section: Section) -> Clitics:
    whole = section.words("whole")
    return Clitics(_split_keys(section), whole)

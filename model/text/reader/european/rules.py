"""The rules of a language for reading texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tanger.model.text.reader.language import Clitics
from tanger.model.text.reader.tables import LetterName


class Noun(NamedTuple):
    """A noun that numbers count.

    Attributes:
        gender: key of the agreement of number words.
        forms: its forms, chosen by the number (see `PLURALS`).
    """

    gender: str
    forms: tuple[str, ...]

    @classmethod
    def parse(cls, written: str) -> Noun:
        """Parse ``f heure | heures``: the gender, then the forms."""
        gender, _, forms = written.partition(" ")
        return cls(gender, tuple(form.strip() for form in forms.split("|")))

    def form(self, place: int) -> str:
        """Return the form at a place, or the last one."""
        return self.forms[min(place, len(self.forms) - 1)]


class Currency(NamedTuple):
    """A currency, and its hundredth part, if it is in use."""

    unit: Noun
    part: Noun | None


def _russian(value: int) -> int:
    if value % 10 == 1 and value % 100 != 11:
        return 0
    return 1 if value % 10 in (2, 3, 4) and value % 100 not in (12, 13, 14) else 2


def _polish(value: int) -> int:
    if value == 1:
        return 0
    return 1 if value % 10 in (2, 3, 4) and value % 100 not in (12, 13, 14) else 2


# Which form of a noun a whole number takes, as in Unicode's CLDR.
PLURALS: dict[str, Callable[[int], int]] = {
    "one": lambda value: 0 if value == 1 else 1,
    "zero-one": lambda value: 0 if value < 2 else 1,
    "none": lambda value: 0,
    "russian": _russian,
    "polish": _polish,
    "czech": lambda value: 0 if value == 1 else 1 if value in (2, 3, 4) else 2,
}

# The place of a noun's last form.
LAST = 99

# Pairs of a word's ending and its replacement, the longest ending first. Endings that begin with
# a hyphen apply to every word of a number, others to the last one; those that begin with an equals
# sign are whole numbers.
Endings = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NumberRules:
    """How numbers are written and spoken.

    Attributes:
        speaker: code of the language in num2words.
        plural: returns the form of a noun by the number.
        decimal_plural: returns the form of a noun after a number with decimals, by its whole part.
        decimal: decimal separator.
        grouping: separators of thousands.
        point: spoken decimal separator; forms by the whole part.
        decimals: whether decimals are spoken as digits or as one number.
        tenths: forms of tenths, hundredths and thousandths, if decimals are counted by them.
        minus, plus, to, by, dot, ratio: spoken signs of numbers: negative, positive, range,
            product, version, ratio.
        suffixes: endings of number words that are written after digits: *80er*.
        hundred: the word by which years are read in hundreds, if they are.
        breaks: ends of word pieces, after which long number words are divided.
        replaced: corrections of num2words; those with a dollar sign at the end of a number only.
        agreement: endings by gender.
        nouns: genders by patterns for the word after a number, unless one fits the word before.
        over: what is said between numerator and denominator.
        fractions: common fractions by written form, ``1/2``, with the gender of a unit, ``1/2 f``,
            or after whole numbers, ``1+1/2`` and ``+1/2``, where braces stand for the number; ``+``
            is what else joins the two.
        postal: pattern for postal codes, which are read in groups.
        telephone: pattern for telephone numbers that begin with no zero.
    """

    speaker: str
    plural: Callable[[int], int]
    decimal_plural: Callable[[int], int]
    decimal: str
    grouping: str
    point: tuple[str, ...]
    decimals: str
    tenths: tuple[Noun, ...]
    minus: str
    plus: str
    to: str
    by: str
    dot: str
    ratio: str
    suffixes: tuple[str, ...]
    hundred: str
    breaks: re.Pattern[str] | None
    replaced: Mapping[str, str]
    agreement: Mapping[str, Endings]
    nouns: tuple[tuple[str, re.Pattern[str]], ...]
    over: str
    fractions: Mapping[str, str]
    postal: re.Pattern[str] | None
    telephone: re.Pattern[str] | None


@dataclass(frozen=True)
class OrdinalRules:
    """How ordinals are written and spoken.

    Attributes:
        marks: form by what follows the digits, such as ``f`` by ``ª``; of a dot, only where the
            words around it show that it is no full stop.
        forms: endings by form.
        after: form by the previous word.
        nouns: forms by patterns for the next word, where the previous one tells none; before such a
            word a mark that is also a unit is an ordinal's: ``3° piano``.
        first: forms of first that are irregular, by form.
        largest: largest number whose ordinal is known.
        irregular: ordinals that num2words lacks, from the first.
    """

    marks: Mapping[str, str]
    forms: Mapping[str, Endings]
    after: Mapping[str, str]
    nouns: tuple[tuple[str, re.Pattern[str]], ...]
    first: Mapping[str, str]
    largest: int
    irregular: tuple[str, ...]


@dataclass(frozen=True)
class DateRules:
    """How dates are written and spoken.

    Attributes:
        months: number by name or abbreviation in lower case.
        names: names as they are spoken in dates.
        order: order of day, month and year in words: ``dmy`` or ``ymd``.
        day: ``cardinal``, ``ordinal``, or the form of an ordinal.
        first: the first day, if it is irregular.
        days: all days, if they are irregular.
        mark: pattern for what may follow the digits of a day.
        of: words that may stand between day, month and year.
        year: ``cardinal``, or the form of an ordinal.
        year_after: pattern for words after a year that the format speaks.
        year_words: form of the year before a word, and how that is spoken if it is abbreviated; a
            word with another and a plus before it is one after that.
        format: format of a date; `day_month` is that without a year.
        slash_before: words before a day and a month with a stroke; dates have none if it is empty.
    """

    months: Mapping[str, int]
    names: tuple[str, ...]
    order: str
    day: str
    first: str
    days: tuple[str, ...]
    mark: str
    of: str
    year: str
    year_after: str
    year_words: Mapping[str, str]
    format: str
    day_month: str
    slash_before: frozenset[str]


@dataclass(frozen=True)
class TimeRules:
    """How times of day are written and spoken.

    Attributes:
        gender: gender of the hour.
        noun: the word for hours, or the like, if it is spoken.
        hours: hours, if they are not cardinals.
        oblique: endings of an hour after one of the words `oblique_after`.
        zero: word before minutes below ten.
        format: format of a time with minutes; `full` is that of a full hour.
        separators: further separators of hours and minutes, such as ``h``.
        dot_before, dot_after: words beside a time that show that a dot separates.
        after: words after a time that its format speaks.
        to: word between two times; empty for that between numbers.
    """

    gender: str
    noun: Noun
    hours: tuple[str, ...]
    oblique: Endings
    oblique_after: frozenset[str]
    zero: str
    format: str
    full: str
    separators: str
    dot_before: frozenset[str]
    dot_after: tuple[str, ...]
    after: tuple[str, ...]
    to: str


@dataclass(frozen=True)
class MoneyRules:
    """Currencies by sign or code, and the format of an amount.

    Attributes:
        currencies: currencies by sign or code.
        format: format with units, and hundredths with (`cents`) or without (`parts`) their name.
        of: what is spoken between millions and the currency; with a second form before vowels.
        millions: pattern for the end of a number that needs it.
        magnitudes: thousands, millions and so on between a number and its currency, or after both,
            by how they are written: ``5 mln zł``, ``R$ 5 milhões``.
        per: what is spoken before a unit after a stroke: ``5 €/kg``; empty if it is not read.
    """

    currencies: Mapping[str, Currency]
    format: str
    of: tuple[str, ...]
    millions: re.Pattern[str]
    magnitudes: Mapping[str, Noun]
    per: str


@dataclass(frozen=True)
class WordRules:
    """How words, abbreviations and letters are read.

    Attributes:
        letters: names of letters.
        spelt: words in capitals that are read letter by letter.
        spoken: words in capitals that are read as words.
        syllabic: consonants that stand for a vowel in a syllable: ``r`` in *krk*.
        single: letters that are words.
        abbreviations: spoken form by abbreviation.
        before_number, before_name: abbreviations that are such only there.
        final: abbreviations after which a sentence may end.
        endings: abbreviated ends of words: ``str.`` in *Goethestr.*
        signs: words by sign.
        electronic: words by sign in addresses; none if the language has no rules for addresses.
        roman_single: ordinals of one numeral and a mark that are no words: ``Ier``.
        roman_cardinal: words before which, or after which, a Roman numeral is a cardinal.
        roman_ordinal: words before an ordinal, and its form, by such a word: ``der e``. A word
            with a plus stands after the numeral, one before the plus stands before it.
        telephone: ``digits`` or ``pairs``.
    """

    letters: Mapping[str, LetterName]
    spelt: frozenset[str]
    spoken: frozenset[str]
    syllabic: frozenset[str]
    single: frozenset[str]
    abbreviations: Mapping[str, str]
    before_number: Mapping[str, str]
    before_name: Mapping[str, str]
    final: frozenset[str]
    endings: Mapping[str, str]
    signs: Mapping[str, str]
    electronic: Mapping[str, str]
    roman_single: frozenset[str]
    roman_cardinal: frozenset[str]
    roman_ordinal: Mapping[str, str]
    telephone: str


@dataclass(frozen=True)
class Rules:
    """All rules of one language."""

    code: str
    numbers: NumberRules
    ordinals: OrdinalRules
    dates: DateRules
    times: TimeRules
    money: MoneyRules
    units: Mapping[str, Noun]
    words: WordRules
    clitics: Clitics

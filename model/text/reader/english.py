"""The recognisers of English and their order."""

from __future__ import annotations

import re

from tanger.model.text.reader import (
    abbreviations,
    codes,
    dates,
    electronic,
    formulas,
    fractions,
    imperial,
    letters,
    numerals,
    overrides,
    quantities,
    signs,
    telephone,
)
from tanger.model.text.reader.language import Language, Recognizer
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.tables import load

# Ordinary words, and what may follow them
_PLAIN = re.compile(r"[A-Za-z]?[a-z]+(?:'(?:s|t|re|ve|ll|d|m)(?![a-z]))?(?=[,;:!?.)]?(?:[ \n]|$))")

# Recognisers of numbers, the more specific first.
_NUMBERS: tuple[Recognizer, ...] = (
    letters.lexeme,
    numerals.verse,
    signs.keycap,
    electronic.hexadecimal,
    telephone.telephone,
    dates.dates,
    dates.numeric_date,
    dates.date_from_day,
    dates.two_years,
    dates.hours,
    dates.time,
    dates.duration,
    quantities.money,
    dates.short_date,
    abbreviations.house_number,
    dates.decade,
    numerals.ordinal,
    numerals.members,
    imperial.length,
    imperial.stone,
    imperial.side,
    imperial.inches,
    fractions.rating,
    quantities.measure,
    fractions.fraction,
    quantities.per_unit,
    quantities.scientific,
    dates.short_year,
    abbreviations.zip_code,
    electronic.address,
    numerals.version,
    numerals.scaled,
    numerals.times,
    letters.with_digits,
    numerals.ratio,
    codes.code,
    numerals.grouped,
    numerals.number,
)


def number(scan: Scan, at: int) -> Reading | None:
    """Recognise a number of any kind, with an optional minus."""
    if scan.text[at] in "-–":
        if signs.minus(scan, at) is None:
            return None
        reading = _number(scan, at + 1)
        if reading is None:
            return None
        words = (*Reading(0, "sign", "minus").words, *reading.words)
        return reading._replace(spoken=words)
    return _number(scan, at)


def number_or_range(scan: Scan, at: int) -> Reading | None:
    """Recognise a number of any kind, or a range of two numbers."""
    first = number(scan, at)
    if first is None:
        return None
    return numerals.range_from(scan, at, first, _number) or first


def _number(scan: Scan, at: int) -> Reading | None:
    for recognizer in _NUMBERS:
        if (reading := recognizer(scan, at)) is not None:
            return reading
    return None


def american_english() -> Language:
    """Return the recognisers and tables of American English, loaded once."""
    return Language(
        code="en-us",
        tables=load("en-us"),
        plain=_PLAIN,
        needs_care=letters.needs_care,
        letters=(
            letters.lexeme,
            electronic.hexadecimal,
            electronic.address,
            numerals.verse,
            imperial.between_sides,
            formulas.formula,
            formulas.function,
            dates.short_year,
            dates.decade,
            dates.date_from_month,
            dates.span,
            quantities.money,
            abbreviations.state,
            abbreviations.direction,
            abbreviations.initials,
            abbreviations.abbreviation,
            numerals.roman_item,
            numerals.roman,
            quantities.unit_alone,
            signs.sign,
            letters.ampersand,
            letters.with_digits,
            letters.prefix,
            letters.word,
            signs.punctuation,
        ),
        numbers=(number_or_range,),
        signs=(
            overrides.override,
            letters.lexeme,
            telephone.telephone,
            signs.emoji,
            electronic.handle,
            electronic.hashtag,
            electronic.bracketed,
            signs.markup,
            signs.minus,
            numerals.roman,
            quantities.measure,
            fractions.fraction,
            imperial.between_sides,
            signs.entity,
            signs.dialled,
            quantities.per_word,
            signs.power,
            signs.superscript,
            signs.sign,
            signs.punctuation,
        ),
        unknown=signs.unknown,
        possessive="'s",
        arpabet=True,
    )

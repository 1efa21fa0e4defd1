"""Recognise chemical formulas and charges, ``CaCO3``, ``SiO₂``, ``SO₄²⁻``; superscript digits."""

from __future__ import annotations

import re
from functools import lru_cache

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.tables import Tables
from tanger.model.text.reader.token import SpokenWord, spoken_words

# A pattern for a power of ten, before which a multiplication sign is "times": 5 × 10⁸, 5 x 10^8
POWER_OF_TEN = r"10(?:\^|[⁻⁰¹²³⁴-⁹])"
_PART = re.compile(r"([A-Z][a-z]?)(\d{0,3})")
_FUNCTION = re.compile(r"([A-Za-z])\(([a-z](?:, ?[a-z]){0,3})\)(?!\w)")
_CHARGE = re.compile(r"([²³⁴-⁹]?)([⁺⁻])(?!\w)|()(\+)(?![\w+])")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def formula(scan: Scan, at: int) -> Reading | None:
    """Recognise a formula that the reader of letters with digits would take for words.

    It has a charge; or several elements, one of them of two letters, and a number. Symbols are read
    letter by letter.
    """
    match = _elements(scan.tables).match(scan.text, at)
    if match is None:
        return None
    parts = _PART.findall(match[0])
    charge = _CHARGE.match(scan.text, match.end())
    mixed = any(len(symbol) == 2 for symbol, _ in parts)
    numbered = any(number for _, number in parts) and len(parts) > 1
    if not (mixed and (numbered or charge)) and (charge is None or charge[4]):
        return None
    words: list[SpokenWord] = []
    letters = ""
    for symbol, number in parts:
        letters += symbol.upper()
        if number:
            words += [SpokenWord(letters, letters=True), *spoken_words(say.quantity(number))]
            letters = ""
    if letters:
        words.append(SpokenWord(letters, letters=True))
    if charge is None:
        return Reading(match.end(), "alphanumeric", tuple(words))
    count, sign = ordinary(charge[1] or ""), scan.tables.signs[charge[2] or charge[4]]
    words += spoken_words(f"{say.quantity(count)} {sign}" if count else sign)
    return Reading(charge.end(), "alphanumeric", tuple(words))


def function(scan: Scan, at: int) -> Reading | None:
    """Recognise a function and its variables: ``f(x)``, ``P(x, y)``."""
    match = _FUNCTION.match(scan.text, at)
    if match is None or scan.before(at).isalnum():
        return None
    names = [match[1], *re.split(", ?", match[2])]
    spelt = [SpokenWord(name.upper(), letters=True) for name in names]
    return Reading(match.end(), "alphanumeric", (spelt[0], SpokenWord("of"), *spelt[1:]))


def is_element(tables: Tables, written: str) -> bool:
    """Return whether this is the symbol of a chemical element: ``Cl``, which is no centiliter."""
    return written in tables.lists["elements"]


def ordinary(digits: str) -> str:
    """Return superscript digits as ordinary ones."""
    return digits.translate(_SUPERSCRIPTS)


@lru_cache(maxsize=8)
def _elements(tables: Tables) -> re.Pattern[str]:
    """Return a pattern for symbols of elements in a row, each with or without a number."""
    symbols = sorted(tables.lists["elements"], key=len, reverse=True)
    return re.compile(rf"(?:(?:{'|'.join(symbols)})\d{{0,3}})+(?![A-Za-z0-9_'])")

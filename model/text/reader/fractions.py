"""Recognise fractions, mixed numbers, ratings and parts of a whole."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan

_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_FRACTION = re.compile(
    r"(?:(\d{1,6})[ -])?(\d{1,4})[/⁄](\d{1,4})(?:(?:st|nd|rd|th)s?|ST|ND|RD|TH|s)?"
    r"(?![\w/⁄]|[.,]\d|-(?!\d{1,2}(?:[ /]\d|[^\w/-]|$))\d)"
)
_RANGE_BEFORE = re.compile(r"(?<![\d/])\d{1,2}[/⁄]\d{1,2}-$")
_RATING = re.compile(r"(\d{1,3}\.\d{1,2})/(5|10|20|100)(?![\w/]|[.,]\d)")
# What results are counted out of
_WHOLES = frozenset({10, 20, 50, 100})
_SIGN_FRACTION = re.compile(rf"(?:(\d{{1,6}})[ \xa0-]?)?([{_VULGAR}])(?!\d)")


class Count(NamedTuple):
    """A number that may be followed by a unit.

    Attributes:
        end: end offset.
        spoken: its words.
        single: whether the unit is in the singular.
        part: whether it is less than one, as in one half of a mile.
    """

    end: int
    spoken: str
    single: bool = False
    part: bool = False


def fraction(scan: Scan, at: int) -> Reading | None:
    """Recognise a fraction: ``1/2``, ``3 2/4``, ``1/4th``, ``½``, ``2½``, ``120/80``."""
    found = read(scan, at)
    return Reading(found.end, "fraction", found.spoken) if found else None


def read(scan: Scan, at: int) -> Count | None:
    """Return the fraction at an offset, which a unit may follow; None if there is none."""
    if sign := _SIGN_FRACTION.match(scan.text, at):
        value = Fraction(unicodedata.numeric(sign[2])).limit_denominator(10)
        return _mixed(sign.end(), sign[1], value.numerator, value.denominator)
    match = _FRACTION.match(scan.text, at)
    before = scan.before(at)
    in_range = before == "-" and _RANGE_BEFORE.search(scan.text, max(0, at - 6), at) is not None
    if match is None or (before in tuple("/.-_⁄") and not in_range):
        return None
    numerator, denominator = int(match[2]), int(match[3])
    if denominator < 2 or not numerator:
        return None
    between = None if match[1] else _part_of(scan, match, numerator, denominator)
    if between is not None:
        spoken = (say.cardinal(numerator), between, say.cardinal(denominator))
        return Count(match.end(), " ".join(filter(None, spoken)))
    if not match[1] and numerator > denominator >= 40 and numerator >= 60:  # blood pressure
        return Count(match.end(), f"{say.pairs(match[2])} over {say.cardinal(denominator)}")
    return _mixed(match.end(), match[1], numerator, denominator)


def rating(scan: Scan, at: int) -> Reading | None:
    """Recognise a rating with a decimal: ``4.5/5``."""
    match = _RATING.match(scan.text, at)
    if match is None or float(match[1]) > int(match[2]):
        return None
    spoken = f"{say.quantity(match[1])} out of {say.quantity(match[2])}"
    return Reading(match.end(), "fraction", spoken)


def _part_of(scan: Scan, match: re.Match[str], numerator: int, denominator: int) -> str | None:
    """Return what is said for the stroke, or None in a fraction.

    There are ``5/5`` and ``8/10``, ``page 1/10``, ``4/5 stars``. In shares of a whole, ``80/20``,
    and in music, ``6/8 time``, nothing is said.
    """
    lists = scan.tables.lists
    following = scan.word_after(match.end()).lower()
    if scan.word_before().lower().rstrip(".") in lists["counted_parts"]:
        return "of" if numerator <= denominator else None
    if following in lists["metre_words"] or _are_shares(numerator, denominator):
        return ""
    if numerator == denominator or following in ("stars", "points"):
        return "out of"
    counted = denominator in _WHOLES and 1 < numerator < denominator and match[0][-1].isdigit()
    if not counted or following == "of" or following in lists["fraction_units"]:
        return None
    last = scan.last()
    return None if following in scan.tables.units or (last and last.kind == "money") else "out of"


def _are_shares(one: int, other: int) -> bool:
    """Return whether two numbers divide a hundred between them, in steps of five."""
    return one + other == 100 and one % 5 == 0


def _mixed(end: int, whole: str | None, numerator: int, denominator: int) -> Count:
    """Return a fraction, with or without a whole number."""
    part = f"{say.cardinal(numerator)} {say.denominator(denominator, numerator)}"
    if whole:
        return Count(end, f"{say.quantity(whole)} and {part}")
    return Count(end, part, part=numerator < denominator)

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
    r"(?:(\d{1,6})[ -])?(\d{1,4})[/⁄](\d{1,4})(?:st|nd|rd|th|ST|ND|RD|TH|s)?(?![\w/⁄]|[.,-]\d)"
)
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
    if match is None or scan.before(at) in tuple("/.-_⁄"):
        return None
    numerator, denominator = int(match[2]), int(match[3])
    if denominator < 2 or not numerator:
        return None
    if not match[1] and (between := _part_of(scan, match, numerator, denominator)):
        spoken = f"{say.cardinal(numerator)} {between} {say.cardinal(denominator)}"
        return Count(match.end(), spoken)
    if not match[1] and numerator > denominator >= 40 and numerator >= 60:  # blood pressure
        return Count(match.end(), f"{say.pairs(match[2])} over {say.cardinal(denominator)}")
    return _mixed(match.end(), match[1], numerator, denominator)


def _part_of(scan: Scan, match: re.Match[str], numerator: int, denominator: int) -> str:
    """Return what is said for the stroke of ``5/5``, ``page 1/10``, ``4/5 stars``; or nothing."""
    if scan.word_before().lower().rstrip(".") in scan.tables.lists["counted_parts"]:
        return "of" if numerator <= denominator else ""
    if numerator == denominator or scan.word_after(match.end()).lower() in ("stars", "points"):
        return "out of"
    return ""


def _mixed(end: int, whole: str | None, numerator: int, denominator: int) -> Count:
    """Return a fraction, with or without a whole number."""
    part = f"{say.cardinal(numerator)} {say.denominator(denominator, numerator)}"
    if whole:
        return Count(end, f"{say.quantity(whole)} and {part}")
    return Count(end, part, part=numerator < denominator)

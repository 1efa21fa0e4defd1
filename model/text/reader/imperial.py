"""Recognise feet, inches and stones, whose signs are quotation marks elsewhere."""

from __future__ import annotations

import re

from tanger.model.text.reader import fractions
from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.quantities import AMOUNT, numbered
from tanger.model.text.reader.scan import Reading, Scan

_LENGTH = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)(['\"′″])(?= (\w{1,12}))")
_SIDE = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)(['\"′″])")
_BETWEEN = re.compile(r"[x×](?= ?\d)")
_BY_SIDE = re.compile(r" ?[x×] ?\d")
_QUOTE = re.compile(r'(?<!\d)"')  # not that of inches
_STONE = re.compile(r"(\d{1,2}) ?st\.? (\d{1,2}) ?lbs?\b\.?")
_POUNDS_IN_STONE = 14
# Characters before a quotation mark in which another may have opened the quotation
_QUOTATION = 400
_FEET = re.compile(
    r"(\d{1,2})(?:['′] ?| (?:ft|feet|foot)\.? )(\d{1,2})(?:\"|″|''| (?:in|inches)\b\.?)?(?!\w)"
)


def length(scan: Scan, at: int) -> Reading | None:
    """Recognise feet and inches: ``6'1"``, ``12" long``, ``a 34" waist``, ``a 3/4" bolt``."""
    part = fractions.read(scan, at)
    if part and (scan.after(part.end) == "″" or _is_inch(scan, at, part.end)):
        unit = scan.tables.units["in"]
        before_noun = scan.word_after(part.end + 1) not in scan.tables.lists["lengths"]
        name = unit.one if part.part or before_noun else unit.many
        return Reading(part.end + 1, "measure", f"{part.spoken} {name}")
    if (match := _FEET.match(scan.text, at)) and int(match[2]) < 12:
        spoken = f"{say.quantity(match[1])} foot {say.quantity(match[2])}"
        return Reading(match.end(), "measure", spoken)
    match = _LENGTH.match(scan.text, at)
    if match is None or scan.before(at) == match[2]:  # a number within quotation marks
        return None
    unit = scan.tables.units["ft" if match[2] in "'′" else "in"]
    if match[3] in scan.tables.lists["lengths"]:
        return Reading(match.end(), "measure", f"{say.quantity(match[1])} {unit.many}")
    if match[3] in scan.tables.lists["length_nouns"] and match[2] not in "'′":
        return Reading(match.end(), "measure", f"{say.quantity(match[1])} {unit.one}")
    return None


def inches(scan: Scan, at: int) -> Reading | None:
    """Recognise inches where no quotation is open: ``2" squares``, ``10-12" of snow``."""
    match = AMOUNT.match(scan.text, at)
    if match is None or not _is_inch(scan, at, match.end()):
        return None
    end, unit, lists = match.end() + 1, scan.tables.units["in"], scan.tables.lists
    following = scan.word_after(end).lower()
    noun = len(following) > 1 and following not in lists["function_words"]
    noun = noun and following not in lists["lengths"] and following not in lists["after_amount"]
    name = numbered(unit, single=noun or match[0] == "1")
    return Reading(end, "measure", f"{say.quantity(match[0])} {name}")


def stone(scan: Scan, at: int) -> Reading | None:
    """Recognise a person's weight in stones and pounds: ``13 st. 4 lb``."""
    match = _STONE.match(scan.text, at)
    if match is None or int(match[2]) >= _POUNDS_IN_STONE:
        return None
    pounds = numbered(scan.tables.units["lb"], single=match[2] == "1")
    spoken = f"{say.quantity(match[1])} stone {say.quantity(match[2])} {pounds}"
    return Reading(match.end(), "measure", spoken)


def side(scan: Scan, at: int) -> Reading | None:
    """Recognise a length in feet or inches before or after a sign: ``3" x 5"``."""
    match = _SIDE.match(scan.text, at)
    if match is None:
        return None
    last = scan.last()
    beside = last is not None and last.text in ("x", "×")
    if not beside and not _BY_SIDE.match(scan.text, match.end()):
        return None
    unit = scan.tables.units["ft" if match[2] in "'′" else "in"]
    name = unit.one if match[1] == "1" else unit.many
    return Reading(match.end(), "measure", f"{say.quantity(match[1])} {name}")


def between_sides(scan: Scan, at: int) -> Reading | None:
    """Recognise the sign between two lengths that have units: ``3" x 5"``, ``2 m x 3 m``."""
    last = scan.last()
    if last is None or last.kind != "measure" or not _BETWEEN.match(scan.text, at):
        return None
    return Reading(at + 1, "sign", "by")


def _is_inch(scan: Scan, at: int, end: int) -> bool:
    """Return whether the quotation mark after a number closes no quotation before it."""
    if scan.after(end) != '"':
        return False
    return len(_QUOTE.findall(scan.text, max(0, at - _QUOTATION), at)) % 2 == 0

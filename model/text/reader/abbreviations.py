"""Recognise abbreviations, titles, initials and postal addresses by their context."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.tables import Tables

_WRITTEN = re.compile(r"([A-Za-z]{1,7}(?:/[a-z])?)(?:\.(?![\w/])|(?![\w/]|'[a-z]))|w/(?=\s|\w)")
_NAME = re.compile(r"[ \xa0]{1,2}([A-Z][\w'-]*)")
_INITIALS = re.compile(r"((?:[A-Za-z]\.){2,10}(?:[A-RT-Za-rt-z](?![A-Za-z]))?)('?s(?!\w))?")
_INITIAL = re.compile(r"([A-Z])\.(?=[ \xa0]?[A-Z])")
_NUMBER_AFTER = re.compile(
    r"\s{0,2}#?(?:\d|[IVXivx]{2,}\b|[ivxVX]\b|[A-Z]{1,4}-?\d)|\s?\(\d{1,3}[a-z]?\)"
)
_YEAR_AFTER = re.compile(r"\s?[12]\d{3}\b")
_DATE_AFTER = re.compile(r"\.?,? (?:[A-Z][a-z]{2,8}\.? )?\d{1,2}\b|,? [A-Z][a-z]{2,8}\.? \d")
_ADDRESS = (
    r"(\d{{1,5}})([A-Z]?)(?: (?:[A-Z][\w'-]*\.?|\d{{1,3}}(?:st|nd|rd|th))){{1,4}}"
    r" (?i:{types})(?!\w)\.?"
)
_DIRECTION = re.compile(r"([NSEW]{1,2})\.?(?!\w)")
# A direction before a region, or before a street: N. Korea, W. 125th St.
_PLACE_AFTER = re.compile(r"[NSEW]\. ([A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))(?: ([A-Za-z]{2,9}))?\b")
_ROAD_BEFORE = re.compile(r"\b(?:I|US|SR|Hwy|Highway|Route|Rte\.?|Interstate)[- ]\d{1,3} $")
_LONGEST_ROAD = 16
_STATE = re.compile(r"([A-Z]{2})(?![\w'-]|\.\w)")
_ZIP = re.compile(r"(\d{5})(?:-(\d{4}))?(?![\w-])")
_ZIP_AFTER = re.compile(r" {1,2}\d{5}(?!\d)")
# Codes that usually mean something else, unless a ZIP code follows
_DOUBTFUL_STATES = frozenset({"OK", "IN", "ME", "OR", "HI", "OH", "PA", "MA", "LA", "ID", "AL"})


def abbreviation(scan: Scan, at: int) -> Reading | None:
    """Recognise an abbreviation of the table, by its first row whose conditions hold."""
    match = _WRITTEN.match(scan.text, at)
    if match is None or scan.before(at) in ("'", "/"):
        return None
    written = match[1] or match[0]
    rules = scan.tables.abbreviations.get(written.lower())
    if rules is None or _is_acronym(scan, match):
        return None
    for rule in rules:
        if all(_CONDITIONS[each](scan, match) for each in rule.conditions):
            return Reading(match.end(), "abbreviation", rule.spoken)
    return None


def _is_acronym(scan: Scan, match: re.Match[str]) -> bool:
    """Return whether an abbreviation is an acronym: ``by the SEC.``, ``5% APR``; not ``SEC. 4``.

    In a text of capitals alone it is none.
    """
    if match[1] not in scan.tables.lists["capital_acronyms"] or _before_number(scan, match):
        return False
    before, after = scan.word_before(), scan.word_after(match.end())
    return not (len(before) > 1 and before.isupper()) and not (len(after) > 1 and after.isupper())


def initials(scan: Scan, at: int) -> Reading | None:
    """Recognise initials: ``U.S.``, ``M.D.s``, ``U.S.'s``, and ``J. Smith``."""
    if match := _INITIALS.match(scan.text, at):
        if not (match[2] or match[1].endswith(".")) and match[1].islower():
            return None  # "a.b"
        spelt = match[1].replace(".", "").upper()
        return Reading(match.end(), "acronym", spelt + (match[2] or ""))
    match = _INITIAL.match(scan.text, at)
    if match is None or (match[1] == "I" and not scan.words_before(1)):
        return None
    return Reading(match.end(), "abbreviation", match[1])


def house_number(scan: Scan, at: int) -> Reading | None:
    """Recognise a house number, read in pairs, and begin an address: ``221B Baker St.``."""
    match = _address(scan.tables).match(scan.text, at)
    if match is None:
        return None
    scan.address_end = match.end()
    return Reading(match.end(2), "number", f"{say.pairs(match[1])} {match[2]}".rstrip())


def direction(scan: Scan, at: int) -> Reading | None:
    """Recognise a direction: ``1211 E Arques Ave``, ``5th Ave. NW``, ``N. Korea``, ``I-280 S``."""
    match = _DIRECTION.match(scan.text, at)
    spoken = scan.tables.directions.get(match[1]) if match else None
    if match is None or not spoken or (at >= scan.address_end and not _is_direction(scan, at)):
        return None
    return Reading(match.end(), "abbreviation", spoken)


def _is_direction(scan: Scan, at: int) -> bool:
    """Return whether a capital is a direction by the region, street or road beside it."""
    lists = scan.tables.lists
    if place := _PLACE_AFTER.match(scan.text, at):
        return place[1] in lists["regions"] or (place[2] or "").lower() in lists["street_types"]
    if _ROAD_BEFORE.search(scan.text, max(0, at - _LONGEST_ROAD), at):
        return True
    last = scan.last()
    street = (last is not None and last.kind == "abbreviation") or scan.address_end == at - 1
    return bool(street) and scan.last_spoken() in lists["street_types"]


def state(scan: Scan, at: int) -> Reading | None:
    """Recognise the code of a state, ``CA``, after a place and a comma or before a ZIP code."""
    match = _STATE.match(scan.text, at)
    spoken = scan.tables.states.get(match[1]) if match else None
    if match is None or spoken is None:
        return None
    zipped = _ZIP_AFTER.match(scan.text, match.end()) is not None
    words = [token for token in scan.tokens[-4:] if token.kind != "space"]
    placed = len(words) > 1 and words[-1].text == "," and words[-2].text[:1].isupper()
    placed = placed and not words[-2].text.isupper()
    if zipped or (placed and match[1] not in _DOUBTFUL_STATES):
        return Reading(match.end(), "abbreviation", spoken)
    return None


def zip_code(scan: Scan, at: int) -> Reading | None:
    """Recognise a ZIP code after a state."""
    match = _ZIP.match(scan.text, at)
    if match is None:
        return None
    place = scan.word_before()
    states = scan.tables.states
    if place not in states and place.lower() not in states.values():
        return None
    spoken = say.digits(match[1])
    return Reading(match.end(), "number", spoken + (f" {say.digits(match[2])}" if match[2] else ""))


@lru_cache(maxsize=8)
def _address(tables: Tables) -> re.Pattern[str]:
    types = "|".join(sorted(tables.lists["street_types"], key=len, reverse=True))
    return re.compile(_ADDRESS.format(types=types))


# ------------------------------------------------------------------------------------------------
# Conditions in the table's rows.


def _in_address(scan: Scan, match: re.Match[str]) -> bool:
    return match.start() < scan.address_end


def _with_dot(scan: Scan, match: re.Match[str]) -> bool:
    return match[0].endswith(".")


def _capital(scan: Scan, match: re.Match[str]) -> bool:
    return match[0][0].isupper()


def _small(scan: Scan, match: re.Match[str]) -> bool:
    return match[0][0].islower()


def _titled(scan: Scan, match: re.Match[str]) -> bool:
    return _with_dot(scan, match) or (_capital(scan, match) and not match[0].isupper())


def _before_name(scan: Scan, match: re.Match[str]) -> bool:
    """Return whether a capitalised word follows that does not merely begin a sentence.

    After a title in lower case, as in ``st. louis``, the name is in lower case.
    """
    if match[0].islower() and match[1] in scan.tables.lists["small_titles"]:
        word = scan.word_after(match.end())
        return len(word) > 2 and word not in scan.tables.lists["function_words"]
    name = _NAME.match(scan.text, match.end())
    return name is not None and name[1].lower() not in scan.tables.lists["function_words"]


def _before_place(scan: Scan, match: re.Match[str]) -> bool:
    return (
        _capital(scan, match) and scan.word_after(match.end()) in scan.tables.lists["place_names"]
    )


def _before_number(scan: Scan, match: re.Match[str]) -> bool:
    return _NUMBER_AFTER.match(scan.text, match.end()) is not None


def _before_year(scan: Scan, match: re.Match[str]) -> bool:
    return _YEAR_AFTER.match(scan.text, match.end()) is not None


def _before_date(scan: Scan, match: re.Match[str]) -> bool:
    return _DATE_AFTER.match(scan.text, match.end()) is not None


def _after_name(scan: Scan, match: re.Match[str]) -> bool:
    word = scan.word_before()
    if not word and scan.tokens and (last := scan.last()) and last.text == ",":
        token = scan.tokens[-2 if scan.tokens[-1].kind != "space" else -3 :][0]
        word = token.text  # "Smith, Jr."
    if not word[:1].isupper():
        return False
    return word.lower() not in scan.tables.lists["function_words"]


def _after_place(scan: Scan, match: re.Match[str]) -> bool:
    if scan.text[max(0, match.start() - 2) : match.start()] in ("D-", "R-", "I-"):  # a party
        return True
    words = [token for token in scan.tokens[-4:] if token.kind != "space"]
    return len(words) > 1 and words[-1].text == "," and words[-2].text[:1].isupper()


def _after_ampersand(scan: Scan, match: re.Match[str]) -> bool:
    last = scan.last()
    return last is not None and last.text == "&"


def _after_ordinal(scan: Scan, match: re.Match[str]) -> bool:
    last = scan.last()
    return last is not None and last.kind == "ordinal"


def _always(scan: Scan, match: re.Match[str]) -> bool:
    return True


_CONDITIONS: dict[str, Callable[[Scan, re.Match[str]], bool]] = {
    "any-case": _always,
    "titled": _titled,
    "with-dot": _with_dot,
    "capital": _capital,
    "small": _small,
    "in-address": _in_address,
    "before-name": _before_name,
    "before-place": _before_place,
    "before-number": _before_number,
    "before-year": _before_year,
    "before-date": _before_date,
    "after-name": _after_name,
    "after-place": _after_place,
    "after-ampersand": _after_ampersand,
    "after-ordinal": _after_ordinal,
}

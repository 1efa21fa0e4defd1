"""Telephone numbers and what is read like them."""

from __future__ import annotations

import re

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.token import SpokenWord

_END = r"(?![\w]|[-.]\w)"
_AMERICAN = re.compile(
    r"(?:(\+?\d{1,2})[ .-]?)?(?:\((\d{3})\) ?|(\d{3})([-. ]))(\d{3})[-. ](\d{4})"
    r"(?:-(\d{1,5})|,? ?(?:x|ext\.?|extension) ?(\d{1,6}))?" + _END
)
_LOCAL = re.compile(r"(\d{3})-(\d{4})" + _END)
_INTERNATIONAL = re.compile(r"\+(\d{1,3})((?:[ .-]?\(?\d{1,4}\)?){2,6})" + _END)
_LETTERED = re.compile(r"(?:(1)-)?(8\d\d|900)((?:-[A-Z\d]{1,10}){1,5})(?![\w-])")
_SOCIAL = re.compile(r"(\d{3})-(\d{2})-(\d{4})" + _END)
_RUNS = re.compile(r"\d+|[A-Z]+")


def telephone(scan: Scan, at: int) -> Reading | None:
    """``+1 (555) 123-4567 ext. 2``, ``555-1234``, ``1-800-FLOWERS``, ``+44 20 7946 0958``."""
    if scan.before(at) in tuple("-/."):
        return None
    text = scan.text
    if match := _AMERICAN.match(text, at):
        country, area, bare, _, exchange, line, more, extension = match.groups()
        groups = [area or bare, exchange, line]
        spoken = _toll_free(groups)
        if country:
            spoken = f"{_country(country)} {spoken}"
        if more:
            spoken += f" {say.digits(more)}"
        if extension:
            spoken += f" extension {say.digits(extension)}"
        return Reading(match.end(), "telephone", spoken)
    if match := _SOCIAL.match(text, at) or _LOCAL.match(text, at):
        return Reading(match.end(), "telephone", " ".join(map(say.digits, match.groups())))
    if match := _INTERNATIONAL.match(text, at):
        if sum(map(str.isdigit, match[0])) < 7:
            return None
        return Reading(match.end(), "telephone", f"plus {say.digits(match[0])}")
    if (match := _LETTERED.match(text, at)) and any(map(str.isalpha, match[3])):
        return Reading(match.end(), "telephone", _lettered(match))
    return None


def _country(written: str) -> str:
    plus = "plus " if written.startswith("+") else ""
    return plus + say.digits(written)


def _toll_free(groups: list[str]) -> str:
    first, *rest = groups
    head = say.cardinal(int(first)) if first in ("800", "900") else say.digits(first)
    return " ".join([head, *map(say.digits, rest)])


def _lettered(match: re.Match[str]) -> tuple[SpokenWord, ...]:
    """``1-800-GO-2-HAUL``: what is in letters is meant to be read as words."""
    spoken = [*(["one"] if match[1] else []), *_toll_free([match[2]]).split()]
    for run in _RUNS.findall(match[3]):
        spoken += say.digits(run).split() if run.isdigit() else [run.lower()]
    return tuple(map(SpokenWord, spoken))

"""Recognise telephone numbers and numbers that are read like them."""

from __future__ import annotations

import re
from collections.abc import Callable

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan

_END = r"(?![\w]|[-.]\w)"
_AMERICAN = re.compile(
    r"(?:(\+?\d{1,2})[ .-]?)?(?:\((\d{3})\) ?|(\d{3})[-. ])(\d{3})[-. ](\d{4})"
    r"(?:-(\d{1,5})|,? ?(?:x|ext\.?|extension) ?(\d{1,6}))?" + _END
)
_LOCAL = re.compile(r"(\d{3})-(\d{4})" + _END)
_INTERNATIONAL = re.compile(r"\+(\d{1,3})((?:[ .-]?\(?\d{1,4}\)?){2,6})" + _END)
_NATIONAL = re.compile(r"(0\d{2,4}) (\d{3,4}) (\d{3,4})" + _END)
_LETTERED = re.compile(r"(?:(1)-)?(8\d\d|900)((?:-[A-Z\d]{1,10}){1,5})(?![\w-])")
_SOCIAL = re.compile(r"(\d{3})-(\d{2})-(\d{4})" + _END)
_CARD = re.compile(r"(\d{4})([ -])(\d{4})\2(\d{4})\2(\d{4})" + _END)
_RUNS = re.compile(r"\d+|[A-Z]+")


def telephone(scan: Scan, at: int) -> Reading | None:
    """Recognise ``+1 (555) 123-4567 ext. 2``, ``1-800-FLOWERS``, ``+44 20 7946 0958``."""
    if scan.before(at) in tuple("-/."):
        return None
    for pattern, spoken in _FORMS:
        if (match := pattern.match(scan.text, at)) and (words := spoken(match)):
            return Reading(match.end(), "telephone", words)
    return None


def _american(match: re.Match[str]) -> str:
    country, area, bare, exchange, line, more, extension = match.groups()
    spoken = _toll_free([area or bare, exchange, line])
    if country:
        spoken = f"{_country(country)} {spoken}"
    if more:
        spoken += f" {say.digits(more)}"
    return f"{spoken} extension {say.digits(extension)}" if extension else spoken


def _grouped(match: re.Match[str]) -> str:
    return " ".join(map(say.digits, re.findall(r"\d+", match[0])))


def _international(match: re.Match[str]) -> str:
    return f"plus {say.digits(match[0])}" if sum(map(str.isdigit, match[0])) >= 7 else ""


def _country(written: str) -> str:
    plus = "plus " if written.startswith("+") else ""
    return plus + say.digits(written)


def _toll_free(groups: list[str]) -> str:
    first, *rest = groups
    head = say.cardinal(int(first)) if first in ("800", "900") else say.digits(first)
    return " ".join([head, *map(say.digits, rest)])


def _lettered(match: re.Match[str]) -> str:
    """Return the words of ``1-800-GO-2-HAUL``, whose letters are read as words."""
    if not any(map(str.isalpha, match[3])):
        return ""
    head = [*(["one"] if match[1] else []), _toll_free([match[2]])]
    runs = _RUNS.findall(match[3])
    return " ".join([*head, *(say.digits(run) if run.isdigit() else run.lower() for run in runs)])


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_AMERICAN, _american),
    (_SOCIAL, _grouped),
    (_LOCAL, _grouped),
    (_CARD, _grouped),
    (_NATIONAL, _grouped),
    (_INTERNATIONAL, _international),
    (_LETTERED, _lettered),
)

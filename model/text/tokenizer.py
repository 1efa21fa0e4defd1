"""What a word that is more than letters is made of: letters, numbers, signs, silence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tanger.model.text import numbers

# What is said for a sign.
_SIGNS = {
    "&": "and", "%": "percent", "@": "at", "#": "hash", "+": "plus", "=": "equals", "°": "degrees",
    "/": "slash", "_": "underscore", "*": "star", "×": "times", "−": "minus", "§": "section",
    "-": "minus", ".": "dot",
}  # fmt: skip
# How the kinds of numbers are said; money is another matter.
_NUMBERS = {
    "ordinal": numbers.ordinal,
    "several": numbers.several,
    "quantity": numbers.number,
    "rank": lambda written: f"number {numbers.number(written)}",
    "number": numbers.year_or_number,
}
_NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
_MONEY = re.escape(numbers.CURRENCIES)
_ALONE = r"(?![^\W\d_])"  # no letter behind
# By the first that fits
_TOKEN = re.compile(
    rf"""
      (?P<minus>(?<![^\s(])[-−](?=[{_MONEY}]?\.?\d))
    | (?P<sign>[{_MONEY}])(?P<amount>{_NUMBER})(?:(?P<scale>{numbers.SCALES}){_ALONE})?
    | (?P<price>{_NUMBER})(?P<unit>[{_MONEY}])
    | (?P<ordinal>\d[\d,]*)(?:st|nd|rd|th){_ALONE}
    | (?P<several>\d+)['’]?s{_ALONE}
    | (?P<quantity>{_NUMBER})(?=[%°])
    | \#(?P<rank>{_NUMBER})
    | (?P<number>{_NUMBER})
    | (?<![^\W_])(?P<initials>(?:[^\W\d_]\.)+[^\W\d_]?){_ALONE}
    | (?P<dot>(?<=[^\W_])\.(?=[^\W_]))
    | (?P<symbol>[&%@#+=°/_*×−§])
    | (?P<joint>[-‐‑‒–—\s]+)
    | (?P<silent>[.,;:!?"()\[\]{{}}“”„«»…¿¡])
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Capitals, and what makes a plural or a possessive of them
_CAPITALS = re.compile("([A-Z]+)(s|['’][sS]?)?")


@dataclass(frozen=True)
class Token:
    """A piece of what was typed.

    Attributes:
        kind: initials are letters by themselves; joints, which stand between others, say nothing.
        text: as it was typed.
        output: English words, or nothing; None for letters, initials and joints.
    """

    kind: Literal["letters", "initials", "number", "sign", "silent", "joint"]
    text: str
    output: str | None = None


def of(typed: str) -> list[Token]:
    """The pieces of a word, in their order; what fits nothing else is letters.

    Args:
        typed: in composed Unicode, its digits in ASCII.
    """
    found: list[Token] = []
    letters = ""
    at = 0
    while at < len(typed):
        match = _TOKEN.match(typed, at)
        if match is None:
            letters += typed[at]
            at += 1
            continue
        if letters:
            found.append(_letters(letters))
            letters = ""
        found.append(_matched(match))
        at = match.end()
    return [*found, _letters(letters)] if letters else found


def capitals(typed: str) -> tuple[str, str]:
    """``BBC's`` -> ``BBC`` and ``'s``; nothing and nothing where it is not in capitals."""
    found = _CAPITALS.fullmatch(typed)
    return (found[1], found[2] or "") if found else ("", "")


def _letters(text: str) -> Token:
    return Token("silent", text, "") if not text.strip("'’") else Token("letters", text)


def _matched(match: re.Match[str]) -> Token:
    text, kind = match[0], match.lastgroup or ""
    if kind == "initials":
        return Token("initials", text)
    if kind == "joint":
        return Token("joint", text)
    if kind == "silent":
        return Token("silent", text, "")
    if kind in ("symbol", "minus", "dot"):
        return Token("sign", text, _SIGNS[text])
    if spoken := _NUMBERS.get(kind):
        return Token("number", text, spoken(match[kind]))
    amount, sign = match["amount"] or match["price"], match["sign"] or match["unit"]
    return Token("number", text, numbers.money(sign, amount, match["scale"] or ""))

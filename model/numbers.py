"""What is written in digits, in American English words: ``42`` is ``forty-two``.

num2words names the numbers; here is what they are written like. It takes a tenth of a second to
import: when the first number comes, or in a service when it starts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

# One as it is said of one, then of several, and of its hundredth part.
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¢": ("cent", "cents", "", ""),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "", ""),
}
CURRENCIES = "".join(_CURRENCIES)
_SCALES = {"K": "thousand", "M": "million", "B": "billion", "BN": "billion", "T": "trillion"}
SCALES = "|".join(sorted(_SCALES, key=len, reverse=True))


def load() -> None:
    """Import what names the numbers, so that the first of them need not wait for it."""
    _words(1, "cardinal")


def number(written: str) -> str:
    """``1,234.5`` as a quantity; with a zero in front, digit by digit."""
    whole, point, fraction = written.replace(",", "").partition(".")
    if len(whole) > 1 and whole.startswith("0"):
        said = _digits(whole)
    else:
        said = _words(int(whole), "cardinal") if whole else ""
    return f"{said} point {_digits(fraction)}".strip() if point else said


def year_or_number(written: str) -> str:
    """``1984`` as a year, which 1100 to 1999 and 2010 to 2099 are taken for; else a quantity."""
    if len(written) == 4 and written.isdigit() and _is_year(int(written)):
        return _words(int(written), "year")
    return number(written)


def ordinal(written: str) -> str:
    """``21`` as it is said of ``21st``."""
    return _words(int(written.replace(",", "")), "ordinal")


def several(written: str) -> str:
    """``1990`` as it is said of ``1990s``."""
    said = year_or_number(written)
    if said.endswith("y"):
        return f"{said[:-1]}ies"
    return said + ("es" if said.endswith("x") else "s")


def money(sign: str, written: str, scale: str = "") -> str:
    """``$5.99`` with its units, ``$5M`` with its scale.

    Args:
        sign: one of `CURRENCIES`.
        written: the amount.
        scale: one of `SCALES`, or nothing.
    """
    one, many, hundredth, hundredths = _CURRENCIES[sign]
    if scale:
        return f"{number(written)} {_SCALES[scale.upper()]} {many}"
    whole, _, fraction = written.replace(",", "").partition(".")
    if len(fraction) != 2 or not hundredth:
        return f"{number(written)} {one if written == '1' else many}"
    parts = [f"{number(whole)} {one if int(whole) == 1 else many}"] if int(whole or "0") else []
    if int(fraction) or not parts:
        unit = hundredth if fraction == "01" else hundredths
        parts.append(f"{_words(int(fraction), 'cardinal')} {unit}")
    return " and ".join(parts)


def _is_year(value: int) -> bool:
    return 1100 <= value <= 1999 or 2010 <= value <= 2099


def _digits(written: str) -> str:
    return " ".join(_words(int(digit), "cardinal") for digit in written)


@lru_cache(maxsize=4096)
def _words(value: int, kind: Literal["cardinal", "ordinal", "year"]) -> str:
    from num2words import num2words

    said: str = num2words(value, lang="en", to=kind)
    return said.replace(",", "").replace(" and ", " ")

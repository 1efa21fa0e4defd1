"""Recognise money, measures, percentages and fractions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from tanger.model.text.reader import formulas, fractions
from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.fractions import Count
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.tables import Tables, Unit
from tanger.model.text.reader.token import SpokenWord

# With commas after thousands, or after hundreds of thousands as in India: 1,50,000
NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d\d)+,\d{3}(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
AMOUNT = re.compile(NUMBER)
_SCIENTIFIC = re.compile(r"(\d{1,3}(?:\.\d{1,15})?)(?:e([-+]?)|E([-+]))(\d{1,3})(?![\w.]|,\d)")
_MAGNITUDE = re.compile(r"[ \xa0-]?([A-Za-z]{1,11})(?![\w])")
_PER = re.compile(r" ?/ ?([A-Za-z]{1,6})(²|³|\^?[23](?!\d))?(?!\w)")
_PER_COUNT = re.compile(rf" ?/ ?({NUMBER}) ?([A-Za-z]{{1,6}})(?!\w)")
_TO = re.compile(rf" ?[-–—] ?([$£€¥]?)({NUMBER})")
_CODE_BEFORE = re.compile(rf"([A-Z]{{3}}|[a-z][a-zł])[ \xa0]?(?={NUMBER})")
_CODE_AFTER = re.compile(r"[ \xa0]?([A-Z]{3}|[a-z][a-zł])(?![\w])")
# Amounts as continental Europe writes them: 1.234,50
_EUROPEAN = re.compile(r"(\d{1,3}(?:\.\d{3})+),(\d\d)(?![\d,.])|(\d{1,3}),(\d\d)(?= ?€)")

_EXPONENTS = {"²": "square", "³": "cubic", "2": "square", "3": "cubic"}
_UNIT = re.compile(
    r"(?P<gap>[ \xa0]?-?)(?P<symbol>fl\.? ?oz|N·m|deg\.? ?[CF]\b|° ?[NSEW]\b|"
    r"[A-Za-zµμΩℓ℃℉°º%‰]{1,5})"
    r"(?P<exponent>[²³]|[23](?![\d.])|\^[23])?(?P<dot>\.(?=\s|$))?"
)
_ROAD = re.compile(r"\b[A-Z]{1,2}-\d{1,3}$")
_LONGEST_ROAD = 7
_ALONE = re.compile(r"([b-df-hj-np-tv-zA-Z]{2,4})(?:/([A-Za-z]{1,6}))?(?![\w/'])")
_ALONE_POWER = re.compile(r"(m|[a-z]{2})([²³])(?!\w)")
_PLURAL = re.compile(r"\d{1,4}s(?!\w)")
_SQUARE = re.compile(r"[ \xa0]?(sq|cu)\.? ?([A-Za-z]{1,3})\b")
_BY = re.compile(rf"({NUMBER})( ?)[x×]( ?)(?={NUMBER})(?!{formulas.POWER_OF_TEN})")


# Pixels, which are read in pairs
_PIXELS = re.compile(r"(\d{3,4})[x×](\d{3,4})(?![\w.]|,\d| ?[A-Za-zµμ]{1,2}\b)")
_PRODUCT_END = re.compile(r"[\d.,]+ ?=")

# A number and a noun before a stroke; and their length
_COUNTED = re.compile(r"\d [a-z]{2,}$")
_COUNT = 30

_POWERS = {"²": " squared", "2": " squared", "³": " cubed", "3": " cubed"}


class _Named(NamedTuple):
    """The end offset of a unit, and its name in words."""

    end: int
    name: str


class _Amount(NamedTuple):
    """The end offset of an amount of money, and the amount in American writing."""

    end: int
    written: str


def money(scan: Scan, at: int) -> Reading | None:
    """Recognise money: ``$5.3 billion``, ``US$76.3 trillion``, ``20€``, ``$50-100``, ``$20/mo``."""
    sign = _sign(scan.tables).match(scan.text, at)
    if sign is not None:
        return _money_before(scan, sign.end(), sign[1])
    code = _CODE_BEFORE.match(scan.text, at)
    if code is not None and code[1] in scan.tables.currencies:
        return _money_before(scan, code.end(), code[1])
    amount = _amount_of_money(scan, at)
    if amount is None:
        return None
    end, magnitude = _magnitude(scan, amount.end)
    sign = _sign(scan.tables).match(scan.text, end)
    after = _CODE_AFTER.match(scan.text, end)
    if sign is not None and not scan.after(sign.end()).isdigit():
        written, end = sign[1], sign.end()
    elif after is not None and after[1] in scan.tables.currencies:
        written, end = after[1], after.end()
    else:
        return None
    return Reading(end, "money", _amount(scan.tables, written, amount.written, magnitude))


def scientific(scan: Scan, at: int) -> Reading | None:
    """Recognise a number in scientific notation: ``6.02e23``, ``1e-9``, ``1E+6``."""
    found = _scientific(scan, at)
    return Reading(found.end, "number", found.spoken) if found else None


def measure(scan: Scan, at: int) -> Reading | None:
    """Recognise a measure: ``12kg``, ``5 km/h``, ``2°C``, ``5%``, ``1/2 mi``, ``2x8 m²``."""
    if scan.before(at) == "-" and _PLURAL.match(scan.text, at):
        return None  # F-35s
    lead = ""
    if pixels := _PIXELS.match(scan.text, at):
        spoken = f"{say.pairs(pixels[1])} by {say.pairs(pixels[2])}"
        return Reading(pixels.end(), "measure", spoken)
    if by := _BY.match(scan.text, at):
        at = by.end()
        sign = "times" if _PRODUCT_END.match(scan.text, at) else "by"
        lead = f"{say.quantity(by[1])} {sign} "
    count = fractions.read(scan, at) or (None if lead else _scientific(scan, at))
    count = count or _count(scan, at, large=not lead)
    if count is None:
        return None
    single = count.single and not lead
    unit = _unit(scan, count, single=single)
    if unit and (
        _qualifies_noun(scan, unit.end + (scan.after(unit.end) == "."))
        or scan.word_before().lower() in ("a", "an")
        or scan.word_after(unit.end) in scan.tables.lists["measured_nouns"]
    ):
        unit = _unit(scan, count, single=True)
    if unit:
        joined = f" of {_article(unit.name)} {unit.name}" if count.part else f" {unit.name}"
        return Reading(unit.end, "measure", f"{lead}{count.spoken}{joined}")
    if not lead or scan.after(count.end).isalnum():
        return None
    return Reading(count.end, "measure", f"{lead}{count.spoken}")


def unit_alone(scan: Scan, at: int) -> Reading | None:
    """Recognise units without a number that cannot be words: ``km``, ``kg``, ``km/h``."""
    if power := _ALONE_POWER.match(scan.text, at):
        unit = scan.tables.units.get(power[1])
        if unit is not None:
            spoken = f"{_EXPONENTS[power[2]]} {unit.many}"
            return Reading(power.end(), "measure", spoken)
    match = _ALONE.match(scan.text, at)
    unit = scan.tables.units.get(match[1]) if match else None
    if match is None or unit is None or match[1].isupper():
        return None
    if formulas.is_element(scan.tables, match[1]):
        return Reading(match.end(1), "alphanumeric", (SpokenWord(match[1].upper(), letters=True),))
    below = scan.tables.units.get(match[2]) if match[2] else None
    if match[2] and below is None:
        return None
    return Reading(match.end(), "measure", unit.many + (f" per {below.one}" if below else ""))


def per_word(scan: Scan, at: int) -> Reading | None:
    """Recognise a stroke with a unit, after a number and a noun: ``50 words/min``."""
    per = _PER.match(scan.text, at)
    if per is None or per[1] not in scan.tables.lists["units_per"]:
        return None
    if not _COUNTED.search(scan.text, max(0, at - _COUNT), at):
        return None
    unit = scan.tables.units.get(per[1])
    return Reading(per.end(), "sign", f"per {unit.one if unit else per[1]}")


def per_unit(scan: Scan, at: int) -> Reading | None:
    """Recognise a number per unit: ``12/kg``."""
    amount = AMOUNT.match(scan.text, at)
    per = _PER.match(scan.text, amount.end()) if amount else None
    if amount is None or per is None:
        return None
    unit = scan.tables.units.get(per[1])
    if unit is None or (len(per[1]) == 1 and per[1] not in scan.tables.lists["units_per"]):
        return None
    return Reading(per.end(), "measure", f"{say.quantity(amount[0])} per {unit.one}")


# ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _sign(tables: Tables) -> re.Pattern[str]:
    """Return a pattern for currency signs that are not only letters."""
    signs = [sign for sign in tables.currencies if not sign.isalpha()]
    longest_first = sorted(signs, key=len, reverse=True)
    return re.compile(rf"[ \xa0]?({'|'.join(map(re.escape, longest_first))})")


def _money_before(scan: Scan, at: int, sign: str) -> Reading | None:
    at += scan.after(at) in (" ", "\xa0")
    negative = scan.after(at) == "-" and scan.before(at) != "-"
    amount = _amount_of_money(scan, at + negative)
    if amount is None:
        return None
    end, magnitude = _magnitude(scan, amount.end)
    tables = scan.tables
    to = _TO.match(scan.text, end)
    last, scale = _magnitude(scan, to.end()) if to else (end, "")
    # $50-75, and $1-$2 million, whose first amount is in millions too
    joined = to is not None and (not to[1] or (to[1] == sign and scale and not magnitude))
    if to is not None and joined and not scan.after(last).isalnum():
        low = say.quantity(amount.written) + (f" {magnitude}" if magnitude else "")
        single = _qualifies_noun(scan, last)
        spoken = f"{low} to {_amount(tables, sign, to[2], scale, single=single)}"
        return Reading(last, "range", spoken)
    single = scan.word_before().lower() in ("a", "an") or _qualifies_noun(scan, end)
    spoken = ("minus " if negative else "") + _amount(
        tables, sign, amount.written, magnitude, single=single
    )
    if per := _PER.match(scan.text, end):
        unit = tables.units.get(per[1])
        known = per[1] in tables.lists["units_per"] or (per[1].islower() and len(per[1]) > 2)
        name = unit.one if unit else per[1] if known else ""
        if name:
            return Reading(per.end(), "money", f"{spoken} per {name}")
    return Reading(end, "money", spoken)


def _qualifies_noun(scan: Scan, end: int) -> bool:
    """Return whether a quantity qualifies a noun: ``the $3 coffee``, ``my 5 kg bag``.

    So it does between a determiner or a possessive, perhaps with an adjective, and a word that can
    be a noun.
    """
    lists = scan.tables.lists
    first, second = [*(word.lower() for word in scan.words_before(2)), "", ""][:2]
    determined = first in lists["determiners"] or (
        first in lists["qualifiers"] and second in lists["determiners"]
    )
    if not determined and (not first.endswith("'s") or first in lists["function_words"]):
        return False
    following = scan.word_after(end)
    return (
        len(following) > 2
        and following.islower()
        and not following.endswith(("ed", "ly"))
        and following not in lists["function_words"]
        and following not in lists["after_amount"]
    )


def _amount_of_money(scan: Scan, at: int) -> _Amount | None:
    """Recognise an amount, in American writing or in that of continental Europe."""
    if european := _EUROPEAN.match(scan.text, at):
        whole, cents = european[1] or european[3], european[2] or european[4]
        return _Amount(european.end(), f"{whole.replace('.', '')}.{cents}")
    match = AMOUNT.match(scan.text, at)
    return None if match is None else _Amount(match.end(), match[0])


def _magnitude(scan: Scan, at: int, *, words_only: bool = False) -> tuple[int, str]:
    """Return the end offset and the words of a magnitude, thousand to trillion, after an amount."""
    match = _MAGNITUDE.match(scan.text, at)
    if match is None or (words_only and len(match[1]) < 4):
        return at, ""
    spoken = scan.tables.magnitudes.get(match[1].lower())
    # "$5 m" means millions, but "$5 t" is unlikely to mean trillions
    return (match.end(), spoken) if spoken else (at, "")


def _amount(
    tables: Tables, sign: str, written: str, magnitude: str, *, single: bool = False
) -> str:
    """Return an amount of money in words; `single` if it qualifies a noun."""
    currency = tables.currencies[sign]
    if single:
        currency = currency._replace(many=currency.one, hundredths=currency.hundredth)
    if magnitude:
        return f"{say.quantity(written)} {magnitude} {currency.many}"
    whole, _, cents = written.replace(",", "").partition(".")
    cents = cents[:2] + cents[2:].rstrip("0")
    if len(cents) > 2 or (cents.strip("0") and not currency.hundredth):
        return f"{say.quantity(written)} {currency.many}"
    units, hundredths = int(whole or "0"), int(cents.ljust(2, "0"))
    parts = []
    if units or not hundredths:
        amount = say.cardinal(units) if units < 10**say.MAX_DIGITS else say.digits(whole)
        parts.append(f"{amount} {currency.one if units == 1 else currency.many}")
    if hundredths:
        name = currency.hundredth if hundredths == 1 else currency.hundredths
        parts.append(f"{say.cardinal(hundredths)} {name}")
    return " ".join(parts)


def _count(scan: Scan, at: int, *, large: bool) -> Count | None:
    """Recognise a number, including a magnitude such as millions if `large`."""
    amount = AMOUNT.match(scan.text, at)
    if amount is None:
        return None
    end, magnitude = amount.end(), ""
    if large:
        end, magnitude = _magnitude(scan, end, words_only=True)
    spoken = f"{say.quantity(amount[0])} {magnitude}".strip()
    return Count(end, spoken, single=amount[0] == "1" and not magnitude)


def _scientific(scan: Scan, at: int) -> Count | None:
    match = _SCIENTIFIC.match(scan.text, at)
    if match is None:
        return None
    minus = "minus " if "-" in (match[2], match[3]) else ""
    exponent = int(match[4])
    power = say.cardinal(exponent) if minus or not exponent else say.ordinal(exponent)
    return Count(match.end(), f"{say.quantity(match[1])} times ten to the {minus}{power}")


def _unit(scan: Scan, count: Count, *, single: bool) -> _Named | None:
    """Return the unit after a number, if any."""
    if square := _SQUARE.match(scan.text, count.end):
        unit = scan.tables.units.get(square[2])
        if unit is not None:
            kind = "square" if square[1] == "sq" else "cubic"
            return _Named(square.end(), f"{kind} {numbered(unit, single=single)}")
    match = _UNIT.match(scan.text, count.end)
    symbol = match["symbol"] if match else ""
    if symbol.startswith("deg") and len(symbol) > len("deg"):
        symbol = f"°{symbol[-1]}"
    symbol = "floz" if symbol.startswith("fl") else symbol.replace(" ", "")
    unit = scan.tables.units.get(symbol)
    if match is None or unit is None or not _belongs(scan, match, unit):
        return None
    gap, exponent, dot = match["gap"], match["exponent"], match["dot"]
    abbreviated = dot and gap and unit.spaced == "dot"
    end = match.end() if abbreviated else match.end() - len(dot or "")
    name = numbered(unit, single=single or gap == "-" or count.part)
    if exponent:
        name = f"{_EXPONENTS[exponent[-1]]} {name}"
    return _rate(scan, _Named(end, name))


def _rate(scan: Scan, unit: _Named) -> _Named:
    """Return a unit with those that it is divided by: ``mg/kg/day``, ``mg/5 mL``."""
    units = scan.tables.units
    if (count := _PER_COUNT.match(scan.text, unit.end)) and (below := units.get(count[2])):
        return _Named(count.end(), f"{unit.name} per {say.quantity(count[1])} {below.many}")
    while per := _PER.match(scan.text, unit.end):
        below = units.get(per[1])
        written_out = per[1] if per[1] in scan.tables.lists["units_per"] else ""
        if not (one := below.one if below else written_out):
            break
        power = _POWERS.get((per[2] or "")[-1:], "")
        unit = _Named(per.end(), f"{unit.name} per {one}{power}")
    return unit


def _belongs(scan: Scan, match: re.Match[str], unit: Unit) -> bool:
    """Return whether a symbol after a number is its unit, by the gap and what follows."""
    gap = match["gap"]
    odds = match["symbol"] == "in" and gap == "-" and scan.after(match.end()) == "-"  # *1-in-4*
    if odds or scan.after(match.end()).isalnum() or gap.startswith((" -", "\xa0-")):
        return False
    start = match.start()
    if gap and _ROAD.search(scan.text, max(0, start - _LONGEST_ROAD), start):  # *I-80 W*
        return False
    numbered = scan.word_before().lower() in scan.tables.lists["lettered_numbers"]
    if numbered and not gap and len(match["symbol"]) == 1:  # *seat 23A*
        return False
    if unit.spaced == "alone":
        following = scan.word_after(match.end()).lower()
        return gap != "" and (not following or following in scan.tables.lists["function_words"])
    if gap in (" ", "\xa0"):
        return unit.spaced == "yes" or (unit.spaced == "dot" and match["dot"] is not None)
    return True


def numbered(unit: Unit, *, single: bool) -> str:
    """Return the name of a unit in the singular or the plural."""
    return unit.one if single else unit.many


def _article(word: str) -> str:
    return "an" if word[0] in "aeio" or word == "hour" else "a"

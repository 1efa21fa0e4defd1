"""Recognise plain numbers: cardinals, ordinals, years, ranges, Roman numerals, versions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import takewhile

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.quantities import NUMBER
from tanger.model.text.reader.scan import Reading, Scan

_NUMBER = re.compile(NUMBER)
_GROUPED = re.compile(r"\d{1,3}(?:(?: \d{3}){2,}|(?:[\xa0\u202f\u2009]\d{3})+)(?!\d)")
_ORDINAL = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:(st|nd|rd|th|ST|ND|RD|TH)(?![A-Za-z])|[ºª])")
_LEGAL_ORDINAL = re.compile(r"(\d{0,2}[23])d(?!\w)")
_VERSION = re.compile(r"(\d{1,6}(?:\.\d{1,6}){2,})(?![\w])(?:([:/])(\d{1,5})(?!\w))?")
_SCALED = re.compile(rf"(?=\d\d|\d*\.\d|\dM)({NUMBER})([MBT]|bn|mn|tn)(?![\w])")
_TIMES = re.compile(rf"({NUMBER})[x×](?= [a-z])")
_RATIO = re.compile(r"(\d{1,4}):(\d{1,3}(?:,\d{3})+|\d{1,6})(?![\w:]|,\d)")
_MEMBERS = re.compile(r"(\d\d)ers(?!\w)")
_DASH = re.compile(r"( ?)[-–—]( ?)(?=[$£€¥'.\d])")
_ROMAN = re.compile(r"[IVXLCDM]{1,9}(?!\w|'[^s\W])|[ivxlcdm]{1,9}(?!\w)")
# Numerals that belong to one before them: I and II, IV-VI
_MORE_ROMAN = re.compile(r"(?: (?:and|to|or|&) |, ?|[-–])([IVXL]{1,9}|[ivxl]{1,9})(?!\w)")
_JOINS_ROMANS = frozenset({",", "and", "or", "to", "&"})
_ROMAN_ITEM = re.compile(r"[ivx]{2,5}(?=\))")
_ROMAN_SIGN = re.compile("[Ⅰ-ⅿ]+")
_THOUSANDS = re.compile(r"\d{1,3}[kK](?!\w)")
_CHAIN = re.compile(r"[-/]?\w")
_EQUALS = re.compile(r"\s?=")
_PLURAL_AFTER = re.compile(r" [a-z]{2,}s\b")
_UNTIL_NOW = re.compile(r" ?[-–—] ?(?=(?:present|now|today)\b)")
_PAIR = r"\d{1,3}[-–]\d{1,3}(?: \(\d{1,2}[-–]\d{1,2}\))?"
_PAIRS_BEFORE = re.compile(rf"(?:{_PAIR}, )+$")
_PAIRS_AFTER = re.compile(rf"(?: \(\d{{1,2}}[-–]\d{{1,2}}\))?(?:, {_PAIR})+")
_SCORE = re.compile(r"(\d+)[-–](\d+)")
_NAME_AND_BRACKET = re.compile(r"\b[A-Z]\w+ \($")
# Characters before and after a pair of numbers in which others tell that it is a score
_AMONG = 60

_LAST_HOUR = 12

# Kinds that the second number of a range may have, by the kind of the first.
_RANGES: dict[str, frozenset[str]] = {
    "number": frozenset({"number", "measure", "year", "time", "money"}),
    "year": frozenset({"year", "number", "measure"}),
    "time": frozenset({"time", "number"}),
    "money": frozenset({"money"}),
    "measure": frozenset({"measure"}),
    "fraction": frozenset({"fraction", "measure", "number"}),
    "date": frozenset({"date"}),
    "ordinal": frozenset({"ordinal"}),
}

_VERSE = re.compile(
    r"(?:([1-3]) )?([A-Z][a-z]{1,13})(\.?) ([1-9]\d{0,2}):([1-9]\d{0,2})(?: ?[-–] ?(\d{1,3}))?"
    r"(?![\d:]| ?[ap]\.?m)"
)


def ordinal(scan: Scan, at: int) -> Reading | None:
    """Recognise an ordinal: ``23rd``, ``1,000th``, ``1º``; not ``1th``."""
    match = _ORDINAL.match(scan.text, at)
    if match is None:
        return _legal_ordinal(scan, at)
    plain = match[1].replace(",", "")
    if len(plain) > say.MAX_DIGITS or (match[2] and match[2].lower() != _suffix(plain)):
        return None
    return Reading(match.end(), "ordinal", say.ordinal(int(plain)))


def members(scan: Scan, at: int) -> Reading | None:
    """Recognise the members of a team or a movement: ``49ers``, ``the 48ers``."""
    match = _MEMBERS.match(scan.text, at)
    if match is None:
        return None
    return Reading(match.end(), "number", say.cardinal(int(match[1])).removesuffix("e") + "ers")


def _legal_ordinal(scan: Scan, at: int) -> Reading | None:
    """Recognise a legal ordinal: ``the 22d Congress``, ``3d of May``; not ``a 3d printer``."""
    match = _LEGAL_ORDINAL.match(scan.text, at)
    if match is None:
        return None
    following = scan.word_after(match.end())
    if len(match[1]) < 2 and not (following[:1].isupper() or following in ("day", "of")):
        return None
    return Reading(match.end(), "ordinal", say.ordinal(int(match[1])))


def grouped(scan: Scan, at: int) -> Reading | None:
    """Recognise digits grouped by spaces: ``1 000 000``."""
    match = _GROUPED.match(scan.text, at)
    if match is None:
        return None
    return Reading(match.end(), "number", say.quantity(",".join(re.split(r"\D", match[0]))))


def scaled(scan: Scan, at: int) -> Reading | None:
    """Recognise a number with a magnitude: ``5M``, ``1.5B``, ``3bn``; not ``Room 101B``."""
    match = _SCALED.match(scan.text, at)
    if match is None or scan.word_before().lower() in scan.tables.lists["lettered_numbers"]:
        return None
    magnitude = scan.tables.magnitudes[match[2].lower()]
    return Reading(match.end(), "number", f"{say.quantity(match[1])} {magnitude}")


def times(scan: Scan, at: int) -> Reading | None:
    """Recognise a factor before a comparison: ``10x faster``, ``2x as many``."""
    match = _TIMES.match(scan.text, at)
    following = scan.word_after(match.end()) if match else ""
    if match is None or following not in scan.tables.lists["compared"]:
        return None
    return Reading(match.end(), "number", f"{say.quantity(match[1])} times")


def version(scan: Scan, at: int) -> Reading | None:
    """Recognise a version, ``3.11.2``, read with "point", or IP address, read with "dot"."""
    match = _VERSION.match(scan.text, at)
    if match is None:
        return None
    groups = match[1].split(".")
    if len(groups) == 4 and all(int(group) < 256 for group in groups):
        spoken = " dot ".join(map(say.digits, groups))
        if match[2] == "/":
            spoken += f" slash {say.quantity(match[3])}"
        elif match[2]:
            spoken += f" colon {say.digits(match[3])}"
        return Reading(match.end(), "electronic", spoken)
    return Reading(match.end(1), "number", " point ".join(map(say.quantity, groups)))


def ratio(scan: Scan, at: int) -> Reading | None:
    """Recognise a ratio, ``16:9``, ``3:1``, or chapter and verse after a book: ``Job 3:1``."""
    match = _RATIO.match(scan.text, at)
    if match is None:
        return None
    book = scan.word_before()
    colon = "" if book[:1].isupper() and book.lower() in scan.tables.books else "to "
    return Reading(
        match.end(), "number", f"{say.quantity(match[1])} {colon}{say.quantity(match[2])}"
    )


def number(scan: Scan, at: int) -> Reading | None:
    """Recognise any other number as a year, code or quantity, by its context."""
    match = _NUMBER.match(scan.text, at)
    if match is None:
        return None
    written, end = match[0], match.end()
    if not written.isdigit():
        return Reading(end, "number", say.quantity(written))
    before = [word.lower() for word in scan.words_before(2)]
    if _is_year(scan, written, before, end):
        return Reading(end, "year", say.year(int(written)))
    if 3 <= len(written) <= 4 and _is_model(scan, at, before):
        spoken = say.pairs(written)
    elif written in scan.tables.lists["hotlines"] and not _PLURAL_AFTER.match(scan.text, end):
        spoken = say.digits(written)
    elif written == "101" and _is_course(scan):
        spoken = say.pairs(written)
    elif len(written) >= 5 and scan.before(at) in ("-", "/"):
        spoken = say.digits(written)
    else:
        spoken = say.quantity(written)
    return Reading(end, "number", spoken)


def range_from(
    scan: Scan, at: int, first: Reading, read: Callable[[Scan, int], Reading | None]
) -> Reading | None:
    """Recognise a range that begins with `first`: ``2-5lb``, ``1980-1986``, ``5pm-7 pm``.

    Args:
        scan: state of reading.
        at: offset of the first number.
        first: reading of the first number.
        read: recogniser of numbers of any kind.
    """
    if first.kind == "year" and (now := _UNTIL_NOW.match(scan.text, first.end)):
        return Reading(now.end(), "range", (*first.words, *Reading(0, "range", "to").words))
    allowed = _RANGES.get(first.kind)
    dash = _DASH.match(scan.text, first.end)
    if allowed is None or dash is None or dash[1] != dash[2] or scan.before(at) in ("-", "/"):
        return None
    second = read(scan, dash.end())
    thousands = first.kind == "number" and _THOUSANDS.match(scan.text, dash.end())
    if second is None or not (second.kind in allowed or thousands):
        return None
    if _CHAIN.match(scan.text, second.end) or _EQUALS.match(scan.text, second.end):
        return None
    low, high = _value(scan.text, at), _value(scan.text, dash.end())
    if first.kind == "year" and second.kind == "number" and dash.end() + 2 == second.end:
        high += 100 * (low // 100)  # 1990-91
    plain = first.kind in ("number", "year") and second.kind not in ("time", "measure")
    if plain and max(low, high) <= _LAST_HOUR and _are_hours(scan, at, low, high):
        plain = False
    if plain and (low >= high or _among_scores(scan.text, at, second.end)):
        return None
    if first.kind == "year" and second.kind == "measure":
        first = first._replace(spoken=say.quantity(scan.text[at : first.end]))
    if first.kind == "year" and second.end == dash.end() + 2:
        second = second._replace(spoken=say.two_digits(int(scan.text[dash.end() : second.end])))
    words = (*first.words, *Reading(0, "range", "to").words, *second.words)
    return Reading(second.end, "range", words)


def verse(scan: Scan, at: int) -> Reading | None:
    """Recognise a reference to the Bible: ``Gen. 1:1``, ``1 Cor 13:4-7``; not ``Dan 5:30``."""
    match = _VERSE.match(scan.text, at)
    name = scan.tables.books.get(match[2].lower()) if match else None
    if match is None or name is None:
        return None
    book, written, dot, chapter, first, last = match.groups()
    if not (book or dot or written.lower() == name):  # people are called Dan, Sam and Phil
        return None
    spoken = f"{name} {say.cardinal(int(chapter))} {say.cardinal(int(first))}"
    if book:
        spoken = f"{say.ordinal(int(book))} {spoken}"
    if last:
        spoken += f" to {say.cardinal(int(last))}"
    return Reading(match.end(), "number", spoken)


def roman_item(scan: Scan, at: int) -> Reading | None:
    """Recognise a Roman numeral that counts an item in a text: ``(iii)``."""
    match = _ROMAN_ITEM.match(scan.text, at)
    value = say.roman_value(match[0].upper()) if match and scan.before(at) == "(" else 0
    return Reading(match.end(), "roman", say.cardinal(value)) if match and value else None


def roman(scan: Scan, at: int) -> Reading | None:
    """Recognise a Roman numeral: ``Henry VIII``, ``act ii``; not ``I``, ``mix``."""
    if sign := _ROMAN_SIGN.match(scan.source, at):
        value = say.roman_value(unicodedata.normalize("NFKC", sign[0]).upper())
        return Reading(sign.end(), "roman", say.cardinal(value)) if value else None
    match = _ROMAN.match(scan.text, at)
    value = say.roman_value(match[0].upper()) if match else 0
    if match is None or not value:
        return None
    before = scan.words_before(2)
    nearest = before[0].rstrip(".") if before else ""
    following = scan.word_after(match.end())
    lists = scan.tables.lists
    lone = match[0] == "I" and following != ""
    if nearest[:1].isupper() and nearest.lower() in lists["numbered_one"]:
        lone = False
    if several := _several_romans(scan, nearest.lower(), match.end(), value):
        return several
    if nearest.lower() in lists["numbered"] and (match[0].islower() or match[0] not in "CDLM"):
        spoken = (
            "" if lone and following not in lists["after_numbered_one"] else say.cardinal(value)
        )
    elif len(match[0]) > 1 and match[0].isupper() and following.lower() in lists["ordinal_before"]:
        spoken = say.ordinal(value)
    elif len(match[0]) > 4 and match[0].isupper() and 1500 < value < 2100:
        spoken = say.year(value)
    elif match[0].islower() or not nearest[:1].isupper() or value >= 40:
        spoken = ""
    elif nearest in lists["regnal"]:
        other = lone and following not in lists["after_regnal_one"]
        spoken = "" if other else f"the {say.ordinal(value)}"
    else:
        spoken = _after_any_name(scan, match[0], value, before, following)
    return Reading(match.end(), "roman", spoken) if spoken else None


def _several_romans(scan: Scan, noun: str, end: int, value: int) -> Reading | None:
    """Read a numeral with others: both of ``chapters IV-VI``, one of ``parts II, III and IV``."""
    numbered = scan.tables.lists["numbered"]
    many = noun.removesuffix("s") in numbered and noun not in numbered
    if (more := _MORE_ROMAN.match(scan.text, end)) and (many or noun in numbered):
        last = say.roman_value(more[1].upper())
        if more[0][0] in "-–" and value < last:
            return Reading(more.end(), "range", f"{say.cardinal(value)} to {say.cardinal(last)}")
        if last and many:
            return Reading(end, "roman", say.cardinal(value))
    earlier = [token for token in scan.tokens[-6:] if token.kind != "space"]
    joining = list(takewhile(lambda token: token.text in _JOINS_ROMANS, reversed(earlier)))
    if not joining or len(joining) == len(earlier):
        return None
    first = earlier[-len(joining) - 1]
    counted = first.kind == "roman" and not first.spoken.startswith("the ")
    if counted and 1 < value < 90:  # not the I of "part I and I", nor "part ii, mix"
        return Reading(end, "roman", say.cardinal(value))
    return None


def _after_any_name(
    scan: Scan, written: str, value: int, before: Sequence[str], following: str
) -> str:
    """Read a numeral after a name: ``Rocky II``, ``John Smith III``; empty for likely letters."""
    lists = scan.tables.lists
    if len(written) < 2 or written in lists["not_roman"] or following in lists["infused_nouns"]:
        return ""
    if before[0].isupper() and set(written) != {"I"}:
        return ""
    if any(word in lists["given_names"] for word in before):
        return f"the {say.ordinal(value)}"
    return "" if _begins_sentence(scan, before) else say.cardinal(value)


# ------------------------------------------------------------------------------------------------


def _suffix(digits: str) -> str:
    if digits[-2:] in ("11", "12", "13"):
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(digits[-1], "th")


def _value(text: str, at: int) -> float:
    match = _NUMBER.search(text, at, at + 40)
    return float(match[0].replace(",", "")) if match else 0.0


def _are_hours(scan: Scan, at: int, low: float, high: float) -> bool:
    """Return whether two numbers are opening hours: ``Sat 10-2``, ``work 9-5``."""
    usual = (low, high) == (9, 5) and scan.before(at) != "("
    return usual or scan.last_spoken() in scan.tables.lists["weekdays"]


def _among_scores(text: str, at: int, end: int) -> bool:
    """Return whether a pair of numbers is a score although it rises.

    That is so among pairs of which one falls, ``6-4, 3-6``, and in brackets after a name.
    """
    if text[at - 1 : at] == "(" and text[end : end + 1] == ")":
        return _NAME_AND_BRACKET.search(text, max(0, at - _AMONG), at) is not None
    before = _PAIRS_BEFORE.search(text, max(0, at - _AMONG), at)
    after = _PAIRS_AFTER.match(text, end, end + _AMONG)
    around = (before[0] if before else "") + (after[0] if after else "")
    return any(int(left) > int(right) for left, right in _SCORE.findall(around))


def _is_course(scan: Scan) -> bool:
    """Return whether the previous word is a subject or a road: ``Economics 101``, ``US 101``."""
    before = scan.words_before(1)
    return bool(before) and before[0][:1].isupper() and not _begins_sentence(scan, before)


def _counts(scan: Scan, written: str, before: Sequence[str], end: int) -> bool:
    """Return whether four digits count what follows: ``1500 people``; not ``1984 elections``."""
    lists = scan.tables.lists
    if before and before[0] in lists["year_words"]:
        return False
    following = scan.word_after(end)
    if following in lists["plurals"]:
        return True
    if not written.endswith(("00", "50")) or 1900 <= int(written) < 2050:
        return False
    return (
        len(following) > 3
        and following.islower()
        and following.endswith("s")
        and not following.endswith("ss")
        and following not in lists["singular_s"]
    )


def _is_model(scan: Scan, at: int, before: Sequence[str]) -> bool:
    """Return whether a number names a model, and is read in pairs: ``Boeing 747``, ``F-150``."""
    if scan.before(at) == "-":
        return scan.before(at - 1).isupper() and not scan.before(at - 2).isalnum()
    names = scan.tables.lists["model_words"]
    return bool(before) and (before[0] in names or "flight" in before[1:])


def _is_year(scan: Scan, written: str, before: Sequence[str], end: int) -> bool:
    """Return whether a number is a year: ``1984``, ``in 1066``, ``AD 1066``."""
    if len(written) != 4:
        return False
    if say.is_year(int(written)):
        return not _counts(scan, written, before, end)
    eras = scan.tables.lists["eras"]
    dated = bool(before) and before[0] in ("in", *eras)
    return 1000 < int(written) < 1100 and (dated or scan.word_after(end).lower() in eras)


def _begins_sentence(scan: Scan, before: Sequence[str]) -> bool:
    """Return whether the previous word is an ordinary one, capitalised to begin a sentence."""
    return len(before) < 2 and before[0].lower() in scan.tables.lists["function_words"]

"""Read the content of SSML's element ``say-as`` (https://www.w3.org/TR/ssml-sayas/)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.tables import Tables
from tanger.model.text.reader.token import Kind, SpokenWord, spoken_words

# Kinds without special treatment, which the text reader recognises by their form.
AS_USUAL = frozenset(
    {"address", "currency", "duration", "fraction", "measure", "money", "unit", "vxml:currency"}
)

_NUMBER = re.compile(r"([-−+]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?")
_ORDINAL = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)?", re.I)
_FIELDS = re.compile(r"\d+|[A-Za-z]+")
_CLOCK = re.compile(
    r"(\d{1,2})(?:[:.](\d{2}))?(?:[:.](\d{2}))?\s*(?:([aApP])\.?[mM]?\.?)?\s*", re.ASCII
)
_SIGNS = {"-": "minus ", "−": "minus ", "+": "plus "}


class Interpretation(NamedTuple):
    """The kind of a content, and its words."""

    kind: Kind
    words: tuple[SpokenWord, ...]


def read(text: str, interpret_as: str, format: str, tables: Tables) -> Interpretation | None:
    """Read a content by the attributes of its element; None if it is not of that kind.

    Args:
        text: content without surrounding space.
        interpret_as: value of ``interpret-as``, one of `KINDS`.
        format: value of ``format``; for dates, the order of year, month and day.
        tables: tables of the language.
    """
    return KINDS[interpret_as](text, format.lower(), tables)


def _characters(text: str, format: str, tables: Tables) -> Interpretation | None:
    words: list[SpokenWord] = []
    for character in text:
        if character.isdecimal():
            words += spoken_words(say.digits(character))
        elif character.isalpha():
            words.append(SpokenWord(character.upper(), letters=True))
        elif not character.isspace():
            words += spoken_words(_NAMES.get(character) or tables.signs.get(character, ""))
    kind: Kind = "acronym" if all(word.letters for word in words) else "alphanumeric"
    return Interpretation(kind, tuple(words)) if words else None


def _digits(text: str, format: str, tables: Tables) -> Interpretation | None:
    spoken = say.digits(text)
    return (
        Interpretation("number", spoken_words(spoken))
        if spoken and not _has_letters(text)
        else None
    )


def _cardinal(text: str, format: str, tables: Tables) -> Interpretation | None:
    if value := say.roman_value(text):
        return Interpretation("roman", spoken_words(say.cardinal(value)))
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, decimals = match.groups()
    spoken = f"{_SIGNS.get(sign, '')}{say.quantity(whole.replace(',', '') + (decimals or ''))}"
    return Interpretation("number", spoken_words(spoken))


def _ordinal(text: str, format: str, tables: Tables) -> Interpretation | None:
    if value := say.roman_value(text):
        return Interpretation("roman", spoken_words(say.ordinal(value)))
    match = _ORDINAL.fullmatch(text)
    if match is None or len(match[1]) > say.MAX_DIGITS:
        return None
    return Interpretation("ordinal", spoken_words(say.ordinal(int(match[1].replace(",", "")))))


def _date(text: str, format: str, tables: Tables) -> Interpretation | None:
    """Read a date by its format, such as ``dmy``; by default in the American order."""
    fields = _FIELDS.findall(text)
    order = re.sub(r"(.)\1+", r"\1", format) or {3: "mdy", 2: "md", 1: "y"}.get(len(fields), "")
    if not format and len(fields) == 3 and len(fields[0]) == 4:
        order = "ymd"
    if len(order) != len(fields) or not order or set(order) - set("ymd"):
        return None
    found = dict(zip(order, fields, strict=True))
    month = _month(found["m"], tables) if "m" in found else ""
    year, day = found.get("y", "1"), found.get("d", "1")
    if month is None or not (year.isdigit() and len(year) <= 4 and day.isdigit()):
        return None
    if not 1 <= int(day) <= 31:
        return None
    spoken = [month]
    if "d" in found:
        spoken.append(say.ordinal(int(day)))
        if order.startswith("d") and month:
            spoken = [f"the {spoken[1]} of", month]
    if "y" in found:
        spoken.append(say.year(int(year)) if len(year) == 4 else say.two_digits(int(year)))
    return Interpretation("date", spoken_words(" ".join(spoken)))


def _month(written: str, tables: Tables) -> str | None:
    names = dict(tables.months.values())
    if written.isdigit():
        return names.get(int(written)) if len(written) <= 2 else None
    found = tables.months.get(written.lower())
    return None if found is None else found[1]


def _time(text: str, format: str, tables: Tables) -> Interpretation | None:
    """Read a time of day; with the format ``hms24``, hours go up to 24."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(match[place] or 0) for place in (1, 2, 3))
    if hour > 24 or minute > 59 or second > 59 or (match[4] and not 1 <= hour <= 12):
        return None
    spoken = [say.cardinal(hour)]
    if minute:
        spoken.append(say.two_digits(minute))
    elif not match[4]:
        spoken.append("hundred" if hour > 12 or format == "hms24" else "o'clock")
    if match[3]:
        seconds = f"and {say.cardinal(second)} second" + ("" if second == 1 else "s")
        spoken.append(seconds)
    if match[4]:
        spoken.append(f"{match[4].upper()}M")
    return Interpretation("time", spoken_words(" ".join(spoken)))


def _telephone(text: str, format: str, tables: Tables) -> Interpretation | None:
    words: list[SpokenWord] = []
    for run in re.findall(r"\d+|[A-Za-z]+|\+", text):
        if run == "+":
            words += spoken_words("plus")
        elif run.isdigit():
            words += spoken_words(say.digits(run))
        elif run.lower() in ("ext", "x", "extension"):
            words += spoken_words("extension")
        else:
            words.append(SpokenWord(run.lower()))
    return Interpretation("telephone", tuple(words)) if any(map(str.isdigit, text)) else None


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))


# Names of punctuation marks, for reading character by character.
_NAMES: Mapping[str, str] = {
    ".": "dot", ",": "comma", "-": "dash", "_": "underscore", "/": "slash", "\\": "backslash",
    ":": "colon", ";": "semicolon", "!": "exclamation mark", "?": "question mark",
    "'": "apostrophe", '"': "quote", "(": "open parenthesis", ")": "close parenthesis",
}  # fmt: skip

KINDS: Mapping[str, Callable[[str, str, Tables], Interpretation | None]] = {
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
    "digits": _digits,
    "number": _cardinal,
    "cardinal": _cardinal,
    "ordinal": _ordinal,
    "date": _date,
    "time": _time,
    "telephone": _telephone,
}

"""Write numbers as American English words: ``1984`` as ``nineteen eighty four``.

All functions return words separated by spaces, without hyphens or "and".
"""

from __future__ import annotations

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = (
    "_ thousand million billion trillion quadrillion quintillion sextillion septillion octillion "
    "nonillion decillion"
).split()
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
# Maximum digits of `cardinal`; longer numbers are read digit by digit.
MAX_DIGITS = 3 * len(_SCALES)
# Maximum digits without separators that are read as a quantity.
_UNGROUPED = 6


def cardinal(value: int) -> str:
    """Return a cardinal number of at most `MAX_DIGITS` digits in words."""
    if value < 20:
        return _UNITS[value]
    if value < 100:
        tens, unit = divmod(value, 10)
        return f"{_TENS[tens]} {_UNITS[unit]}" if unit else _TENS[tens]
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{_UNITS[hundreds]} hundred" + (f" {cardinal(rest)}" if rest else "")
    parts: list[str] = []
    scale = 0
    while value:
        value, group = divmod(value, 1000)
        if group:
            parts.append(f"{cardinal(group)} {_SCALES[scale]}" if scale else cardinal(group))
        scale += 1
    return " ".join(reversed(parts))


def ordinal(value: int) -> str:
    """Return an ordinal number in words: ``twenty first``."""
    return to_ordinal(cardinal(value))


def to_ordinal(words: str) -> str:
    """Convert a cardinal in words to an ordinal."""
    head, _, last = words.rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = f"{last[:-1]}ieth"
    else:
        last += "th"
    return f"{head} {last}".strip()


def digits(written: str) -> str:
    """Return the digits in `written` one by one; other characters are ignored."""
    return " ".join(_UNITS[int(character)] for character in written if character.isdecimal())


def quantity(written: str) -> str:
    """Return a number with or without separators and decimals: ``1,234.5``, ``.5``, ``007``.

    Seven and more digits without separators are read one by one, unless they end in three zeros,
    because they usually identify something rather than count it.
    """
    whole, point, fraction = written.partition(".")
    plain = "".join(filter(str.isdecimal, whole))
    if not plain:
        spoken = ""
    elif (
        (len(plain) > 1 and plain[0] == "0")
        or len(plain) > MAX_DIGITS
        or (len(plain) == len(whole) > _UNGROUPED and not plain.endswith("000"))
    ):
        spoken = digits(plain)
    else:
        spoken = cardinal(int(plain))
    return f"{spoken} point {digits(fraction)}".strip() if point and fraction else spoken


def is_year(value: int) -> bool:
    """Return whether a four-digit number without context is more likely a year than a quantity."""
    return 1100 <= value < 2100


def year(value: int) -> str:
    """Return a year in words: ``1984``, ``1905``, ``1900``, ``2002``, ``2012``."""
    century, rest = divmod(value, 100)
    if value < 1000 or (century % 10 == 0 and rest < 10):
        return cardinal(value)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {two_digits(rest)}"


def two_digits(value: int) -> str:
    """Return the last two digits of a year or house number in words: ``84``, ``05``."""
    return cardinal(value) if value >= 10 else f"oh {_UNITS[value]}"


def pairs(written: str) -> str:
    """Return a house or model number in pairs: ``2788``; ``123`` as one twenty three."""
    value = int(written)
    if len(written) <= 2 or value % 1000 == 0:
        return quantity(written)
    if len(written) > 4 or written[0] == "0":
        return digits(written)
    head, rest = divmod(value, 100)
    return f"{cardinal(head)} {two_digits(rest) if rest else 'hundred'}"


def plural(words: str) -> str:
    """Put the last word into the plural: ``nineteen eighties``, ``sixes``, ``kilograms``."""
    if words.endswith("y") and words[-2:-1] not in tuple("aeo"):
        return f"{words[:-1]}ies"
    if words.endswith(("x", "s", "ch", "sh")):
        return f"{words}es"
    return f"{words}s"


def denominator(value: int, numerator: int) -> str:
    """Return the denominator of a fraction: ``half``, ``quarters``, ``thirty seconds``."""
    one = {2: "half", 4: "quarter"}.get(value) or ordinal(value)
    if numerator == 1:
        return one
    return "halves" if value == 2 else f"{one}s"


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_value(written: str) -> int:
    """Return the value of a Roman numeral in capitals; 0 if it is not well-formed."""
    total = 0
    for one, following in zip(written, [*written[1:], ""], strict=True):
        value = _ROMAN.get(one, 0)
        if not value:
            return 0
        total += -value if value < _ROMAN.get(following, 0) else value
    return total if 0 < total < 4000 and to_roman(total) == written else 0


def to_roman(value: int) -> str:
    """Return the Roman numeral of a number from 1 to 3999."""
    marks = (
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
        (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    )  # fmt: skip
    written = ""
    for worth, mark in marks:
        count, value = divmod(value, worth)
        written += mark * count
    return written

"""What is written in digits, in American English words: ``42`` is ``forty-two``.

num2words names the numbers; here is what they are written like. It takes a tenth of a second to
import: when the first number comes, or in a service when it starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from tanger.model.text import derived_forms

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
        spoken = _digits(whole)
    else:
        spoken = _words(int(whole), "cardinal") if whole else ""
    return f"{spoken} point {_digits(fraction)}".strip() if point else spoken


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
    spoken = year_or_number(written)
    if spoken.endswith("y"):
        return f"{spoken[:-1]}ies"
    return spoken + ("es" if spoken.endswith("x") else "s")


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

    spoken: str = num2words(value, lang="en", to=kind)
    return spoken.replace(",", "").replace(" and ", " ")


# ------------------------------------------------------------------------------------------------
# How the words are said in which numbers and signs are read out: a closed list, known beforehand.
#
# In ARPAbet with stress digits, each as Americans commonly say it.


_SPOKEN = """
ZERO Z IY1 R OW0|ONE W AH1 N|TWO T UW1|THREE TH R IY1|FOUR F AO1 R|FIVE F AY1 V|SIX S IH1 K S
SEVEN S EH1 V AH0 N|EIGHT EY1 T|NINE N AY1 N|TEN T EH1 N|ELEVEN IH0 L EH1 V AH0 N
TWELVE T W EH1 L V|THIRTEEN TH ER1 T IY1 N|FOURTEEN F AO1 R T IY1 N|FIFTEEN F IH0 F T IY1 N
SIXTEEN S IH0 K S T IY1 N|SEVENTEEN S EH1 V AH0 N T IY1 N|EIGHTEEN EY0 T IY1 N
NINETEEN N AY1 N T IY1 N|TWENTY T W EH1 N T IY0|THIRTY TH ER1 T IY0|FORTY F AO1 R T IY0
FIFTY F IH1 F T IY0|SIXTY S IH1 K S T IY0|SEVENTY S EH1 V AH0 N T IY0|EIGHTY EY1 T IY0
NINETY N AY1 N T IY0|HUNDRED HH AH1 N D R AH0 D|THOUSAND TH AW1 Z AH0 N D|MILLION M IH1 L Y AH0 N
BILLION B IH1 L Y AH0 N|TRILLION T R IH1 L Y AH0 N|QUADRILLION K W AA0 D R IH1 L Y AH0 N|OH OW1
FIRST F ER1 S T|SECOND S EH1 K AH0 N D|THIRD TH ER1 D|FIFTH F IH1 F TH|TWELFTH T W EH1 L F TH
TWENTIETH T W EH1 N T IY0 IH0 TH|THIRTIETH TH ER1 T IY0 IH0 TH|FORTIETH F AO1 R T IY0 IH0 TH
FIFTIETH F IH1 F T IY0 IH0 TH|SIXTIETH S IH1 K S T IY0 IH0 TH|SEVENTIETH S EH1 V AH0 N T IY0 IH0 TH
EIGHTIETH EY1 T IY0 IH0 TH|NINETIETH N AY1 N T IY0 IH0 TH
AND AH0 N D|POINT P OY1 N T|NUMBER N AH1 M B ER0|DOLLAR D AA1 L ER0|CENT S EH1 N T
EURO Y UH1 R OW0|POUND P AW1 N D|PENNY P EH1 N IY0|PENCE P EH1 N S|YEN Y EH1 N|RUPEE R UW0 P IY1
PERCENT P ER0 S EH1 N T|AT AE1 T|HASH HH AE1 SH|PLUS P L AH1 S|EQUALS IY1 K W AH0 L Z
DEGREES D IH0 G R IY1 Z|SLASH S L AE1 SH|UNDERSCORE AH2 N D ER0 S K AO1 R|STAR S T AA1 R
TIMES T AY1 M Z|MINUS M AY1 N AH0 S|SECTION S EH1 K SH AH0 N|DOT D AA1 T
"""
# Those whose ordinal is they and a TH, without the E or T that they may end in.
_WITH_TH = (
    "ZERO FOUR SIX SEVEN EIGHT NINE TEN ELEVEN THIRTEEN FOURTEEN FIFTEEN SIXTEEN SEVENTEEN "
    "EIGHTEEN NINETEEN HUNDRED THOUSAND MILLION BILLION TRILLION QUADRILLION"
).split()
# Those of which there are several: sixes, nineties, dollars.
_WITH_S = (
    "ONE TWO THREE FIVE TWELVE TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY DOLLAR CENT "
    "EURO POUND RUPEE"
).split() + _WITH_TH


def _closed_list() -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in _SPOKEN.replace("|", "\n").strip().splitlines():
        word, *phonemes = line.split()
        spoken = tuple(phonemes)
        yield word, spoken
        if word in _WITH_TH:
            yield f"{word.removesuffix('E').removesuffix('T')}TH", (*spoken, "TH")
        if word in _WITH_S:
            yield _several(word), derived_forms.with_stress(derived_forms.plural(spoken))


def _several(word: str) -> str:
    return f"{word[:-1]}IES" if word.endswith("Y") else f"{word}ES" if word == "SIX" else f"{word}S"


PRONUNCIATIONS = dict(_closed_list())

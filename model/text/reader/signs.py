"""Recognise signs, punctuation, markup and emoji: all that is neither letter nor number."""

from __future__ import annotations

import html
import re
import unicodedata

from tanger.model.text.reader import formulas
from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan

_MARKUP = re.compile(
    r"\*{2,3}|_{2,3}|~~+|`+|</?[A-Za-z][^<>\n]{0,200}>|<!--.{0,200}?-->|&(?:nbsp|quot|apos|shy);"
    r"|\]\((?:https?://|/)[^\s()]{0,500}\)|!?\[(?=[^\[\]\n]{1,200}\]\()"
)
_LINE_START = re.compile(r"(?:#{1,6}|[-*+•>]|={3,}|-{3,})(?=\s)")
_EMPHASIS = re.compile(r"[*_](?=[^\s*_])")
_EMPHASIS_END = re.compile(r"[*_](?=[\s.,;:!?)\]'\"]|$)")
_PUNCTUATION = re.compile(r"([.,;:!?\"()\[\]{}…—–-])\1*")
_EMOTICON = re.compile(r"[:;=8][-^o']?[)(\]\[DPpOo/\\|*3](?!\w)|<3(?!\w)|\^_?\^|:'\(")
_EQUATION = re.compile(r"[-–] ?[\d.]+ ?=|(?<= )[-–] (?:\d{1,4}|\d{0,4}[a-z]) ?[=+](?!\w)")
# A minus in an expression: spaced, before a number, with an equals sign or a power before
_TERM = re.compile(r"(?<= )[-–] \d{1,4}[a-z]?(?![\w-])")
_EXPRESSION = re.compile(r"[=^] ?[\w(]")
_DIVISION = re.compile(r"/ ?[\d.]+ ?=")
_POWER = re.compile(r"\^([-–]?)(\d{1,3})(?![\w.]|,\d)")
_SUPERSCRIPT = re.compile("(⁻?)([⁰¹²³⁴-⁹]{1,3})(?![⁰¹²³⁴-⁹])")
# What an exponent stands after; longer words have notes
_BASE = re.compile(r"(?:\d|\)|(?<![^\W\d_])[^\W\d_]{1,3})$")
_NUMBER = re.compile(r"[-$£€¥]?\.?\d")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u266c\u2670-\u2712\u2715-\u27bf\u2b00-\u2bff\u231a-\u23ff\u3030\u303d"
    "\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]+"
)
_KEYCAP = re.compile(r"[\d#*]\ufe0f?\u20e3")
_SCIENTIFIC = re.compile(rf"[x×] ?{formulas.POWER_OF_TEN}")
# A number sign before what it counts: "# of guests", "Tracking #:"
_NUMBER_SIGN = re.compile(r"#(?::| of\b)")
_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][\da-fA-F]{1,5}|[A-Za-z]{2,8}\d{0,2});")
_DIALLED = re.compile(r"[*#](?=\d|[\s.,;!?)]|$)")
_DIAL = frozenset({"dial", "press", "hit", "push", "dialing", "pressing"})
_CHECKS = frozenset("✓✔✗✘☓")


def keycap(scan: Scan, at: int) -> Reading | None:
    """Recognise a digit as a keycap emoji."""
    match = _KEYCAP.match(scan.text, at)
    return Reading(match.end(), "emoji") if match else None


def emoji(scan: Scan, at: int) -> Reading | None:
    """Recognise emoji, with modifiers and joiners, and emoticons; they are not spoken."""
    if scan.text[at] in _CHECKS:
        return None
    if match := _EMOJI.match(scan.text, at):
        return Reading(match.end(), "emoji")
    if scan.before(at).isalnum():
        return None
    match = _EMOTICON.match(scan.text, at)
    return Reading(match.end(), "emoji") if match else None


def markup(scan: Scan, at: int) -> Reading | None:
    """Recognise markup, which is not spoken: ``**``, backticks, tags, headings, list items."""
    text = scan.text
    before = scan.before(at)
    if before in ("", "\n") and (match := _LINE_START.match(text, at)):
        return Reading(match.end(), "markup")
    if match := _MARKUP.match(text, at):
        return Reading(match.end(), "markup")
    opens = not before.isalnum() and before not in ("/", "\\")
    if opens and _EMPHASIS.match(text, at) and _closes(text, at):
        return Reading(at + 1, "markup")
    closes = before.isalnum() or (before != "" and before in ".!?,")
    return Reading(at + 1, "markup") if closes and _EMPHASIS_END.match(text, at) else None


def minus(scan: Scan, at: int) -> Reading | None:
    """Recognise a minus between the numbers of an equation, or before a number."""
    text = scan.text
    if text[at] not in "-–":
        return None
    before = scan.before(at)
    graded = before and before in "ABCDF" and not scan.before(at - 1).isalnum()
    zone = text[max(0, at - 3) : at] in scan.tables.lists["minus_after"]
    after = scan.after(at + 1)
    if (graded and not after.isalnum()) or (zone and after.isdigit()):
        return Reading(at + 1, "sign", "minus")
    if _EQUATION.match(text, at) and scan.last() is not None:
        return Reading(at + 1, "sign", "minus")
    if _TERM.match(text, at) and _EXPRESSION.search(text, max(0, at - 30), at):
        return Reading(at + 1, "sign", "minus")
    if (not before or before in ' \t\n(=<>*/×÷^[\xa0"“') and _NUMBER.match(text, at + 1):
        return Reading(at + 1, "sign", "minus")
    return None


def sign(scan: Scan, at: int) -> Reading | None:
    """Recognise a sign of the table; its words may depend on the context."""
    character = scan.text[at]
    spoken = scan.tables.signs.get(character)
    if spoken is None:
        spoken = scan.tables.signs.get(scan.source[at])
    if spoken is None or (character.isalpha() and _in_word(scan, at)):
        return None
    if (instead := _by_neighbours(scan, at)) is not None:
        spoken = instead
    if not spoken:
        return Reading(at + 1, "punctuation")
    return Reading(at + 1, "sign", spoken)


def entity(scan: Scan, at: int) -> Reading | None:
    """Recognise a character reference of HTML, which is read like the character: ``&copy;``."""
    match = _ENTITY.match(scan.text, at)
    character = html.unescape(match[0]) if match else ""
    if match is None or len(character) != 1:
        return None
    spoken = scan.tables.signs.get(character, "")
    return Reading(match.end(), "sign" if spoken else "markup", spoken)


def dialled(scan: Scan, at: int) -> Reading | None:
    """Recognise the signs of a telephone: ``dial *67``, ``press #``."""
    if not _DIALLED.match(scan.text, at) or scan.word_before().lower() not in _DIAL:
        return None
    return Reading(at + 1, "sign", "star" if scan.text[at] == "*" else "pound")


def power(scan: Scan, at: int) -> Reading | None:
    """Recognise an exponent: the end of ``10^6``, ``x^2``, ``10^-3``."""
    match = _POWER.match(scan.text, at)
    return _exponent(match, int(match[2])) if match else None


def superscript(scan: Scan, at: int) -> Reading | None:
    """Recognise superscript digits: exponents, ``10⁻³``; numbers, ``¹⁴C``; silent, ``word²``."""
    match = _SUPERSCRIPT.match(scan.text, at)
    if match is None:
        return None
    digits = formulas.ordinary(match[2])
    if not scan.before(at).strip():
        return None if match[1] else Reading(match.end(), "number", say.quantity(digits))
    if _BASE.search(scan.text, max(0, at - 4), at):
        return _exponent(match, int(digits))
    return Reading(match.end(), "punctuation")  # the mark of a note


def _exponent(match: re.Match[str], exponent: int) -> Reading:
    if match[1]:
        return Reading(match.end(), "sign", f"to the minus {say.cardinal(exponent)}")
    spoken = {2: "squared", 3: "cubed"}.get(exponent) or f"to the {say.ordinal(exponent)}"
    return Reading(match.end(), "sign", spoken)


def punctuation(scan: Scan, at: int) -> Reading | None:
    """Recognise punctuation, quotes and hyphens, which are silent; count open quotes."""
    character = scan.text[at]
    if character == "'":
        opening = not scan.before(at).isalnum() and scan.after(at + 1).isalnum()
        scan.quotes = 1 if opening else 0
        return Reading(at + 1, "punctuation")
    if match := _PUNCTUATION.match(scan.text, at):
        return Reading(match.end(), "punctuation")
    return Reading(at + 1, "punctuation") if unicodedata.category(character)[0] == "P" else None


def unknown(scan: Scan, at: int) -> Reading:
    """Read any other character: as a sign that is not in the table, or as silent."""
    category = unicodedata.category(scan.text[at])
    if category[0] in "CZ" and category != "Co":
        return Reading(at + 1, "space")
    if category in ("Mn", "Me", "Sk"):
        return Reading(at + 1, "punctuation")
    if category in ("No", "Nl"):
        return Reading(at + 1, "number", _numeric(scan.text[at]))
    return Reading(at + 1, "sign")


def _numeric(character: str) -> str:
    value = unicodedata.numeric(character, -1.0)
    return say.cardinal(int(value)) if value >= 0 and value == int(value) else ""


def _by_neighbours(scan: Scan, at: int) -> str | None:  # noqa: PLR0911 - one a sign
    """Return what is said for a sign where its neighbours tell, an empty string for nothing."""
    character, before, after = scan.text[at], scan.before(at), scan.after(at + 1)
    match character:
        case "#":
            numbered = after.isdigit() or _NUMBER_SIGN.match(scan.text, at)
            return "number" if numbered else None
        case "~":
            return "about" if after.isdigit() else None
        case "^":
            return "to the" if after.isdigit() else None
        case "*":
            footnote = before.isalpha() and not after.isalnum()
            return "times" if _digits_around(scan, at) else "" if footnote else None
        case "×":
            sides = before.isdigit() and after.isdigit()
            return "by" if sides and not _SCIENTIFIC.match(scan.text, at) else None
        case "©":
            return "" if scan.word_before().lower() == "copyright" else None
        case "|":  # between the parts of a heading, or the cells of a table
            return "" if not before.strip() and not after.strip() else None
        case "/":
            return _stroke(scan, at)
    return None


def _stroke(scan: Scan, at: int) -> str | None:
    before, after = scan.before(at), scan.after(at + 1)
    if _DIVISION.match(scan.text, at):
        return "divided by"
    if before.isdigit() and after.isdigit():
        return ""  # silent in 31/31/100, which is neither a fraction nor a date
    alone = (
        not scan.text[max(0, at - 2) : max(0, at - 1)].isalnum()
        and not scan.after(at + 2).isalnum()
    )
    letters = alone and before.isalpha() and after.isalpha()
    return "" if letters and before.isupper() == after.isupper() else None  # P/E, Y/N


def _closes(text: str, at: int) -> bool:
    """Return whether the same mark occurs again within the line."""
    return text.find(text[at], at + 2, at + 202) > 0


def _in_word(scan: Scan, at: int) -> bool:
    return scan.before(at).isalpha() or scan.after(at + 1).isalpha()


def _digits_around(scan: Scan, at: int) -> bool:
    before = scan.text[max(0, at - 2) : at].strip()[-1:]
    after = scan.text[at + 1 : at + 3].strip()[:1]
    return before.isalnum() and after.isdigit()

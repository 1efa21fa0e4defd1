"""Recognise URLs, e-mail addresses, file names, handles and hashtags."""

from __future__ import annotations

import re
from collections.abc import Callable

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.letters import letter_words
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.token import SpokenWord

_LONGEST = 2048
_URL = re.compile(rf"(?:[a-zA-Z][a-zA-Z+]{{1,9}}://|www\.)[^\s<>\"]{{1,{_LONGEST}}}")
_EMAIL = re.compile(
    r"[A-Za-z\d._%+&-]{1,64}@[A-Za-z\d-]{1,63}(?:\.[A-Za-z\d-]{1,63}){1,8}"
    r"(?:/[^\s<>\"]{0,200})?"
)
_DOMAIN = re.compile(
    r"(?:[A-Za-z\d][A-Za-z\d_-]{0,62}\.){1,8}([A-Za-z\d]{1,10})(?![\w@])(?::\d{2,5}(?!\w))?"
    r"(/[^\s<>\"]{0,200})?"
)
_LOCAL = re.compile(r"localhost(?::\d{2,5}(?!\w)(?:/[^\s<>\"]{0,200})?|/[^\s<>\"]{1,200})")
_INITIALS = re.compile(r"(?:[A-Z]\.)+[A-Z]")
_HARDWARE = re.compile(r"[\dA-Fa-f]{2}([:-])(?:[\dA-Fa-f]{2}\1){4}[\dA-Fa-f]{2}(?![\w:])")
_UUID = re.compile(r"[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12}(?![\w-])")
_HEXADECIMAL = re.compile(r"0[xX][\da-fA-F]{1,16}(?!\w)")
_HANDLE = re.compile(r"@[A-Za-z_][A-Za-z\d_]{0,63}")
_HASHTAG = re.compile(r"#(?!\d+[A-Z]?(?!\w))(?=[A-Za-z\d_]{0,63}[A-Za-z])\w{1,64}")
_RUNS = re.compile(r"[A-Za-z]+(?:'[a-z]+)?|\d+|[^\W\d_]+|[^A-Za-z\d]")
# Ends of domains that are no words of other languages
_COMMON_TLDS = frozenset(
    "com org net edu gov info eu de at ch fr be lu uk es it nl pl pt br ru cz hu se dk fi".split()
)
_TRAILING = ".,;:!?)]}'\"*_"
_NAMES = {
    ".": "dot", "-": "dash", "_": "underscore", "/": "slash", ":": "colon", "@": "at",
    "=": "equals", "?": "question mark", "&": "ampersand", "#": "hash", "%": "percent",
    "+": "plus", "~": "tilde", ",": "comma", ";": "semicolon", "!": "exclamation mark",
}  # fmt: skip


def address(scan: Scan, at: int) -> Reading | None:
    """Recognise an address or file: ``https://x.org/a-b``, ``a.b@c.com``, ``a.io:80``."""
    if scan.before(at) in ("'", "@") and scan.before(at):
        return None
    text = scan.text
    if match := _URL.match(text, at) or _EMAIL.match(text, at) or _LOCAL.match(text, at):
        written = match[0].rstrip(_TRAILING)
        return Reading(at + len(written), "electronic", spelt_out(scan, written))
    match = _DOMAIN.match(text, at)
    if match is None or match[1].lower() not in scan.tables.lists["tlds"]:
        return None
    host = match[0].split("/")[0].split(":")[0]
    if _INITIALS.fullmatch(host) or _is_sentence_end(scan, match):
        return None
    if not any(map(str.isalpha, host.rpartition(".")[0])):
        return None
    written = match[0].rstrip(_TRAILING)
    return Reading(at + len(written), "electronic", spelt_out(scan, written))


def bracketed(
    scan: Scan, at: int, recognize: Callable[[Scan, int], Reading | None] = address
) -> Reading | None:
    """Recognise an address in angle brackets, which is no tag: ``<ann@x.org>``, ``<https://x.org>``.

    Args:
        scan: the text.
        at: offset.
        recognize: recognises the address itself.
    """
    reading = recognize(scan, at + 1) if scan.text[at] == "<" else None
    if reading is None or scan.after(reading.end) != ">":
        return None
    return reading._replace(end=reading.end + 1)


def hexadecimal(scan: Scan, at: int) -> Reading | None:
    """Recognise ``0x1F``, a UUID, or the address of a network device: ``00:1B:44:11:3A:B7``.

    Source: RFC 9562, 4, for UUIDs.
    """
    patterns = (_HEXADECIMAL, _HARDWARE, _UUID)
    match = next(filter(None, (each.match(scan.text, at) for each in patterns)), None)
    if match is None or scan.before(at).isalnum():
        return None
    digits = re.sub("[:-]", "", match[0]).upper()
    spoken = " ".join(say.digits(each) if each.isdigit() else each for each in digits)
    return Reading(match.end(), "electronic", spoken)


def end_of_address(text: str, at: int) -> int:
    """Return the end of a URL, an e-mail address or a domain at an offset; `at` if there is none.

    Domains without ``www.`` or a scheme are known by a few endings that are no words.
    """
    match = _URL.match(text, at) or _EMAIL.match(text, at)
    if match is None:
        match = _DOMAIN.match(text, at)
        if match is None or match[1].lower() not in _COMMON_TLDS:
            return at
    return at + len(match[0].rstrip(_TRAILING))


def handle(scan: Scan, at: int) -> Reading | None:
    """Recognise a handle: ``@mypizza``."""
    match = _HANDLE.match(scan.text, at)
    if match is None or scan.before(at).isalnum():
        return None
    return Reading(match.end(), "electronic", spelt_out(scan, match[0]))


def hashtag(scan: Scan, at: int) -> Reading | None:
    """Recognise a hashtag, ``#ThrowbackThursday``, or a number: ``invoice #INV-17``."""
    match = _HASHTAG.match(scan.text, at)
    if match is None or scan.before(at).isalnum():
        return None
    words = spelt_out(scan, match[0][1:])
    numbered = scan.word_before().lower() in scan.tables.lists["numbered_papers"]
    sign = SpokenWord("number" if numbered else "hashtag")
    return Reading(match.end(), "electronic", (sign, *words))


def spelt_out(scan: Scan, written: str) -> tuple[SpokenWord, ...]:
    """Return the words of an address: signs by name, digits one by one."""
    words: list[SpokenWord] = []
    for run in _RUNS.findall(written):
        if run.isdigit():
            words += map(SpokenWord, say.digits(run).split())
        elif run in _NAMES:
            words += map(SpokenWord, _NAMES[run].split())
        elif run.lower() in scan.tables.lists["tlds_letters"]:
            words.append(SpokenWord(run.upper(), letters=True))
        elif run[0].isalpha():
            words += letter_words(scan, run, inside=True)
        elif spoken := scan.tables.signs.get(run):
            words += map(SpokenWord, spoken.split())
    return tuple(words)


def _is_sentence_end(scan: Scan, match: re.Match[str]) -> bool:
    """Return whether a dot ends a sentence without a space, as in ``end.It``."""
    return match[1][0].isupper() and match[1][1:].islower() and len(match[1]) > 1

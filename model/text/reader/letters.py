"""Recognise words, acronyms, words in mixed case, and letters with digits."""

from __future__ import annotations

import re
import unicodedata

from msgspec.structs import replace

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import PLACEHOLDER, Acronyms, Reading, Scan
from tanger.model.text.reader.tables import Tables
from tanger.model.text.reader.token import Kind, SpokenWord, spoken_words

# Letters, excluding Unicode's number characters: superscripts, fractions, Roman numerals
_LETTER = "[^\\W\\d_¹²³¼-¾⁰-₉⅐-ↈ①-⓿❶-➓]"
_WORD = re.compile(rf"{_LETTER}+(?:'{_LETTER}+)*")
_LEADING = re.compile(r"'[^\W\d_]+'?")
_TRAILING = re.compile(r"[^\W\d_]+'(?![\w])")
_WITH_DIGITS = re.compile(r"(?=[A-Za-z]+\d|\d+[A-Za-z])[A-Za-z\d]+")
_DECIMALS = re.compile(r"(?:\.\d{1,4}){1,3}(?!\w)")
_RUNS = re.compile(r"\d+|[A-Za-z]+")
_CAPITALS = re.compile(r"([A-Z]{2,})('?[sS]'?|')?")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]+")
# Maximum length of acronyms in lower case: faq, usb
_LONGEST_SMALL = 6
_AMPERSAND = re.compile(r"([A-Z]{1,2}(?:&[A-Z]{1,2})+)(?!\w)")
_AND_BETWEEN = re.compile(r"([A-Za-z]+)'n'([A-Za-z]+)(?!\w)")
_ROMAN = re.compile("[ivxlcdm]+")
_VOWEL = re.compile("[aeiouyAEIOUY]")
_NOT_A_LETTER_NAME = frozenset({"a", "i", "I", "A"})
# A Greek letter with a Latin variable: Δt
_GREEK_FIRST = re.compile("[Α-ω][A-Za-z]{1,8}")
_ASCII_LETTERS = re.compile("[A-Za-z]+")


def lexeme(scan: Scan, at: int) -> Reading | None:
    """Recognise the longest entry of the table of fixed readings."""
    text = scan.text
    for length in range(9, 1, -1):
        written = text[at : at + length]
        if len(written) < length or written not in scan.tables.lexemes:
            continue
        end = at + length
        if _joined(scan, at, end):
            continue
        kind = _kind_of_lexeme(written, scan.tables.lexemes[written])
        words = tuple(
            replace(word, phonemes=scan.tables.phonemes.get(word.text))
            for word in spoken_words(scan.tables.lexemes[written])
        )
        return Reading(end, kind, words)
    return None


def with_digits(scan: Scan, at: int) -> Reading | None:
    """Recognise letters with digits: ``CO2``, ``B2B``, ``2FA``, ``iPhone15``, ``H2SO4``."""
    match = _WITH_DIGITS.match(scan.text, at)
    if match is None:
        return None
    written = match[0]
    decimals = _DECIMALS.match(scan.text, match.end()) if written[-1].isdigit() else None
    if decimals and written[:-1] in ("v", "V"):
        spoken = " point ".join(map(say.quantity, f"{written[1:]}{decimals[0]}".split(".")))
        return Reading(decimals.end(), "alphanumeric", f"version {spoken}")
    words: list[SpokenWord] = []
    runs = _RUNS.findall(written)
    for place, run in enumerate(runs):
        if run.isdigit():
            after = runs[place + 1] if place + 1 < len(runs) else ""
            words += spoken_words(_digits(run, named=place > 0 or len(after) == 1))
        elif run == "s" and place == len(runs) - 1 and place and len(written) > 2:
            words[-1] = replace(words[-1], text=say.plural(words[-1].text))
        else:
            words += _beside_digits(scan, run)
    if decimals:
        for group in decimals[0].split(".")[1:]:
            words += spoken_words(f"point {say.digits(group)}")
        return Reading(decimals.end(), "alphanumeric", tuple(words))
    return Reading(match.end(), "alphanumeric", tuple(words))


def ampersand(scan: Scan, at: int) -> Reading | None:
    """Recognise letters joined by an ampersand: ``AT&T``, ``R&D``."""
    match = _AMPERSAND.match(scan.text, at)
    if match is None:
        return None
    spoken = scan.tables.signs.get("&", "")
    words = spoken_words(f" {spoken} ".join(match[1].split("&")))
    return Reading(match.end(), "acronym", words)


def prefix(scan: Scan, at: int) -> Reading | None:
    """Recognise a prefix: ``re`` in ``re-enter``, ``e`` in ``e-mail``."""
    match = _ASCII_LETTERS.match(scan.text, at)
    if match is None or not scan.text.startswith("-", match.end()):
        return None
    if not scan.after(match.end() + 1).isalpha():
        return None
    written = match[0]
    if phonemes := scan.tables.phonemes.get(f"{written.lower()}-"):
        return Reading(match.end(), "word", (SpokenWord(written, phonemes=phonemes),))
    if len(written) == 1 and written != "a":
        return Reading(match.end(), "word", (SpokenWord(written.upper(), letters=True),))
    return None


def word(scan: Scan, at: int) -> Reading | None:
    """Recognise a word in any case and script, including apostrophes and accents."""
    text = scan.text
    if text[at] == "'":
        return _apostrophe_first(scan, at)
    if both := _AND_BETWEEN.match(text, at):
        before, after = letter_words(scan, both[1]), letter_words(scan, both[2])
        return Reading(both.end(), "word", (*before, SpokenWord("'n"), *after))
    match = _WORD.match(text, at)
    if match is None:
        return None
    end = _with_marks(text, match.end())
    if end > match.end() and (more := _WORD.match(text, end)):
        end = _with_marks(text, more.end())
    if scan.after(end) == "'" and _ends_in_apostrophe(scan, at, end):
        end += 1
    written = text[at:end]
    if _GREEK_FIRST.fullmatch(written) and (name := scan.tables.signs.get(written[0])):
        return Reading(
            end, "word", (*spoken_words(name), *letter_words(scan, written[1:], inside=True))
        )
    if not written.isascii():
        return Reading(end, "word", (SpokenWord(scan.source[at:end]),))
    return _read(scan, written, end)


def letter_words(scan: Scan, written: str, *, inside: bool = False) -> list[SpokenWord]:
    """Return the spoken words of a run of letters: itself, its letters, or its camel-case parts.

    Args:
        scan: state of reading.
        written: letters, possibly with an apostrophe.
        inside: whether it is part of an address, where short runs and those without a vowel are
            spelt, and capitals never mean emphasis.
    """
    reading = _read(scan, written, 0)
    if reading.kind != "word" or len(reading.words) > 1:
        return list(reading.words)
    if inside and written.isalpha() and (len(written) == 1 or not _VOWEL.search(written)):
        return [SpokenWord(written.upper(), letters=True)]
    return list(reading.words)


def needs_care(tables: Tables, acronyms: Acronyms, written: str) -> bool:
    """Return whether a lower- or title-case word needs more than being looked up as it is."""
    small = written.lower()
    return (
        small in tables.abbreviations
        or small in tables.months
        or tables.books.get(small, small) != small
        or written in tables.lexemes
        or len(small) == 1
        or _VOWEL.search(small) is None
        or (_ROMAN.fullmatch(written) is not None and say.roman_value(written.upper()) > 0)
        or (len(small) <= _LONGEST_SMALL and acronyms.decide(written)[0])
    )


# ------------------------------------------------------------------------------------------------


def _read(scan: Scan, written: str, end: int) -> Reading:
    """Read a word in ASCII letters: as it is, spelt, or in camel-case parts."""
    bare = written.removesuffix("'s").removesuffix("'S")
    if len(bare) == 1:
        return _letter(scan, written, bare, end)
    if match := _CAPITALS.fullmatch(written):
        return _capitals(scan, written, match, end)
    if bare.islower() or _is_title(bare):
        reading = _small(scan, bare, end) if len(bare) <= _LONGEST_SMALL else None
        if reading is None or reading.kind == "word":
            return Reading(end, "word", (SpokenWord(written),))
        return reading._replace(spoken=_possessive(reading.words, written != bare))
    humps = _humps(scan, bare) if bare.isalpha() else None
    if humps is None:
        return Reading(end, "word", (SpokenWord(written),))
    return Reading(end, "acronym", _possessive(humps, written != bare))


def _letter(scan: Scan, written: str, bare: str, end: int) -> Reading:
    if written in _NOT_A_LETTER_NAME and not (written == "A" and _is_letter_a(scan, end)):
        return Reading(end, "word", (SpokenWord(written),))
    ending = written[1:].lower()
    return Reading(end, "word", (SpokenWord(bare.upper() + ending, letters=True),))


def _is_letter_a(scan: Scan, end: int) -> bool:
    """Return whether a capital A is the letter: ``vitamin A``, ``A+``, ``an A``, ``A B C``."""
    if not end:
        return True
    following = scan.word_after(end)
    if scan.word_before().lower() in scan.tables.lists["lettered"] or len(following) == 1:
        return True
    after = scan.after(end + 1)  # "[" and placeholders may begin a word with a given pronunciation
    return not following and not after.isalnum() and after not in ("[", PLACEHOLDER)


def _capitals(scan: Scan, written: str, match: re.Match[str], end: int) -> Reading:
    """Read a word in capitals, with or without a suffix, by the acronym model."""
    letters, ending = match[1], match[2] or ""
    shouted = _is_shouted(scan, end)
    small = written.lower()
    if small in scan.tables.lists["function_words"] and (
        shouted or small not in scan.tables.lists["ambiguous_capitals"]
    ):
        return Reading(end, "word", (SpokenWord(written),))
    alone = len(scan.text.strip()) == len(written)
    spelt, probability = scan.acronyms.decide(letters, among_capitals=shouted, alone=alone)
    if not spelt:
        kind: Kind = "word" if shouted or (not match[2] and len(letters) > 6) else "acronym"
        return Reading(end, kind, (SpokenWord(written),), probability)
    ending = ending.lower().rstrip("'")
    return Reading(end, "acronym", (SpokenWord(letters + ending, letters=True),), probability)


def _is_shouted(scan: Scan, end: int) -> bool:
    """Return whether the words beside a word in capitals are in capitals, too."""
    beside = (scan.word_before(), scan.word_after(end))
    return all(len(each) > 1 and each.isupper() for each in beside if each) and any(beside)


def _small(scan: Scan, written: str, end: int) -> Reading:
    """Read lower-case letters: as a word, or spelt, as in ``www``, ``http`` and ``faq``."""
    if written not in scan.tables.lists["no_vowel_words"]:
        spelt, probability = scan.acronyms.decide(written)
        if spelt:
            return Reading(
                end, "acronym", (SpokenWord(written.upper(), letters=True),), probability
            )
    return Reading(end, "word", (SpokenWord(written),))


def _humps(scan: Scan, written: str) -> tuple[SpokenWord, ...] | None:
    """Split ``ChatGPT``, ``OpenAI``, ``mRNA`` into parts; None for one word such as McDonald."""
    if scan.known(written.lower()):
        return None
    humps = _HUMPS.findall(written)
    if written[-1] == "s" and len(humps) > 1 and humps[-1] == "s" and humps[-2].isupper():
        humps[-2:] = [f"{humps[-2]}s"]
    if len(humps) < 2:
        return None
    if humps[0] in scan.tables.lists["prefixes_mc"] and not any(map(str.isupper, humps[1:])):
        return None
    if not any(len(hump) > 2 or (len(hump) == 2 and hump.isupper()) for hump in humps):
        return None  # NeMo
    words: list[SpokenWord] = []
    for hump in humps:
        capitals = _CAPITALS.fullmatch(hump)
        if len(hump) == 1:
            words.append(SpokenWord(hump.upper(), letters=True))
        elif capitals and len(hump) <= 5:
            spelt = scan.acronyms.decide(capitals[1])[0]
            words.append(SpokenWord(hump, letters=spelt))
        elif hump.islower() and len(hump) <= 2 and not _VOWEL.search(hump):
            words.append(SpokenWord(hump.upper(), letters=True))
        else:
            words.append(SpokenWord(hump))
    return _merged(words)


def _merged(words: list[SpokenWord]) -> tuple[SpokenWord, ...]:
    """Merge adjacent spelt words: m and RNA."""
    merged: list[SpokenWord] = []
    for each in words:
        if merged and each.letters and merged[-1].letters and merged[-1].text.isupper():
            merged[-1] = SpokenWord(merged[-1].text + each.text, letters=True)
        else:
            merged.append(each)
    return tuple(merged)


def _possessive(words: tuple[SpokenWord, ...], possessive: bool) -> tuple[SpokenWord, ...]:
    if not possessive:
        return words
    return (*words[:-1], replace(words[-1], text=f"{words[-1].text}'s", phonemes=None))


def _is_title(written: str) -> bool:
    return written[1:].islower()


def _beside_digits(scan: Scan, run: str) -> list[SpokenWord]:
    """Return the spoken words of letters next to a digit."""
    spelt = scan.acronyms.decide(run, beside_digits=True)[0]
    if spelt or len(run) == 1 or (len(run) <= 2 and not scan.known(run.lower())):
        return [SpokenWord(run.upper(), letters=True)]
    return letter_words(scan, run)


def _digits(run: str, *, named: bool) -> str:
    """Return the words of a number beside letters: a short or round one, a year, else digits.

    Args:
        run: the number.
        named: whether it may be a model or a format, which are read in pairs: A380, 1080p.
    """
    if len(run) <= 2 and run[0] != "0":
        return say.cardinal(int(run))
    if named and (len(run) == 3 or (len(run) == 4 and run[3] == "0")) and run[-2:] != "00":
        return say.pairs(run)
    value = int(run) if len(run) <= 4 else 0
    if run[0] != "0" and value and (value % 100 == 0 or (say.is_year(value) and len(run) == 4)):
        return say.year(value) if say.is_year(value) else say.cardinal(value)
    return say.digits(run)


def _apostrophe_first(scan: Scan, at: int) -> Reading | None:
    """Recognise words that begin with an apostrophe, by a table: ``'cause``, ``'em``."""
    match = _LEADING.match(scan.text, at)
    if match is None:
        return None
    written = match[0].rstrip("'")
    if written.lower() not in scan.tables.lists["possessive_elisions"]:
        return None
    return Reading(at + len(written), "word", (SpokenWord(written),))


def _ends_in_apostrophe(scan: Scan, at: int, end: int) -> bool:
    """Return whether an apostrophe after a word is part of it: ``dogs'``, ``goin'``; no quote."""
    if scan.text[end + 1 : end + 2].isalnum():
        return False
    written = scan.text[at:end]
    if f"{written.lower()}'" in scan.tables.lists["final_apostrophe"]:
        return True
    return written.endswith(("s", "S")) and not scan.quotes


def _with_marks(text: str, end: int) -> int:
    """Return the end of a word, including combining marks and joiners."""
    while end < len(text) and text[end] > "\x7f":
        category = unicodedata.category(text[end])
        if category[0] not in "LM" and category != "Cf":
            break
        end += 1
    return end


def _joined(scan: Scan, at: int, end: int) -> bool:
    """Return whether a fixed reading touches letters or digits, so that it does not apply."""
    before, after = scan.before(at), scan.after(end)
    first, last = scan.text[at], scan.text[end - 1]
    return (
        ((first.isalnum() or first == "'") and before.isalnum())
        or ((last.isalnum() or last == "'") and after.isalnum())
        or (last == "/" and after.isdigit())
        or (first.isdigit() and before in tuple("-/.,$") and before != "")
        or (last.isdigit() and after in tuple("-/.,") and scan.after(end + 1).isalnum())
    )


def _kind_of_lexeme(written: str, spoken: str) -> Kind:
    if any(map(str.isdigit, written)):
        return "alphanumeric" if any(map(str.isalpha, written)) else "number"
    if written[0] == "&":
        return "sign"
    if "." in written or "/" in written or (written.isalpha() and spoken.islower()):
        return "abbreviation"  # nothing of it is said letter by letter
    return (
        "word"
        if "'" in written or written[0] == "-"
        else "acronym"
        if written.isalpha()
        else "alphanumeric"
    )

"""Formats with one entry per line: CMUdict, MFA, Kaldi and TSV.

Each has a function that parses a line and one that renders rows; `LINE_FORMATS` lists them. A
parser returns None for a line without an entry and raises `ValueError` with what it expected; a
renderer raises `EntryError` for an entry that would not read back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from typing import NamedTuple

from tanger.model.lexicon.entry import EntryError, LexiconFormat, Row

# Characters that some reader takes for a line end: str.splitlines, spreadsheets, UAX #14
LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


class Parsed(NamedTuple):
    """The fields of a parsed line."""

    word: str
    phonemes: Sequence[str]
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class LineFormat:
    """Parser, renderer and properties of a format.

    Attributes:
        parse: parses a line, given without its line end.
        render: renders rows as lines without line ends.
        strip_comment: removes a comment from a line, if the format has comments.
        probabilities: maximum number of probabilities of an entry.
        separator: character between word and phonemes, if it differs from the separator of
            phonemes; words may then contain spaces.
    """

    parse: Callable[[str], Parsed | None]
    render: Callable[[Iterable[Row]], Iterator[str]]
    strip_comment: Callable[[str], str] | None = None
    probabilities: int = 0
    separator: str | None = None


def check_phonemes(row: Row) -> None:
    """Check that phonemes joined by spaces read back.

    Raises:
        EntryError: if there are none, or one is empty or contains a space.
    """
    phonemes = row.entry.phonemes
    if not phonemes or any(phoneme.split() != [phoneme] for phoneme in phonemes):
        raise EntryError(row.number, *row.entry)


def check_fields(row: Row) -> None:
    """Check that a word and its phonemes, joined by spaces, read back.

    Raises:
        EntryError: if the word is empty or contains a space; also see `check_phonemes`.
    """
    check_phonemes(row)
    if row.entry.word.split() != [row.entry.word]:
        raise EntryError(row.number, *row.entry)


# ------------------------------------------------------------------------------------------------
# CMUdict: ``WORD  P1 P2``, variants ``WORD(1)``, comments after ``;;;`` or ``#``.

_VARIANT = re.compile(r"^(?P<word>.+)\(\d+\)$")
_COMMENT = re.compile(r"(^|\s)(#(\s.*)?|;;;.*)$")


def is_comment(line: str) -> bool:
    """Return whether a line of CMUdict contains only a comment."""
    return bool(_COMMENT.match(line))


def has_comment(line: str) -> bool:
    """Return whether a line of CMUdict contains a comment."""
    return _COMMENT.search(line) is not None


def _strip_comment(line: str) -> str:
    # Fast path: the service reads a hundred thousand lines without comments at every start
    return _COMMENT.sub("", line) if "#" in line or ";;;" in line else line


def _parse_cmudict(line: str) -> Parsed | None:
    word, *phonemes = _strip_comment(line).split() or [""]
    if not word:
        return None
    if not phonemes:
        raise ValueError("WORD  PHONEME PHONEME ...")
    if word[-1] == ")" and (variant := _VARIANT.match(word)):
        word = variant["word"]
    return Parsed(word, phonemes)


def _render_cmudict(rows: Iterable[Row]) -> Iterator[str]:
    """Render lines in which a word's variants are numbered in their order."""
    seen: dict[str, int] = {}
    for row in rows:
        check_fields(row)
        word, phonemes = row.entry
        variant = seen[word] = seen.get(word, -1) + 1
        line = f"{word}{f'({variant})' * bool(variant)}  {' '.join(phonemes)}"
        if _VARIANT.match(word) or has_comment(line):
            raise EntryError(row.number, word, phonemes)
        yield line


def cmudict_pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield words and pronunciations of well-formed CMUdict lines, in a third of the time.

    Well-formed lines, as in the package cmudict, have single spaces and are not only a comment.
    """
    for line in lines:
        word, _, phonemes = line.rstrip("\n").partition(" ")
        if "#" in phonemes:
            phonemes = phonemes.partition(" #")[0]
        if word[-1] == ")":
            word = word[: word.rindex("(")]
        yield word, phonemes


# ------------------------------------------------------------------------------------------------
# The Montreal Forced Aligner: ``word<TAB>P1 P2``, with up to four columns of numbers between.
# https://montreal-forced-aligner.readthedocs.io/en/latest/user_guide/dictionary.html

# A decimal point is required, because a lone digit may be a phoneme, such as a tone
_NUMBER = re.compile(r"[0-9]+\.[0-9]+")
_MFA_NUMBERS = 4


def is_number(field: str) -> bool:
    """Return whether a field of an MFA line is a number between a word and its phonemes."""
    return bool(_NUMBER.fullmatch(field))


def _parse_mfa(line: str) -> Parsed | None:
    fields = line.split()
    if not fields:
        return None
    numbers = tuple(map(float, takewhile(is_number, fields[1 : 2 + _MFA_NUMBERS])))
    phonemes = fields[1 + len(numbers) :]
    if not phonemes or len(numbers) > _MFA_NUMBERS:
        raise ValueError(
            "word<TAB>phoneme phoneme ..., with up to four numbers before the phonemes"
        )
    if not all(map(math.isfinite, numbers)):
        raise ValueError("numbers of ordinary size")
    if any(value > 1 for value in numbers[:2]):
        raise ValueError("a probability of at most 1.0")
    return Parsed(fields[0], phonemes, numbers)


def _render_mfa(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        check_fields(row)
        word, phonemes = row.entry
        if is_number(phonemes[0]):
            raise EntryError(row.number, word, phonemes)
        yield "\t".join((word, *map(_positional, row.probabilities), " ".join(phonemes)))


def _positional(value: float) -> str:
    """Format `value` as the shortest decimal without exponent that reads back as `value`."""
    written = f"{Decimal(repr(value)):f}"
    return written if "." in written else f"{written}.0"


# ------------------------------------------------------------------------------------------------
# Kaldi: ``word P1 P2`` in lexicon.txt, ``word 1.0 P1 P2`` in lexiconp.txt. There are no comments.
# https://kaldi-asr.org/doc/data_prep.html#data_prep_lang_creating


def _parse_kaldi(line: str) -> Parsed | None:
    fields = line.split()
    if len(fields) == 1:
        raise ValueError("word phoneme phoneme ...")
    return Parsed(fields[0], fields[1:]) if fields else None


def _render_kaldi(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        check_fields(row)
        yield f"{row.entry.word} {' '.join(row.entry.phonemes)}"


def _parse_kaldip(line: str) -> Parsed | None:
    fields = line.split()
    if not fields:
        return None
    try:
        probability = float(fields[1])
    except (IndexError, ValueError):
        probability = 0.0
    if not 0 < probability <= 1 or len(fields) < 3:
        raise ValueError(
            "word probability phoneme phoneme ..., the probability above 0 and at most 1"
        )
    return Parsed(fields[0], fields[2:], (probability,))


def _render_kaldip(rows: Iterable[Row]) -> Iterator[str]:
    """Render lines with probabilities, by default 1, as Kaldi's scripts do."""
    for row in rows:
        check_fields(row)
        probability = _positional(row.probabilities[0] if row.probabilities else 1.0)
        yield f"{row.entry.word} {probability} {' '.join(row.entry.phonemes)}"


# ------------------------------------------------------------------------------------------------
# TSV: ``word<TAB>phoneme phoneme``, in any script.

_ESCAPES = str.maketrans(
    {
        **{each: each.encode("unicode_escape").decode() for each in LINE_BREAKS},
        "\\": "\\\\",
        "\t": "\\t",
    }
)


def escape_tsv(field: str) -> str:
    r"""Escape a TSV field of a result, which may contain any characters.

    Tabs, line breaks and backslashes become ``\t``, ``\n``, ``\r``, ``\x0b``, ``\u2028`` and so
    on, and ``\\``, as in Python string literals.
    """
    return field.translate(_ESCAPES)


def tsv_line(fields: Iterable[str]) -> str:
    """Return a line of a result as TSV, with its line feed; the fields are escaped."""
    return "\t".join(map(escape_tsv, fields)) + "\n"


def _parse_tsv(line: str) -> Parsed | None:
    if not line.strip():
        return None
    word, tab, phonemes = line.partition("\t")
    if not (tab and word.strip() and phonemes.split()) or "\t" in phonemes.strip():
        raise ValueError("word<TAB>phoneme phoneme ...")
    return Parsed(word.strip(), phonemes.split())


def _render_tsv(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        check_phonemes(row)
        word, phonemes = row.entry
        if not word or word != word.strip() or any(blank in word for blank in "\t" + LINE_BREAKS):
            raise EntryError(row.number, word, phonemes)
        yield f"{word}\t{' '.join(phonemes)}"


LINE_FORMATS: Mapping[LexiconFormat, LineFormat] = {
    "cmudict": LineFormat(_parse_cmudict, _render_cmudict, strip_comment=_strip_comment),
    "mfa": LineFormat(_parse_mfa, _render_mfa, probabilities=_MFA_NUMBERS),
    "kaldi": LineFormat(_parse_kaldi, _render_kaldi),
    "kaldip": LineFormat(_parse_kaldip, _render_kaldip, probabilities=1),
    "tsv": LineFormat(_parse_tsv, _render_tsv, separator="\t"),
}

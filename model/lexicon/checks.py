"""Checks that apply to lexicons in every format.

Files come from spreadsheets, dictionaries and other tools. These checks refuse content that would
be misread (a header, commas between columns, transcriptions without spaces between the phonemes)
and entries that are too large.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

from tanger.model.lexicon.entry import Entry, LexiconError, LexiconFormat, Row
from tanger.model.lexicon.line_formats import LINE_FORMATS

# Maximum characters of a line and of a word, and phonemes of a pronunciation. The longest phrase
# of English Wiktionary has 130 characters.
MAX_LINE = 1 << 16
MAX_WORD = 512
MAX_PHONEMES = 512
# Number of faults after which reading stops.
MAX_FAULTS = 20

# White space other than space and tab, control characters, and invisible characters. Zero width
# joiners are allowed, because several scripts need them.
_STRAY = re.compile(r"[^\S \t]|[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff]")
# A comma or semicolon after the first column, except within numbers such as 10,000.
_DELIMITER = re.compile(r"""\w["']?[,;](?!\d)""")
# Non-speech entries of speech recognisers' lexicons: <unk>, [noise], !SIL
_MARKER = re.compile(r"<.+>|\[.+\]|\{.+\}|!.+")
_HEADER_WORDS = frozenset(
    "word words entry grapheme graphemes headword lemma orthography spelling term text "
    "token".split()
)
_HEADER_PHONEMES = frozenset(
    "arpabet ipa phone phoneme phonemes phones phonetic pron pronunciation pronunciations "
    "transcription transcriptions".split()
)
# A single symbol of at least this many characters, for a word of at least as many, is presumably
# a whole transcription without spaces.
_LONG_SYMBOL = 5
_LONG_WORD = 3


class Faults:
    """Collects the faults of one file, up to `MAX_FAULTS`."""

    def __init__(self) -> None:
        self._found: list[LexiconError] = []

    def add(self, fault: LexiconError) -> None:
        """Add a fault.

        Raises:
            LexiconError: with all faults, once there are `MAX_FAULTS`.
        """
        self._found.append(fault)
        if len(self._found) == MAX_FAULTS:
            self.raise_any()

    def raise_any(self) -> None:
        """Raise one error for all faults added so far, if any.

        Raises:
            LexiconError: with all faults.
        """
        if self._found:
            raise LexiconError.of(self._found, complete=len(self._found) < MAX_FAULTS)


class LineParser:
    """Parses and checks the lines of a file in one of `LINE_FORMATS`."""

    def __init__(self, path: Path, format: LexiconFormat, *, may_be_csv: bool) -> None:
        """Create a parser for one file.

        Args:
            path: path of the file, for errors.
            format: format of the file.
            may_be_csv: treat commas or semicolons between word and phonemes as a fault; false
                if the user has named the format.
        """
        self._path = path
        self._separator = LINE_FORMATS[format].separator
        self._parse_fields = LINE_FORMATS[format].parse
        self._strip_comment: Callable[[str], str] = LINE_FORMATS[format].strip_comment or str
        self._may_be_csv = may_be_csv and self._separator is None
        self._has_entries = False

    def parse(self, number: int, line: str) -> Row | None:
        """Return the row of a line, or None if it holds no entry.

        Raises:
            LexiconError: if the line has a fault.
        """
        line = line.rstrip("\r\n")
        try:
            if _STRAY.search(line):
                self._check_characters(line)
            if self._may_be_csv and ("," in line or ";" in line):
                self._check_delimiters(line)
            parsed = self._parse_fields(line)
            if parsed is None:
                return None
            entry = Entry(parsed.word, tuple(parsed.phonemes))
            if not self._has_entries:
                self._has_entries = True
                _check_header(entry)
        except ValueError as e:
            raise LexiconError(self._path, number, expected=str(e), found=line) from e
        row = Row(number, entry, parsed.probabilities)
        check_size(self._path, row)
        return row

    def _check_characters(self, line: str) -> None:
        """Raise `LexiconError` for unusual white space, control and invisible characters."""
        checked = self._strip_comment(line)
        if self._separator is not None:  # phrases may contain any white space
            word, _, phonemes = checked.partition(self._separator)
            checked = f"{word[:1]}{word[-1:]}{phonemes}"
        if stray := _STRAY.search(checked):
            raise ValueError(f"spaces or tabs, not {_name(stray[0])}")

    def _check_delimiters(self, line: str) -> None:
        first = self._strip_comment(line).split(maxsplit=1)[:1]
        if first and _DELIMITER.search(first[0]):
            raise ValueError(
                "spaces or a tab between word and phonemes (save comma-separated values as "
                "tab-separated text, .tsv)"
            )


def _check_header(entry: Entry) -> None:
    phonemes = {phoneme.lower() for phoneme in entry.phonemes}
    if entry.word.lower() in _HEADER_WORDS and phonemes & _HEADER_PHONEMES:
        raise ValueError("an entry (delete the line with the columns' names)")


class SeparationCheck:
    """Finds lexicons whose transcriptions have no spaces between their phonemes.

    A few such entries may be right, such as the names of noises. If most entries are like that, a
    network would learn one symbol for each word.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._unseparated = 0
        self._first: list[Row] = []

    def add(self, row: Row) -> None:
        """Count the next row."""
        if row.alias is not None:
            return
        self._rows += 1
        word, phonemes = row.entry
        if len(phonemes) > 1 or len(phonemes[0]) < _LONG_SYMBOL or len(word) < _LONG_WORD:
            return
        self._unseparated += 1
        if len(self._first) < MAX_FAULTS:
            self._first.append(row)

    def raise_any(self, path: Path) -> None:
        """Raise if more than half of the rows are unseparated transcriptions.

        Raises:
            LexiconError: for the first such row.
        """
        if 2 * self._unseparated <= self._rows:
            return
        expected = "phonemes with spaces between them, as in t æ ŋ ɚ (or name the alphabet: ipa)"
        raise LexiconError.of(
            [
                LexiconError(path, row.number, expected=expected, found=row.entry.phonemes[0])
                for row in self._first
            ],
            complete=self._unseparated == len(self._first),
        )


def hint_on_spaces(phonemes: Iterable[str]) -> str:
    """Return a hint for an error on unknown phonemes that may be several run together, if any."""
    if any(len(phoneme) >= _LONG_SYMBOL for phoneme in phonemes):
        return "; put spaces between phonemes"
    return ""


def check_size(path: Path, row: Row) -> None:
    """Check the length of an entry.

    Raises:
        LexiconError: if its word or its pronunciation is too long.
    """
    word, phonemes = row.entry
    if len(word) > MAX_WORD:
        expected = f"words of at most {MAX_WORD} characters"
        raise LexiconError(path, row.number, expected=expected, found=word)
    if len(phonemes) > MAX_PHONEMES:
        expected = f"at most {MAX_PHONEMES} phonemes"
        raise LexiconError(path, row.number, expected=expected, found=" ".join(phonemes[:40]))


def find_stray(text: str) -> str | None:
    """Return the first invisible character, or white space but space, tab and line end."""
    stray = _STRAY.search(text.translate({0x0A: 0x20, 0x0D: 0x20}))
    return _name(stray[0]) if stray else None


def _name(character: str) -> str:
    """Return a character's code point and name, for messages."""
    name = unicodedata.name(character, "a control character")
    return f"U+{ord(character):04X} ({name})"


def is_marker(word: str) -> bool:
    """Return whether an entry's word is a non-speech marker, such as ``<unk>`` or ``[noise]``."""
    return bool(_MARKER.fullmatch(word))

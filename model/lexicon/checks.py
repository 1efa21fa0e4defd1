"""What no lexicon may hold, whatever its format: each fault is reported with its line.

Files come from spreadsheets, dictionaries and other people's tools. What would be read as something
else than was meant (a header, commas between columns, transcriptions without spaces between the
phonemes) is refused here, and so is what is too large to be an entry.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

from tanger.model.lexicon.entry import LexiconError, LexiconFormat, Row

# Characters of a line, and of a word, and phonemes of a pronunciation, that are read at most. The
# longest phrase of English Wiktionary has 130 characters.
MAX_LINE = 1 << 16
MAX_WORD = 512
MAX_PHONEMES = 512
# Faults after which a file is read no further.
MAX_FAULTS = 20

# White space besides space and tab, control characters, and characters that nobody sees. (Zero
# width joiners are no fault: several scripts spell with them.)
_STRAY = re.compile(r"[^\S \t]|[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff]")
# A comma or semicolon behind the first column; within numbers, as in 10,000, it separates nothing.
_DELIMITER = re.compile(r"""\w["']?[,;](?!\d)""")
# What recognisers keep among the words, with phonemes of its own: <unk>, [noise], !SIL
_MARKER = re.compile(r"<.+>|\[.+\]|\{.+\}|!.+")
_HEADER_WORDS = frozenset(
    "word words entry grapheme graphemes headword lemma orthography spelling term text "
    "token".split()
)
_HEADER_PHONEMES = frozenset(
    "arpabet ipa phone phoneme phonemes phones phonetic pron pronunciation pronunciations "
    "transcription transcriptions".split()
)
# A lone symbol of so many characters for a word of so many is a whole transcription.
_LONG_SYMBOL = 5
_LONG_WORD = 3
_UNSEPARATED = "phonemes with spaces between them, as in t æ ŋ ɚ"


class Faults:
    """Faults of one file, until they are enough."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[LexiconError] = []

    def add(self, fault: LexiconError) -> None:
        """Note a fault.

        Raises:
            LexiconError: with all of them, once there are `MAX_FAULTS`.
        """
        self._found.append(fault)
        if len(self._found) == MAX_FAULTS:
            self.raise_any()

    def raise_any(self) -> None:
        """Raise what was noted, if anything was.

        Raises:
            LexiconError: with all faults.
        """
        if self._found:
            raise LexiconError.of(self._found, complete=len(self._found) < MAX_FAULTS)


class LineParser:
    """Reads the lines of one of the formats whose every line stands for itself."""

    def __init__(
        self,
        path: Path,
        format: LexiconFormat,
        parse: Callable[[Path, int, str], Row | None],
        *,
        without_comment: Callable[[str], str] | None = None,
        may_be_csv: bool = True,
    ) -> None:
        """Begin a file.

        Args:
            path: of the file, for errors.
            format: the format.
            parse: reads a line of it; None for one that holds no entry.
            without_comment: takes a comment off a line, where the format has any.
            may_be_csv: whether commas between word and phonemes are a fault; not where somebody
                has named the format.
        """
        self._path = path
        self._format = format
        self._parse = parse
        self._without_comment = without_comment
        self._checks_delimiters = may_be_csv and format != "tsv"
        self._begun = False

    def parse(self, number: int, line: str) -> Row | None:
        """The row of a line, which may have its line feed; None where it holds no entry.

        Raises:
            LexiconError: where it holds none but should.
        """
        if len(line) > MAX_LINE:
            raise self._error(number, f"lines of at most {MAX_LINE} characters", line)
        line = line.rstrip("\r\n")
        if _STRAY.search(line):
            self._check_characters(number, line)
        if self._checks_delimiters and ("," in line or ";" in line):
            self._check_delimiters(number, line)
        row = self._parse(self._path, number, line)
        if row is not None:
            if not self._begun:
                self._begun = True
                self._check_header(number, line, row)
            check_size(self._path, row)
        return row

    def _check_characters(self, number: int, line: str) -> None:
        """Refuse characters that look like a space, or like nothing, and are neither."""
        held = self._without_comment(line) if self._without_comment else line
        if self._format == "tsv":  # a phrase may have what it likes between its words
            word, _, held = held.partition("\t")
            held = f"{word[:1]}{word[-1:]}{held}"
        if stray := _STRAY.search(held):
            raise self._error(number, f"spaces or tabs, not {name_of(stray[0])}", line)

    def _check_delimiters(self, number: int, line: str) -> None:
        held = self._without_comment(line) if self._without_comment else line
        first = held.split(maxsplit=1)[:1]
        if first and _DELIMITER.search(first[0]):
            expected = (
                "spaces or a tab between word and phonemes (save comma-separated values as "
                "tab-separated text, .tsv)"
            )
            raise self._error(number, expected, line)

    def _check_header(self, number: int, line: str, row: Row) -> None:
        named = {phoneme.lower() for phoneme in row.entry.phonemes}
        if row.entry.word.lower() in _HEADER_WORDS and named & _HEADER_PHONEMES:
            raise self._error(number, "an entry (delete the line with the columns' names)", line)

    def _error(self, number: int, expected: str, found: str) -> LexiconError:
        return LexiconError(self._path, number, expected=expected, found=found)


class SeparationCheck:
    """Finds lexicons whose transcriptions are written without spaces between their phonemes.

    One such entry may be right, a noise with a name say; where most are, the whole file is meant
    otherwise, and a network would learn a symbol for every word.
    """

    def __init__(self) -> None:
        """Begin a file."""
        self._rows = 0
        self._unseparated = 0
        self._first: list[Row] = []

    def note(self, row: Row) -> None:
        """Take the next row."""
        self._rows += 1
        phonemes = row.entry.phonemes
        if len(phonemes) == 1 and len(phonemes[0]) >= _LONG_SYMBOL:
            if len(row.entry.word) < _LONG_WORD:
                return
            self._unseparated += 1
            if len(self._first) < MAX_FAULTS:
                self._first.append(row)

    def raise_any(self, path: Path) -> None:
        """Refuse the file, where most of its rows are such.

        Raises:
            LexiconError: with the first of them.
        """
        if 2 * self._unseparated <= self._rows:
            return
        raise LexiconError.of(
            [
                LexiconError(path, row.number, expected=_UNSEPARATED, found=row.entry.phonemes[0])
                for row in self._first
            ],
            complete=self._unseparated == len(self._first),
        )


def hint_on_spaces(phonemes: Iterable[str]) -> str:
    """What to say besides of phonemes that are not known, where they may be several in one."""
    if any(len(phoneme) >= _LONG_SYMBOL for phoneme in phonemes):
        return "; put spaces between phonemes"
    return ""


def check_size(path: Path, row: Row) -> None:
    """Refuse an entry beyond what is read.

    Raises:
        LexiconError: where its word or its pronunciation is too long.
    """
    word, phonemes = row.entry
    if len(word) > MAX_WORD:
        expected = f"words of at most {MAX_WORD} characters"
        raise LexiconError(path, row.number, expected=expected, found=word)
    if len(phonemes) > MAX_PHONEMES:
        expected = f"at most {MAX_PHONEMES} phonemes"
        raise LexiconError(path, row.number, expected=expected, found=" ".join(phonemes[:40]))


def find_stray(text: str) -> str | None:
    """The first character that is white space and no ASCII space, tab or line end, or invisible."""
    stray = _STRAY.search(text.translate({0x0A: 0x20, 0x0D: 0x20}))
    return name_of(stray[0]) if stray else None


def name_of(character: str) -> str:
    """A character's code point and name, for messages."""
    name = unicodedata.name(character, "a control character")
    return f"U+{ord(character):04X} ({name})"


def is_marker(word: str) -> bool:
    """Whether it stands for a noise or the like, and is no word that anybody asks for."""
    return bool(_MARKER.fullmatch(word))

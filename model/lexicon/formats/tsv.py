"""Tab-separated: ``word<TAB>phoneme phoneme``, in any script."""

from __future__ import annotations

from pathlib import Path

from tanger.model.lexicon.entry import Entry, EntryError, LexiconError, Row, check_phonemes

# What ends a line for one reader or another: str.splitlines, spreadsheets, Unicode (UAX #14)
LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_ESCAPES = str.maketrans(
    {
        **{each: each.encode("unicode_escape").decode() for each in LINE_BREAKS},
        "\\": "\\\\",
        "\t": "\\t",
    }
)


def escape(field: str) -> str:
    r"""A field of an answer, which may hold any characters.

    Tabs, line breaks and backslashes become ``\t``, ``\n``, ``\r``, ``\x0b``, ``\u2028`` and so
    on, and ``\\``, as Python writes them in a string.
    """
    return field.translate(_ESCAPES)


def parse_line(path: Path, number: int, line: str) -> Row | None:
    """The row of a line; None where it is blank.

    Raises:
        LexiconError: where it has not just two columns.
    """
    if not line.strip():
        return None
    word, tab, phonemes = line.partition("\t")
    if not (tab and word.strip() and phonemes.split()) or "\t" in phonemes.strip():
        raise LexiconError(path, number, expected="word<TAB>phoneme phoneme ...", found=line)
    return Row(number, Entry(word.strip(), tuple(phonemes.split())))


def render_line(row: Row) -> str:
    """The line of a row.

    Raises:
        EntryError: where it would read as something else.
    """
    word = row.entry.word
    if not word or word != word.strip() or any(blank in word for blank in "\t" + LINE_BREAKS):
        raise EntryError(row.number, *row.entry)
    check_phonemes(row.number, row.entry)
    return f"{word}\t{' '.join(row.entry.phonemes)}"

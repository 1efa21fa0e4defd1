"""Words and their pronunciations, in the forms that people keep them in.

- CMUdict ``.dict``: ``WORD  P1 P2``, further pronunciations as ``WORD(1)``, comments behind
  ``;;;`` or ``#``; words in either case, which is kept; UTF-8 or Latin-1.
- CNTK text format (CTF): one symbol of each stream a line, joined by a sequence number.
- Tab-separated: ``word<TAB>p h o n``, in any script.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Literal, NamedTuple

from model.errors import TangerError
from model.vocabulary import CNTK_PREFIX, END, START, Vocabulary

LexiconFormat = Literal["cmudict", "ctf", "tsv"]

_VARIANT = re.compile(r"^(?P<word>.+)\(\d+\)$")
_COMMENT = re.compile(r"(^|\s)(#(\s.*)?|;;;.*)$")
_CTF_VALUE = re.compile(r"^\|(S[01]) (\d+):1 \|# (\S+)$")


class Entry(NamedTuple):
    """One line of a lexicon: a word and one of its pronunciations."""

    word: str
    phonemes: tuple[str, ...]


class Row(NamedTuple):
    """An entry where it stands in a file.

    Attributes:
        number: its line, from 1.
        entry: the entry.
    """

    number: int
    entry: Entry


class LexiconError(TangerError, ValueError):
    """A line that a lexicon cannot have.

    Attributes:
        path: the file.
        line: its number, from 1.
        expected: what should have stood there.
        found: what stood there.
    """

    def __init__(self, path: Path, line: int, *, expected: str, found: str) -> None:
        super().__init__(f"{path}:{line}: expected {expected}, found {found[:80]!r}")
        self.path = path
        self.line = line
        self.expected = expected
        self.found = found


class EntryError(TangerError, ValueError):
    """An entry that a format cannot hold.

    Attributes:
        number: its place in the lexicon, from 1.
        entry: the entry.
    """

    def __init__(self, number: int, word: str, phonemes: tuple[str, ...]) -> None:
        super().__init__(
            f"entry {number}: {word!r} {' '.join(phonemes)!r} would read as something else"
        )
        self.number = number
        self.entry = Entry(word, phonemes)


def read(path: Path, format: LexiconFormat | None = None) -> list[Entry]:
    """The entries of the lexicon at `path`, in its order, repeated lines included.

    Without `format` the file's name and first line tell it (see `detect_format`).

    Raises:
        LexiconError: for the first bad line.
        OSError: where the file cannot be read.
    """
    return [row.entry for row in read_rows(path, format)]


def read_rows(path: Path, format: LexiconFormat | None = None) -> list[Row]:
    """The entries of the lexicon at `path`, with their lines.

    Raises:
        LexiconError, OSError: as `read`.
    """
    text = decode(path.read_bytes())
    lines = list(enumerate(text.split("\n"), start=1))
    parse = {"cmudict": _parse_cmudict, "ctf": _parse_ctf, "tsv": _parse_tsv}
    return list(parse[format or detect_format(path, text)](path, lines))


def decode(content: bytes) -> str:
    """Text of a lexicon's bytes: UTF-8 (with or without a mark), else Latin-1 as CMUdict 0.7b."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def format_named(path: Path) -> LexiconFormat | None:
    """The format that a file's name tells, if it does."""
    names: dict[str, LexiconFormat] = {".ctf": "ctf", ".tsv": "tsv", ".dict": "cmudict"}
    return names.get(path.suffix.lower())


def detect_format(path: Path, text: str) -> LexiconFormat:
    """The format of a lexicon by its file name, else by its first line that says something."""
    if named := format_named(path):
        return named
    for line in text.split("\n"):
        if line.strip() and not _COMMENT.match(line):
            if re.match(r"^\d+\t.*\|S[01] ", line):
                return "ctf"
            return "tsv" if "\t" in line.strip() else "cmudict"
    return "cmudict"


def pronunciations(entries: Iterable[Entry]) -> dict[str, list[tuple[str, ...]]]:
    """Each word's different pronunciations, both in the order in which they first come."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for word, phonemes in entries:
        variants = found.setdefault(word, [])
        if phonemes not in variants:
            variants.append(phonemes)
    return found


def render(
    entries: Sequence[Entry], format: LexiconFormat, *, mapping: Sequence[str] | None = None
) -> Iterator[str]:
    """The lines of a lexicon, without their ends.

    Args:
        entries: what to write, in order.
        format: the format to write.
        mapping: CTF's table of symbols, a symbol's position being its index. By default the
            entries' own symbols in code point order, which for CMUdict is CNTK's table.

    Raises:
        EntryError: for an entry that the format cannot hold.
        UnknownSymbolError, SymbolClashError: for a symbol that CTF's table cannot hold.
    """
    if format == "ctf":
        return _render_ctf(entries, mapping)
    return _render_cmudict(entries) if format == "cmudict" else _render_tsv(entries)


def write(
    path: Path,
    entries: Sequence[Entry],
    format: LexiconFormat,
    *,
    mapping: Sequence[str] | None = None,
) -> None:
    """Write a lexicon in one piece: on any failure what stood at `path` still stands there.

    Raises:
        EntryError, UnknownSymbolError, SymbolClashError: as `render`.
        OSError: where the file cannot be written.
    """
    lines = (line + "\n" for line in render(entries, format, mapping=mapping))
    target = path.resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    if target.exists() and not target.is_file():  # a pipe, say: written through, never replaced
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        return
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


# CMUdict


def _parse_cmudict(path: Path, lines: list[tuple[int, str]]) -> Iterator[Row]:
    for number, line in lines:
        fields = _COMMENT.sub("", line).split()
        if not fields:
            continue
        if len(fields) == 1:
            raise LexiconError(path, number, expected="WORD  PHONEME PHONEME ...", found=line)
        variant = _VARIANT.match(fields[0])
        word = variant["word"] if variant else fields[0]
        yield Row(number, Entry(word, tuple(fields[1:])))


def _render_cmudict(entries: Sequence[Entry]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for number, (word, phonemes) in enumerate(entries, start=1):
        variant = seen[word] = seen.get(word, -1) + 1
        line = f"{word}{f'({variant})' * bool(variant)}  {' '.join(phonemes)}"
        if word.split() != [word] or _VARIANT.match(word) or _COMMENT.search(line):
            raise EntryError(number, word, phonemes)
        _check_phonemes(number, word, phonemes)
        yield line


# Tab-separated


def _parse_tsv(path: Path, lines: list[tuple[int, str]]) -> Iterator[Row]:
    for number, line in lines:
        if not line.strip():
            continue
        word, tab, phonemes = line.partition("\t")
        if not (tab and word.strip() and phonemes.split()) or "\t" in phonemes.strip():
            raise LexiconError(path, number, expected="word<TAB>phoneme phoneme ...", found=line)
        yield Row(number, Entry(word.strip(), tuple(phonemes.split())))


def _render_tsv(entries: Sequence[Entry]) -> Iterator[str]:
    for number, (word, phonemes) in enumerate(entries, start=1):
        if not word or word != word.strip() or any(blank in word for blank in "\t\n\r"):
            raise EntryError(number, word, phonemes)
        _check_phonemes(number, word, phonemes)
        yield f"{word}\t{' '.join(phonemes)}"


def _check_phonemes(number: int, word: str, phonemes: tuple[str, ...]) -> None:
    if not phonemes or any(phoneme.split() != [phoneme] for phoneme in phonemes):
        raise EntryError(number, word, phonemes)


# CNTK text format


def _parse_ctf(path: Path, lines: list[tuple[int, str]]) -> Iterator[Row]:
    rows = [(number, line.rstrip("\r").split("\t")) for number, line in lines if line.rstrip("\r")]
    table: dict[str, str] = {}
    for _, sequence in groupby(rows, key=lambda row: row[1][0]):
        streams: dict[str, list[str]] = {"S0": [], "S1": []}
        for number, (identifier, *fields) in sequence:
            values = [_CTF_VALUE.match(field) for field in fields if field]
            if not (identifier.isdigit() and values and all(values)):
                raise LexiconError(
                    path,
                    number,
                    expected="ID<TAB>|S0 INDEX:1 |# SYMBOL<TAB>|S1 INDEX:1 |# SYMBOL",
                    found="\t".join((identifier, *fields)),
                )
            for stream, index, symbol in (value.groups() for value in values if value):
                # One index stands for one symbol, or the file was put together from two tables.
                if table.setdefault(index, symbol) != symbol:
                    raise LexiconError(
                        path, number, expected=f"{index}:1 |# {table[index]}", found=symbol
                    )
                streams[stream].append(symbol)
        yield Row(number, _ctf_entry(path, number, streams["S0"], streams["S1"]))


def _ctf_entry(path: Path, number: int, graphemes: list[str], labels: list[str]) -> Entry:
    for stream in (graphemes, labels):
        if len(stream) < 3 or stream[0] != START or stream[-1] != END:
            raise LexiconError(
                path, number, expected="streams from <s> to </s>", found=" ".join(stream)
            )
    if unmarked := [p for p in labels[1:-1] if not p.startswith(CNTK_PREFIX)]:
        raise LexiconError(path, number, expected="phonemes that start with ~", found=unmarked[0])
    return Entry("".join(graphemes[1:-1]), tuple(p.removeprefix(CNTK_PREFIX) for p in labels[1:-1]))


def _render_ctf(entries: Sequence[Entry], mapping: Sequence[str] | None) -> Iterator[str]:
    if mapping is None:
        graphemes, phonemes = Vocabulary.shared(
            {grapheme for entry in entries for grapheme in entry.word},
            {phoneme for entry in entries for phoneme in entry.phonemes},
        )
    else:
        graphemes = Vocabulary(tuple(mapping), other_prefix=CNTK_PREFIX)
        phonemes = Vocabulary(tuple(mapping), CNTK_PREFIX)
    symbols = graphemes.symbols

    def stream(name: str, indices: list[int]) -> Iterator[str]:
        for index in (graphemes.start, *indices, graphemes.end):
            yield f"|S{name} {index}:1 |# {symbols[index]}"

    for number, entry in enumerate(entries):
        if entry.word.split() != [entry.word]:
            raise EntryError(number + 1, *entry)
        _check_phonemes(number + 1, *entry)
        inputs = stream("0", graphemes.encode(entry.word))
        labels = stream("1", phonemes.encode(entry.phonemes))
        for left, right in zip_longest(inputs, labels, fillvalue=""):
            # The stream that goes on comes first; a lone tab stands for the one that has ended.
            yield f"{number}\t{left or right}\t{right if left else ''}"

"""Lexicons in files, whatever their form: read whole or piece by piece, written in one piece."""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from model.lexicon import cmudict, ctf, kaldi, mfa, pls, tsv
from model.lexicon.entry import Entry, LexiconError, LexiconFormat, Row

ParseLine = Callable[[Path, int, str], Row | None]

# The formats whose every line stands for itself
_PARSE_LINE: Mapping[LexiconFormat, ParseLine] = {
    "cmudict": cmudict.parse_line,
    "mfa": mfa.parse_line,
    "kaldi": kaldi.parse_line,
    "kaldip": kaldi.parse_line_with_probability,
    "tsv": tsv.parse_line,
}
_RENDER_LINE: Mapping[LexiconFormat, Callable[[Row], str]] = {
    "mfa": mfa.render_line,
    "kaldi": kaldi.render_line,
    "kaldip": kaldi.render_line_with_probability,
    "tsv": tsv.render_line,
}
_NAMES: Mapping[str, LexiconFormat] = {"lexicon.txt": "kaldi", "lexiconp.txt": "kaldip"}
_SUFFIXES: Mapping[str, LexiconFormat] = {".ctf": "ctf", ".tsv": "tsv", ".pls": "pls"}
# How many numbers beside an entry a format has a place for, where it has for any
PROBABILITIES: Mapping[LexiconFormat, int] = {"mfa": 4, "kaldip": 1}
# A line of more characters is none, and would have to be kept whole
_LONGEST_LINE = 1 << 16


def read(path: Path, format: LexiconFormat | None = None) -> list[Entry]:
    """The entries of the lexicon at `path`, in its order, repeated lines included.

    Raises:
        LexiconError, OSError: as `read_rows`.
    """
    return [row.entry for row in read_rows(path, format)]


def read_rows(path: Path, format: LexiconFormat | None = None) -> list[Row]:
    """The entries of the lexicon at `path`, with their lines and probabilities.

    Raises:
        LexiconError, OSError: as `iterate_rows`.
    """
    return list(iterate_rows(path, path.read_bytes(), format))


def iterate_rows(
    path: Path,
    content: bytes,
    format: LexiconFormat | None = None,
    *,
    arpabet: bool | None = None,
) -> Iterator[Row]:
    """The entries of a lexicon, one at a time: a list of them takes ten times the file.

    Args:
        path: where the lexicon is.
        content: what stands there.
        format: by default what the file's name and first line tell (see `detect_format`).
        arpabet: what IPA in PLS is to become (see `pls.phonemes_of`).

    Raises:
        LexiconError: for the first bad line.
    """
    encoding = _encoding(content)
    found = format or detect_format(path, _lines(content, encoding))
    if found == "pls":
        parser = pls.Parser(path, arpabet=arpabet)
        yield from parser.feed(content)
        yield from parser.close()
    elif found == "ctf":
        yield from ctf.parse(path, enumerate(_lines(content, encoding), start=1))
    else:
        parse = _PARSE_LINE[found]
        for number, line in enumerate(_lines(content, encoding), start=1):
            if (row := parse(path, number, line)) is not None:
                yield row


class Reader:
    """Reads a lexicon that comes piece by piece, in constant memory: any format but CTF, UTF-8."""

    def __init__(self, path: Path, format: LexiconFormat, *, arpabet: bool | None = None) -> None:
        """Begin a lexicon; `path` is for its errors, `arpabet` as `pls.phonemes_of` has it.

        Raises:
            ValueError: for CTF, whose lines stand in one another's context.
        """
        if format == "ctf":
            raise ValueError("CTF is read whole")
        self.path = path
        self._pls = pls.Parser(path, arpabet=arpabet) if format == "pls" else None
        self._parse = None if format == "pls" else _PARSE_LINE[format]
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._line = 1
        self._rest = ""

    def feed(self, content: bytes) -> Iterator[Row]:
        """The rows that end in the next piece.

        Raises:
            LexiconError: for the first bad line.
        """
        return self._read(content, last=False)

    def close(self) -> Iterator[Row]:
        """The rows that are left at the end.

        Raises:
            LexiconError: for the first bad line.
        """
        return self._read(b"", last=True)

    def _read(self, content: bytes, *, last: bool) -> Iterator[Row]:
        if self._pls is not None:
            yield from self._pls.close() if last else self._pls.feed(content)
            return
        assert self._parse is not None
        *lines, self._rest = (self._rest + self._decoded(content, last=last)).split("\n")
        if last:
            lines.append(self._rest)
        for line in lines:
            if (row := self._parse(self.path, self._line, line)) is not None:
                yield row
            self._line += 1
        if len(self._rest) > _LONGEST_LINE:
            expected = f"lines of at most {_LONGEST_LINE} characters"
            raise LexiconError(self.path, self._line, expected=expected, found=self._rest)

    def _decoded(self, content: bytes, *, last: bool) -> str:
        try:
            return self._decoder.decode(content, last)
        except UnicodeDecodeError as e:
            line = self._line + e.object[: e.start].count(b"\n")
            wrong = repr(e.object[e.start : e.end])
            raise LexiconError(self.path, line, expected="UTF-8", found=wrong) from e


def decode(content: bytes) -> str:
    """Text of a lexicon's bytes: UTF-8 (with or without a mark), else Latin-1 as CMUdict 0.7b."""
    return content.decode(_encoding(content))


def _encoding(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _lines(content: bytes, encoding: str) -> Iterator[str]:
    """The lines with line feeds; only a line feed ends one."""
    return io.TextIOWrapper(io.BytesIO(content), encoding, newline="\n")


def format_named(path: Path) -> LexiconFormat | None:
    """The format that a file's name tells to whoever writes it, if it does."""
    if path.suffix.lower() == ".dict":
        return "cmudict"
    return _NAMES.get(path.name.lower()) or _SUFFIXES.get(path.suffix.lower())


def detect_format(path: Path, lines: Iterable[str]) -> LexiconFormat:
    """The format of a lexicon by its file name, else by its first line that says something.

    What both CMUdict and the Montreal Forced Aligner call ``.dict`` is the latter's where there
    are numbers between word and phonemes; without, the one reads as the other.
    """
    named = format_named(path)
    if named is not None and named != "cmudict":
        return named
    line = next((x for x in lines if x.strip() and not cmudict.is_comment(x)), "")
    fields = line.split()
    if len(fields) > 2 and mfa.is_number(fields[1]):
        return "mfa"
    if named is not None:
        return named
    if re.match(r"\s*<(\?xml|lexicon)\b", line):
        return "pls"
    if ctf.looks_like(line):
        return "ctf"
    return "tsv" if "\t" in line.strip() else "cmudict"


def render(
    entries: Sequence[Entry], format: LexiconFormat, *, mapping: Sequence[str] | None = None
) -> Iterator[str]:
    """The lines of a lexicon of entries, as `render_rows`."""
    rows = [Row(number, entry) for number, entry in enumerate(entries, start=1)]
    return render_rows(rows, format, mapping=mapping)


def render_rows(
    rows: Sequence[Row], format: LexiconFormat, *, mapping: Sequence[str] | None = None
) -> Iterator[str]:
    """The lines of a lexicon, without their ends.

    Args:
        rows: what to write, in order; probabilities are left out where the format has none.
        format: the format to write.
        mapping: CTF's table of symbols, a symbol's position being its index. By default the
            entries' own symbols in code point order, which for CMUdict is CNTK's table.

    Raises:
        EntryError: for an entry that the format cannot hold.
        UnknownSymbolError, SymbolClashError: for a symbol that CTF's table cannot hold.
    """
    numbered = [row._replace(number=number) for number, row in enumerate(rows, start=1)]
    if format == "ctf":
        return ctf.render([row.entry for row in numbered], mapping)
    if format == "cmudict":
        return cmudict.render(numbered)
    return lines_of(numbered, format, {p for row in numbered for p in row.entry.phonemes})


def lines_of(
    rows: Iterable[Row], format: LexiconFormat, phonemes: Collection[str]
) -> Iterator[str]:
    """The lines of a lexicon whose every word's rows stand together, made in constant memory.

    Args:
        rows: what to write, in order, numbered in it.
        format: any but CTF.
        phonemes: all that may occur.

    Raises:
        EntryError: for an entry that the format cannot hold.
    """
    if format == "pls":
        return pls.render(rows, alphabet=pls.alphabet_of(phonemes))
    if format == "cmudict":
        words = groupby(rows, key=lambda row: row.entry.word)
        return (line for _, together in words for line in cmudict.render(together))
    render_line = _RENDER_LINE[format]
    return (render_line(row) for row in rows)


def write(
    path: Path,
    entries: Sequence[Entry],
    format: LexiconFormat,
    *,
    mapping: Sequence[str] | None = None,
) -> None:
    """Write a lexicon in one piece: on any failure what stood at `path` still stands there.

    Raises:
        EntryError, UnknownSymbolError, SymbolClashError, OSError: as `write_rows`.
    """
    _write(path, render(entries, format, mapping=mapping))


def write_rows(
    path: Path,
    rows: Sequence[Row],
    format: LexiconFormat,
    *,
    mapping: Sequence[str] | None = None,
) -> None:
    """Like `write`, with the rows' probabilities where the format has a place for them.

    Raises:
        EntryError, UnknownSymbolError, SymbolClashError: as `render_rows`.
        OSError: where the file cannot be written.
    """
    _write(path, render_rows(rows, format, mapping=mapping))


def _write(path: Path, rendered: Iterable[str]) -> None:
    lines = (line + "\n" for line in rendered)
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

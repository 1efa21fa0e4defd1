"""Lexicons in files, whatever their form: read whole or piece by piece, written in one piece."""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal

from tanger.model.lexicon.checks import MAX_LINE, Faults, LineParser, SeparationCheck
from tanger.model.lexicon.entry import Entry, LexiconError, LexiconFormat, Row
from tanger.model.lexicon.formats import cmudict, ctf, kaldi, mfa, pls, tsv

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
# Bytes of a file, at most: it is read whole
MAX_FILE = 1 << 30
# What a lexicon's text may be in; all but UTF-8 has to be named
Encoding = Literal["utf-8", "latin-1", "windows-1252", "utf-16"]
# How CMUdict up to 0.7b begins: one of its words is in Latin-1
_CMUDICT = b";;; # CMUdict "


def read(
    path: Path, format: LexiconFormat | None = None, *, encoding: Encoding = "utf-8"
) -> list[Entry]:
    """The entries of the lexicon at `path`, in its order, repeated lines included.

    Raises:
        LexiconError, OSError: as `read_rows`.
    """
    return [row.entry for row in read_rows(path, format, encoding=encoding)]


def read_rows(
    path: Path, format: LexiconFormat | None = None, *, encoding: Encoding = "utf-8"
) -> list[Row]:
    """The entries of the lexicon at `path`, with their lines and probabilities.

    Raises:
        LexiconError: as `iterate_rows`.
        OSError: where it cannot be read.
    """
    return list(iterate_rows(path, read_content(path), format, encoding=encoding))


def read_content(path: Path) -> bytes:
    """The bytes of the lexicon at `path`.

    Raises:
        LexiconError: where there are more than `MAX_FILE`.
        OSError: where it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise LexiconError(path, 1, expected=f"at most {MAX_FILE:,} bytes", found="a larger file")
    return content


def iterate_rows(
    path: Path,
    content: bytes,
    format: LexiconFormat | None = None,
    *,
    arpabet: bool | None = None,
    encoding: Encoding = "utf-8",
) -> Iterator[Row]:
    """The entries of a lexicon, one at a time: a list of them takes ten times the file.

    Args:
        path: where the lexicon is.
        content: what stands there.
        format: by default what the file's name and first line tell (see `detect_format`).
        arpabet: what IPA in PLS is to become (see `pls.phonemes_of`).
        encoding: of the text; PLS has its own declaration.

    Raises:
        LexiconError: after the last row, with the first bad lines, of which there may be several.
    """
    faults = Faults()
    if format != "pls" and encoding != "utf-8":
        content = _transcoded(path, content, encoding)
    found = format or detect_format(path, _first_lines(content))
    separation = SeparationCheck()
    for row in _rows(path, content, found, faults, arpabet=arpabet, may_be_csv=format is None):
        separation.note(row)
        yield row
    faults.raise_any()
    separation.raise_any(path)


def _rows(
    path: Path,
    content: bytes,
    format: LexiconFormat,
    faults: Faults,
    *,
    arpabet: bool | None,
    may_be_csv: bool,
) -> Iterator[Row]:
    """The rows of a file in UTF-8, or of a PLS."""
    if format == "pls":
        xml = pls.Parser(path, arpabet=arpabet)
        yield from xml.feed(content)
        yield from xml.close()
        return
    lines = _lines(path, content, faults)
    if format == "ctf":
        yield from ctf.parse(path, lines)
        return
    parser = _line_parser(path, format, may_be_csv=may_be_csv)
    for number, line in lines:
        try:
            row = parser.parse(number, line)
        except LexiconError as e:
            faults.add(e)
            continue
        if row is not None:
            yield row


class Reader:
    """Reads a lexicon that comes piece by piece, in constant memory: any format but CTF, UTF-8."""

    def __init__(
        self,
        path: Path,
        format: LexiconFormat,
        *,
        arpabet: bool | None = None,
        on_fault: Callable[[LexiconError], None] | None = None,
        may_be_csv: bool = False,
    ) -> None:
        """Begin a lexicon.

        Args:
            path: for its errors.
            format: any but CTF, whose lines stand in one another's context.
            arpabet: as `pls.phonemes_of` has it.
            on_fault: gets each bad line of a format in which the next one can be read none the
                less; by default the first is raised.
            may_be_csv: whether commas between word and phonemes are a fault.

        Raises:
            ValueError: for CTF.
        """
        if format == "ctf":
            raise ValueError("CTF is read whole")
        self.path = path
        self._pls = pls.Parser(path, arpabet=arpabet) if format == "pls" else None
        self._parser = (
            None if format == "pls" else _line_parser(path, format, may_be_csv=may_be_csv)
        )
        self._on_fault = on_fault
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._line = 1
        # The beginning of a line whose end is yet to come, and its characters
        self._rest: list[str] = []
        self._length = 0

    def feed(self, content: bytes) -> Iterator[Row]:
        """The rows that end in the next piece.

        Raises:
            LexiconError: for the first bad line, unless `on_fault` took it.
        """
        return self._read(content, last=False)

    def close(self) -> Iterator[Row]:
        """The rows that are left at the end.

        Raises:
            LexiconError: as `feed`.
        """
        return self._read(b"", last=True)

    def _read(self, content: bytes, *, last: bool) -> Iterator[Row]:
        if self._pls is not None:
            yield from self._pls.close() if last else self._pls.feed(content)
            return
        begun, *lines = self._decoded(content, last=last).split("\n")
        self._rest.append(begun)
        self._length += len(begun)
        if lines or last:
            lines.insert(0, "".join(self._rest))
            rest = "" if last else lines.pop()
            self._rest, self._length = [rest], len(rest)
        for line in lines:
            if (row := self._parsed(line)) is not None:
                yield row
            self._line += 1
        if self._length > MAX_LINE:
            expected = f"lines of at most {MAX_LINE} characters"
            found = "".join(self._rest)
            raise LexiconError(self.path, self._line, expected=expected, found=found)

    def _parsed(self, line: str) -> Row | None:
        assert self._parser is not None
        try:
            return self._parser.parse(self._line, line)
        except LexiconError as e:
            if self._on_fault is None:
                raise
            self._on_fault(e)
            return None

    def _decoded(self, content: bytes, *, last: bool) -> str:
        try:
            return self._decoder.decode(content, last)
        except UnicodeDecodeError as e:
            line = self._line + e.object[: e.start].count(b"\n")
            wrong = repr(e.object[e.start : e.end])
            raise LexiconError(self.path, line, expected="UTF-8", found=wrong) from e


def _line_parser(path: Path, format: LexiconFormat, *, may_be_csv: bool) -> LineParser:
    comments = cmudict.without_comment if format == "cmudict" else None
    return LineParser(
        path, format, _PARSE_LINE[format], without_comment=comments, may_be_csv=may_be_csv
    )


def _transcoded(path: Path, content: bytes, encoding: Encoding) -> bytes:
    """The content in UTF-8.

    Raises:
        LexiconError: where it is not in that encoding.
    """
    try:
        return content.decode(encoding).encode()
    except UnicodeError as e:
        start = e.start if isinstance(e, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, start) + 1
        wrong = repr(content[start : start + 4])
        raise LexiconError(path, line, expected=encoding, found=wrong) from e


def _lines(path: Path, content: bytes, faults: Faults) -> Iterator[tuple[int, str]]:
    """The lines with line feeds, and their numbers; only a line feed ends one.

    Where one is not UTF-8, CMUdict 0.7b itself is in Latin-1, and in nothing else a fault.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        expected = "UTF-8 (`convert --encoding utf-16` makes it)"
        raise LexiconError(path, 1, expected=expected, found="UTF-16")
    file = io.BytesIO(content.removeprefix(codecs.BOM_UTF8))
    older = content.startswith(_CMUDICT)
    for number, line in enumerate(iter(partial(file.readline, 4 * MAX_LINE), b""), start=1):
        try:
            text = line.decode()
        except UnicodeDecodeError as e:
            if not older:
                expected = "UTF-8 (of other encodings `convert --encoding` makes it)"
                wrong = repr(line[e.start : e.end])
                faults.add(LexiconError(path, number, expected=expected, found=wrong))
                continue
            text = line.decode("latin-1")
        if len(text) > MAX_LINE:
            # The rest of it would count as another one
            expected = f"lines of at most {MAX_LINE} characters"
            faults.add(LexiconError(path, number, expected=expected, found=text))
            faults.raise_any()
        yield number, text


def _first_lines(content: bytes) -> Iterator[str]:
    """The lines as far as they tell the format."""
    file = io.BytesIO(content.removeprefix(codecs.BOM_UTF8))
    lines = iter(partial(file.readline, MAX_LINE), b"")
    return (line.decode("utf-8", "replace") for line in lines)


def decode(path: Path, content: bytes) -> str:
    """Text of a file in UTF-8, with or without a byte order mark.

    Raises:
        LexiconError: where it is in another encoding.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = content.count(b"\n", 0, e.start) + 1
        wrong = repr(content[e.start : e.end])
        raise LexiconError(path, line, expected="UTF-8", found=wrong) from e


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

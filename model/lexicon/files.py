"""Read lexicon files, whole or in pieces, with format detection, and write them atomically."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Literal

from tanger.model.lexicon import ctf, pls
from tanger.model.lexicon.checks import (
    MAX_LINE,
    Faults,
    LineParser,
    SeparationCheck,
    is_marker,
)
from tanger.model.lexicon.detection import detect_format, first_lines
from tanger.model.lexicon.entry import Entry, LexiconError, LexiconFormat, Row
from tanger.model.lexicon.line_formats import LINE_FORMATS
from tanger.model.output_files import replace_file
from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.transcription import TranscriptionError

# Maximum size of a file in bytes, because it is read into memory
MAX_FILE = 1 << 30
_CHUNK = 1 << 16
# Encodings of lexicons; all but UTF-8 have to be named by the caller
Encoding = Literal["utf-8", "latin-1", "windows-1252", "utf-16"]
# Converts a transcription in an alphabet to phonemes.
Parse = Callable[[str, Alphabet], tuple[str, ...]]
# First bytes of CMUdict up to 0.7b, which has one word in Latin-1
_CMUDICT = b";;; # CMUdict "


# ------------------------------------------------------------------------------------------------
# Reading.


def read(
    path: Path, format: LexiconFormat | None = None, *, encoding: Encoding = "utf-8"
) -> list[Entry]:
    """Read the entries of the lexicon at `path`, in file order, repeated lines included.

    Raises:
        LexiconError, OSError: see `read_rows`.
    """
    return [row.entry for row in read_rows(path, format, encoding=encoding)]


def read_rows(
    path: Path,
    format: LexiconFormat | None = None,
    *,
    alphabet: Alphabet | None = None,
    aliases: bool = False,
    encoding: Encoding = "utf-8",
) -> list[Row]:
    """Read the rows of the lexicon at `path`: entries with line numbers and annotations.

    Args:
        path: path of the lexicon.
        format: see `iterate_rows`.
        alphabet: see `iterate_rows`.
        aliases: see `iterate_rows`.
        encoding: see `iterate_rows`.

    Raises:
        LexiconError: see `iterate_rows`.
        OSError: if the file cannot be read.
    """
    content = read_content(path)
    rows = iterate_rows(
        path, content, format, alphabet=alphabet, aliases=aliases, encoding=encoding
    )
    return list(rows)


def read_content(path: Path) -> bytes:
    """Return the bytes of the file at `path`.

    Raises:
        LexiconError: if the file is larger than `MAX_FILE`.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise LexiconError(path, 1, expected=f"at most {MAX_FILE:,} bytes", found="a larger file")
    return content


def read_words(path: Path) -> list[str]:
    """Read a list of words separated by white space, in UTF-8.

    Raises:
        LexiconError: if the file is not UTF-8.
        OSError: if it cannot be read.
    """
    lines = _LineSplitter(path).split(read_content(path), last=True)
    return [word for _, line in lines for word in line.split()]


def iterate_rows(
    path: Path,
    content: bytes,
    format: LexiconFormat | None = None,
    *,
    alphabet: Alphabet | None = None,
    parse: Parse | None = None,
    aliases: bool = False,
    encoding: Encoding = "utf-8",
) -> Iterator[Row]:
    """Yield the rows of a lexicon one at a time; a list would take ten times the file's memory.

    Args:
        path: path of the lexicon.
        content: content of the file.
        format: format of the file; by default detected (see `detect_format`).
        alphabet: see `Reader`.
        parse: see `Reader`.
        aliases: see `Reader`.
        encoding: encoding of the text; PLS declares its own.

    Raises:
        LexiconError: after the last row, with the first bad lines.
    """
    if format != "pls" and encoding != "utf-8":
        content = _transcode(path, content, encoding)
    chosen = format or detect_format(path, first_lines(content))
    if chosen != "pls" and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        expected = "UTF-8 (`convert --encoding utf-16` makes it)"
        raise LexiconError(path, 1, expected=expected, found="UTF-16")
    faults, separation = Faults(), SeparationCheck()
    reader = Reader(
        path,
        chosen,
        alphabet=alphabet,
        parse=parse,
        aliases=aliases,
        on_fault=faults.add,
        may_be_csv=format is None,
        fallback="latin-1" if content.startswith(_CMUDICT) else None,
    )
    chunks = (content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK))
    for row in chain(chain.from_iterable(map(reader.feed, chunks)), reader.close()):
        separation.add(row)
        yield row
    faults.raise_any()
    separation.raise_any(path)


class Reader:
    """Reads a lexicon in pieces, in constant memory, except CTF, which is read whole."""

    def __init__(
        self,
        path: Path,
        format: LexiconFormat,
        *,
        alphabet: Alphabet | None = None,
        parse: Parse | None = None,
        aliases: bool = False,
        on_fault: Callable[[LexiconError], None] | None = None,
        may_be_csv: bool = False,
        fallback: str | None = None,
    ) -> None:
        """Create a reader for one lexicon.

        Args:
            path: path of the file, for errors.
            format: format of the file.
            alphabet: alphabet of the phonemes, unless the file declares it; by default phonemes
                are kept as written.
            parse: converts a transcription to phonemes (see `phoneme_set.Inventory.parse`). By
                default English in IPA and X-SAMPA becomes ARPAbet; in a PLS file, spaces tell
                whether it is English unless `alphabet` is given.
            aliases: whether rows may have an alias in place of phonemes; if not, it is a fault.
            on_fault: called with each bad line of a format in which reading can continue at the
                next line; by default the first is raised.
            may_be_csv: treat commas or semicolons between word and phonemes as a fault.
            fallback: encoding of lines that are not UTF-8; by default they are a fault.
        """
        self.path = path
        self._on_fault = on_fault
        if parse is None:
            parse = partial(notation.parse, arpabet=None if alphabet is None else True)
        self._alphabet = alphabet
        self._parse = parse
        self._pls = pls.Parser(path, alphabet, parse, aliases=aliases) if format == "pls" else None
        self._parser = (
            LineParser(path, format, may_be_csv=may_be_csv) if format in LINE_FORMATS else None
        )
        self._splitter = _LineSplitter(path, on_fault=on_fault, fallback=fallback)
        self._ctf_lines: list[tuple[int, str]] = []

    def feed(self, content: bytes) -> Iterator[Row]:
        """Yield the rows that the next piece of the file completes.

        Raises:
            LexiconError: at the first bad line, if there is no `on_fault` to handle it.
        """
        if self._pls is not None:
            return self._pls.feed(content)
        return self._parse_lines(self._splitter.split(content))

    def close(self) -> Iterator[Row]:
        """Yield the remaining rows at the end of the file.

        Raises:
            LexiconError: see `feed`.
        """
        if self._pls is not None:
            yield from self._pls.close()
            return
        yield from self._parse_lines(self._splitter.split(b"", last=True))
        yield from map(self._transcribed, ctf.parse(self.path, self._ctf_lines))

    def _parse_lines(self, lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
        if self._parser is None:
            self._ctf_lines += lines
            return
        for number, line in lines:
            try:
                row = self._parser.parse(number, line)
                if row is not None:
                    row = self._transcribed(row)
            except LexiconError as e:
                if self._on_fault is None:
                    raise
                self._on_fault(e)
                continue
            if row is not None:
                yield row

    def _transcribed(self, row: Row) -> Row:
        """Return a row with its transcription converted to phonemes.

        Raises:
            LexiconError: if the transcription cannot be parsed.
        """
        if self._alphabet is None or is_marker(row.entry.word):
            return row
        word, phonemes = row.entry
        text = " ".join(phonemes)
        try:
            parsed = self._parse(text, self._alphabet)
        except TranscriptionError as e:
            expected = f"{self._alphabet} ({e})"
            raise LexiconError(self.path, row.number, expected=expected, found=text) from e
        return row._replace(entry=Entry(word, parsed))


class _LineSplitter:
    """Splits a file that arrives in pieces into lines; only a line feed ends a line."""

    def __init__(
        self,
        path: Path,
        *,
        on_fault: Callable[[LexiconError], None] | None = None,
        fallback: str | None = None,
    ) -> None:
        """Create a splitter for one file; see `Reader` for the arguments."""
        self._path = path
        self._on_fault = on_fault
        self._fallback = fallback
        self._number = 0
        # Pieces of the unfinished last line, and their length in bytes
        self._rest: list[bytes] = []
        self._length = 0

    def split(self, content: bytes, *, last: bool = False) -> Iterator[tuple[int, str]]:
        """Yield the number and text of each line that the next piece, or the end, completes.

        Raises:
            LexiconError: for an overlong line, and for a bad one without `on_fault`.
        """
        begun, *lines = content.split(b"\n")
        self._rest.append(begun)
        self._length += len(begun)
        if lines or last:
            lines.insert(0, b"".join(self._rest))
            rest = b"" if last else lines.pop()
            self._rest, self._length = [rest], len(rest)
        for line in lines:
            self._number += 1
            try:
                yield self._number, self._decode(line)
            except LexiconError as e:
                if self._on_fault is None:
                    raise
                self._on_fault(e)
        if self._length > 4 * MAX_LINE:  # a character has at most 4 bytes
            raise self._too_long(self._number + 1, self._rest[0])

    def _decode(self, line: bytes) -> str:
        try:
            text = line.decode("utf-8" if self._number > 1 else "utf-8-sig")
        except UnicodeDecodeError as e:
            if self._fallback is None:
                raise _not_utf8(self._path, self._number, e) from e
            text = line.decode(self._fallback)
        if len(text) > MAX_LINE:
            raise self._too_long(self._number, line)
        return text

    def _too_long(self, number: int, line: bytes) -> LexiconError:
        expected = f"lines of at most {MAX_LINE} characters"
        found = line[:100].decode("utf-8", "replace")
        return LexiconError(self._path, number, expected=expected, found=found)


def _not_utf8(path: Path, line: int, error: UnicodeDecodeError) -> LexiconError:
    expected = "UTF-8 (of other encodings `convert --encoding` makes it)"
    found = repr(error.object[error.start : error.end])
    return LexiconError(path, line, expected=expected, found=found)


def _transcode(path: Path, content: bytes, encoding: Encoding) -> bytes:
    """Convert content to UTF-8.

    Raises:
        LexiconError: if the content is not valid in `encoding`.
    """
    try:
        return content.decode(encoding).encode()
    except UnicodeError as e:
        start = e.start if isinstance(e, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, start) + 1
        found = repr(content[start : start + 4])
        raise LexiconError(path, line, expected=encoding, found=found) from e


# ------------------------------------------------------------------------------------------------
# Writing.


def render(
    entries: Sequence[Entry], format: LexiconFormat, *, mapping: Sequence[str] | None = None
) -> Iterator[str]:
    """Yield the lines of a lexicon of plain entries; see `render_rows`."""
    rows = [Row(number, entry) for number, entry in enumerate(entries, start=1)]
    return render_rows(rows, format, mapping=mapping)


def render_rows(
    rows: Sequence[Row], format: LexiconFormat, *, mapping: Sequence[str] | None = None
) -> Iterator[str]:
    """Yield the lines of a lexicon, without line ends.

    Args:
        rows: rows to write, in order; probabilities are left out if the format has none.
        format: format to write.
        mapping: symbol table of CTF; a symbol's index is its position. By default the symbols of
            the entries in code point order, which for CMUdict is CNTK's table.

    Raises:
        EntryError: if the format cannot represent an entry.
        UnknownSymbolError, SymbolClashError: if CTF's table cannot represent a symbol.
    """
    numbered = [row._replace(number=number) for number, row in enumerate(rows, start=1)]
    if format == "ctf":
        return ctf.render(numbered, mapping)
    if format == "pls":
        phonemes = {p for row in numbered for p in row.entry.phonemes}
        return pls.render(numbered, notation.available(phonemes)[0])
    return LINE_FORMATS[format].render(numbered)


def lines_of(rows: Iterable[Row], format: LexiconFormat, alphabet: Alphabet) -> Iterator[str]:
    """Yield the lines of a lexicon in constant memory; the rows of each word must be adjacent.

    Args:
        rows: numbered rows to write, in order.
        format: any format but CTF.
        alphabet: alphabet of the phonemes.

    Raises:
        EntryError: if the format cannot represent an entry.
    """
    if format == "pls":
        return pls.render(rows, alphabet)
    render_lines = LINE_FORMATS[format].render
    if format != "cmudict":
        return render_lines(rows)
    # One call per word, because the renderer of CMUdict remembers all words that it has seen
    words = groupby(rows, key=lambda row: row.entry.word)
    return chain.from_iterable(render_lines(variants) for _, variants in words)


def write(
    path: Path,
    entries: Sequence[Entry],
    format: LexiconFormat,
    *,
    mapping: Sequence[str] | None = None,
) -> None:
    """Write a lexicon atomically: on failure the previous file is left unchanged.

    Raises:
        EntryError, UnknownSymbolError, SymbolClashError: see `render_rows`.
        OSError: if the file cannot be written.
    """
    write_lines(path, render(entries, format, mapping=mapping))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file atomically, from lines without line ends.

    Raises:
        OSError: if the file cannot be written; the previous file is left unchanged.
    """
    replace_file(path, (f"{line}\n".encode() for line in lines))

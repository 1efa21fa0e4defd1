"""The W3C's Pronunciation Lexicon Specification 1.0 (https://www.w3.org/TR/pronunciation-lexicon/).

A lexeme's every grapheme has its every phoneme element; the one that is preferred comes first.
Files are read as they come, in constant memory. What could make a parser fetch, or multiply, is
refused: a document type declaration, and with it all entities but XML's own five.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

from tanger.model.lexicon.checks import check_size, find_stray
from tanger.model.lexicon.entry import Entry, EntryError, LexiconError, Row, check_phonemes

if TYPE_CHECKING:
    from tanger.model.phonology.transcription import Notation

# Alphabets of one's own start with x- (4.1); their phonemes are written with spaces between.
_ARPABET = "x-arpabet"
_OTHER = "x-phonemes"
_NOTATIONS: dict[str, Notation] = {"ipa": "ipa", "x-sampa": "x-sampa"}

_NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
# Bounds on what a lexeme may hold, so that no file takes more memory than its longest lexeme
_DEPTH = 64
_ELEMENTS = 100
_ENTRIES = 400
_CHARACTERS = 4096
_CHUNK = 1 << 16
_TOKEN = 1 << 18
# Families of encodings with a byte a character
_SINGLE_BYTE = re.compile(r"(iso-8859-|windows-|cp|ibm)[0-9]{1,4}|koi8-[ru]|macintosh", re.I)
# XML 1.0 has no way to write these (2.2)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def phonemes_of(text: str, alphabet: str, *, arpabet: bool | None) -> tuple[str, ...]:
    """The phonemes of a phoneme element.

    Args:
        text: what stands in it.
        alphabet: what it is written in.
        arpabet: IPA and X-SAMPA are English, to become ARPAbet; or they are not, and have spaces
            between their phonemes; None where nobody knows, and spaces tell.

    Raises:
        ValueError: with what was expected, where they cannot be told apart.
    """
    from tanger.model.phonology import transcription  # which knows stress, which knows lexicons

    phonemes = tuple(text.split())
    notation = _NOTATIONS.get(alphabet)
    if arpabet is None:
        arpabet = len(phonemes) == 1 and len(text) > 1
    if notation is None or not arpabet:
        return phonemes
    try:
        return transcription.parse(text, notation)
    except transcription.TranscriptionError as e:
        raise ValueError(f"English in {alphabet} ({e})") from e


def alphabet_of(phonemes: Collection[str]) -> str:
    """What a file of these phonemes says of them."""
    from tanger.model.phonology import (
        notation as notations,  # which knows stress, which knows lexicons
    )

    return _ARPABET if "arpabet" in notations.available(phonemes) else _OTHER


class Parser:
    """Reads a file piece by piece."""

    def __init__(self, path: Path, *, arpabet: bool | None = None) -> None:
        """Begin a file; `path` is for its errors, `arpabet` as `phonemes_of` has it."""
        self.path = path
        self._arpabet = arpabet
        self._rows: list[Row] = []
        self._depth = 0
        self._fed = 0
        # What came since the parser last got something: it begins a tag anew with each piece
        self._pending = bytearray()
        self._alphabet: str | None = None
        self._lexeme: _Lexeme | None = None
        # Of the grapheme or phoneme element that is open, and its characters
        self._text: list[str] | None = None
        self._length = 0
        self._spoken_in: tuple[int, str | None, bool] = (0, None, False)
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.XmlDeclHandler = self._declaration
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters

    def feed(self, content: bytes) -> Iterator[Row]:
        """The rows that end in the next piece of the file.

        Raises:
            LexiconError: for what cannot stand there.
        """
        self._pending += content
        while len(self._pending) >= _CHUNK:
            piece = bytes(self._pending[:_CHUNK])
            del self._pending[:_CHUNK]
            yield from self._fed_with(piece)

    def close(self) -> Iterator[Row]:
        """The rows that are left.

        Raises:
            LexiconError: where the file ends too early.
        """
        yield from self._fed_with(bytes(self._pending))
        self._pending.clear()
        self._parse(b"", last=True)
        yield from self._take()

    def _fed_with(self, piece: bytes) -> list[Row]:
        self._parse(piece, last=False)
        self._fed += len(piece)
        if self._fed - self._expat.CurrentByteIndex > _TOKEN:
            raise self._error(f"tags of at most {_TOKEN} bytes", "a longer one")
        return self._take()

    def _parse(self, piece: bytes, *, last: bool) -> None:
        try:
            self._expat.Parse(piece, last)
        except expat.ExpatError as e:
            problem = expat.ErrorString(e.code) or "an error"
            raise LexiconError(self.path, e.lineno, expected="XML", found=problem) from e

    def _take(self) -> list[Row]:
        rows, self._rows = self._rows, []
        return rows

    def _error(self, expected: str, found: str) -> LexiconError:
        line = self._expat.CurrentLineNumber
        return LexiconError(self.path, line, expected=expected, found=found)

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        """Refuse an encoding before the parser looks it up: Python knows some that are none."""
        del version, standalone
        if encoding is not None and not _is_character_set(encoding):
            expected = "an encoding of XML's (save the file as UTF-8)"
            raise self._error(expected, encoding)

    def _doctype(self, name: str, *_: object) -> None:
        raise self._error("no document type declaration", f"<!DOCTYPE {name}")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        name = _local(tag)
        if self._depth > _DEPTH:
            raise self._error(f"at most {_DEPTH} elements within each other", f"<{name}>")
        if self._depth == 1:
            if name != "lexicon":
                raise self._error(f"<lexicon xmlns={_NAMESPACE!r}>", f"<{tag}>")
            self._alphabet = attributes.get("alphabet")
        elif self._text is not None:
            raise self._error("text alone in a <grapheme> or <phoneme>", f"<{name or tag}>")
        elif name == "lexeme":
            if self._lexeme is not None:
                raise self._error("</lexeme>", "<lexeme>")
            self._lexeme = _Lexeme([], [])
        elif self._lexeme is None:
            return
        elif name == "alias":
            raise self._error("<phoneme>: what an alias sounds like is not known", "<alias>")
        elif name in ("grapheme", "phoneme"):
            if len(self._lexeme.graphemes) + len(self._lexeme.phonemes) >= _ELEMENTS:
                raise self._error(f"at most {_ELEMENTS} elements in a lexeme", f"<{name}>")
            preferred = attributes.get("prefer") == "true"
            alphabet = attributes.get("alphabet", self._alphabet)
            self._spoken_in = (self._expat.CurrentLineNumber, alphabet, preferred)
            self._text, self._length = [], 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
            self._length += len(text)
            if self._length > _CHARACTERS:
                raise self._error(f"at most {_CHARACTERS} characters", text)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        name, lexeme = _local(tag), self._lexeme
        if lexeme is None:
            return
        if name == "lexeme":
            self._rows.extend(self._finished(lexeme))
            self._lexeme = None
        elif name in ("grapheme", "phoneme") and self._text is not None:
            held = "".join(self._text)
            self._text = None
            if stray := find_stray(held):
                raise self._error(f"spaces, not {stray}", held)
            text = " ".join(held.split())
            if not text:
                raise self._error(f"a {name}", f"<{name}/>")
            if name == "grapheme":
                lexeme.graphemes.append(text)
            else:
                lexeme.phonemes.append(self._spoken(text))

    def _spoken(self, text: str) -> _Spoken:
        line, alphabet, preferred = self._spoken_in
        if alphabet is None:
            raise self._error("an alphabet on <lexicon> or <phoneme>", text)
        try:
            return _Spoken(line, preferred, phonemes_of(text, alphabet, arpabet=self._arpabet))
        except ValueError as e:
            raise LexiconError(self.path, line, expected=str(e), found=text) from e

    def _finished(self, lexeme: _Lexeme) -> Iterator[Row]:
        if not (lexeme.graphemes and lexeme.phonemes):
            missing = "phoneme" if lexeme.graphemes else "grapheme"
            raise self._error(f"a <{missing}> in each <lexeme>", "none")
        first = next((spoken for spoken in lexeme.phonemes if spoken.preferred), lexeme.phonemes[0])
        if len(lexeme.graphemes) * len(lexeme.phonemes) > _ENTRIES:
            found = f"{len(lexeme.graphemes)} graphemes of {len(lexeme.phonemes)} phonemes"
            raise self._error(f"at most {_ENTRIES} entries of a lexeme", found)
        others = [spoken for spoken in lexeme.phonemes if spoken is not first]
        for grapheme in lexeme.graphemes:
            for spoken in (first, *others):
                row = Row(spoken.line, Entry(grapheme, spoken.phonemes))
                check_size(self.path, row)
                yield row


class _Spoken(NamedTuple):
    line: int
    preferred: bool
    phonemes: tuple[str, ...]


class _Lexeme(NamedTuple):
    graphemes: list[str]
    phonemes: list[_Spoken]


def render(rows: Iterable[Row], *, alphabet: str) -> Iterator[str]:
    """The lines of a file, without their ends; rows of a word that stand together are a lexeme.

    Args:
        rows: what to write, in order.
        alphabet: what the file says of its phonemes.

    Raises:
        EntryError: for an entry that XML cannot hold, or that would read as something else.
    """
    # The specification wants a language; what an alphabet other than ARPAbet is for is not known
    language = "en-US" if alphabet == _ARPABET else "und"
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    reported = f'xmlns="{_NAMESPACE}" alphabet="{alphabet}" xml:lang="{language}"'
    yield f'<lexicon version="1.0" {reported}>'
    for word, together in groupby(rows, key=lambda row: row.entry.word):
        yield "  <lexeme>"
        for number, row in enumerate(together):
            _check(row)
            if not number:
                yield f"    <grapheme>{escape(word)}</grapheme>"
            yield f"    <phoneme>{escape(' '.join(row.entry.phonemes))}</phoneme>"
        yield "  </lexeme>"
    yield "</lexicon>"


def _check(row: Row) -> None:
    word, phonemes = row.entry
    check_phonemes(row.number, row.entry)
    if " ".join(word.split()) != word or not word or _NOT_XML.search(word + "".join(phonemes)):
        raise EntryError(row.number, word, phonemes)


def _is_character_set(encoding: str) -> bool:
    """Whether XML's parser reads it: its own four, and those with a byte a character."""
    if encoding.upper() in ("UTF-8", "UTF-16", "US-ASCII", "ISO-8859-1"):
        return True
    if not _SINGLE_BYTE.fullmatch(encoding):
        return False
    try:
        return len(bytes(range(256)).decode(encoding, "replace")) == 256
    except LookupError:
        return False


def _local(tag: str) -> str:
    """An element's name, where it is of this specification or of none; else nothing."""
    namespace, _, name = tag.rpartition(" ")
    return name if namespace in ("", _NAMESPACE) else ""

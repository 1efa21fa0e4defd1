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

from model.lexicon.entry import Entry, EntryError, LexiconError, Row, check_phonemes

if TYPE_CHECKING:
    from model.transcription import Notation

# Alphabets of one's own start with x- (4.1); their phonemes are written with spaces between.
_ARPABET = "x-arpabet"
_OTHER = "x-phonemes"
_NOTATIONS: dict[str, Notation] = {"ipa": "ipa", "x-sampa": "x-sampa"}

_NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
# Bounds on what a lexeme may hold, so that no file takes more memory than its longest lexeme
_DEPTH = 64
_ELEMENTS = 100
_CHARACTERS = 4096
_CHUNK = 1 << 16
_TOKEN = 1 << 18
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
    from model import transcription  # which knows stress, which knows lexicons

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
    from model import alphabets  # which knows stress, which knows lexicons

    return _ARPABET if "arpabet" in alphabets.available(phonemes) else _OTHER


class Parser:
    """Reads a file piece by piece."""

    def __init__(self, path: Path, *, arpabet: bool | None = None) -> None:
        """Begin a file; `path` is for its errors, `arpabet` as `phonemes_of` has it."""
        self.path = path
        self._arpabet = arpabet
        self._rows: list[Row] = []
        self._depth = 0
        self._fed = 0
        self._alphabet: str | None = None
        self._lexeme: _Lexeme | None = None
        self._text: list[str] | None = None
        self._spoken_in: tuple[int, str | None, bool] = (0, None, False)
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters

    def feed(self, content: bytes) -> Iterator[Row]:
        """The rows that end in the next piece of the file.

        Raises:
            LexiconError: for what cannot stand there.
        """
        for start in range(0, len(content), _CHUNK):
            piece = content[start : start + _CHUNK]
            self._parse(piece, last=False)
            self._fed += len(piece)
            if self._fed - self._expat.CurrentByteIndex > _TOKEN:
                raise self._error(f"tags of at most {_TOKEN} bytes", "a longer one")
            yield from self._take()

    def close(self) -> Iterator[Row]:
        """The rows that are left.

        Raises:
            LexiconError: where the file ends too early.
        """
        self._parse(b"", last=True)
        yield from self._take()

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
        elif name == "lexeme":
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
            self._text = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
            if sum(map(len, self._text)) > _CHARACTERS:
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
            text = " ".join("".join(self._text).split())
            self._text = None
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
        others = [spoken for spoken in lexeme.phonemes if spoken is not first]
        for grapheme in lexeme.graphemes:
            for spoken in (first, *others):
                yield Row(spoken.line, Entry(grapheme, spoken.phonemes))


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
    told = f'xmlns="{_NAMESPACE}" alphabet="{alphabet}" xml:lang="{language}"'
    yield f'<lexicon version="1.0" {told}>'
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


def _local(tag: str) -> str:
    """An element's name, where it is of this specification or of none; else nothing."""
    namespace, _, name = tag.rpartition(" ")
    return name if namespace in ("", _NAMESPACE) else ""

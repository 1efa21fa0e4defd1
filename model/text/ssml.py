"""Read documents in SSML 1.1, the W3C's markup (https://www.w3.org/TR/speech-synthesis11/).

A document is converted to plain text, in which one placeholder character replaces every tag and
everything that is not read as written: the contents of ``phoneme``, ``sub`` and ``say-as``, and
words of other languages. The text reader reads the plain text, and the offsets of its tokens are
mapped back to the document. Tags separate words (3.1.8.2 there). Prosody, voices, emphasis, sounds
and marks do not affect pronunciations and are ignored with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from xml.parsers import expat

from msgspec.structs import replace

from tanger.model import TangerError
from tanger.model.lexicon import guarded_xml
from tanger.model.lexicon.phrases import Phrases
from tanger.model.text import say_as
from tanger.model.text.phrases import with_phrases
from tanger.model.text.reader.overrides import override_word, override_words
from tanger.model.text.reader.reader import Fixed, Known, TextReader
from tanger.model.text.reader.scan import PLACEHOLDER, Reading, Scan
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.transcriptions import ENGLISH, SSML_ALPHABETS, Transcriptions

_STRUCTURE = frozenset({"speak", "p", "s", "w", "token", "lang", "break"})
_IGNORED = frozenset({"prosody", "voice", "emphasis", "audio", "mark", "lexicon", "lookup", "meta"})
_SILENT = frozenset({"metadata", "desc"})  # including all their content
_TEXT_ONLY = frozenset({"phoneme", "sub", "say-as"})  # contain only text, with a reading of its own
_ELEMENTS = _STRUCTURE | _IGNORED | _SILENT | _TEXT_ONLY

_FOREIGN_WORD = re.compile(r"\w[\w'’-]*")
_MAX_DEPTH = 64
# Maximum characters of an attribute, and of an element that is read in one step
_MAX_CHARACTERS = 1000
# A parsing step ends after a space or before a tag
_CHUNK = re.compile(r".{1024}[^\s<]*\s?|.+", re.DOTALL)


class SSMLError(TangerError, ValueError):
    """A text is not valid SSML, or uses an unsupported feature.

    Attributes:
        position: offset of the fault in the text.
        expected: what is valid there.
        found: what was found.
    """

    def __init__(self, position: int, expected: str, found: str) -> None:
        super().__init__(f"SSML, character {position + 1}: expected {expected}, found {found[:80]}")
        self.position = position
        self.expected = expected
        self.found = found


class Piece(NamedTuple):
    """A piece of a document and the corresponding piece of plain text.

    Attributes:
        end: end offset in the document.
        plain_end: end offset in the plain text.
    """

    end: int
    plain_end: int


class Document(NamedTuple):
    """A parsed document.

    Attributes:
        source: document as sent.
        plain: plain text for the text reader.
        fixed: functions that read the placeholders, by their offset in the plain text.
        pieces: corresponding pieces of document and plain text; if their lengths differ, the piece
            of plain text is one character.
    """

    source: str
    plain: str
    fixed: dict[int, Fixed]
    pieces: list[Piece]

    def tokens(
        self, reader: TextReader, known: Known, phrases: Phrases | None = None
    ) -> Iterator[Token]:
        """Yield tokens that cover the document, with offsets in the document.

        Args:
            reader: text reader for the plain text.
            known: whether a dictionary has a lower-case word.
            phrases: lexicon entries that become one word as they stand.
        """
        tokens = reader.iterate(self.plain, known, self.fixed)
        if phrases:
            tokens = with_phrases(tokens, phrases, self.fixed)
        pieces = iter(self.pieces)
        piece = Piece(0, 0)
        start = 0
        for token in tokens:
            while piece.plain_end < token.end:
                piece = next(pieces)
            end = piece.end - (piece.plain_end - token.end)
            yield replace(token, text=self.source[start:end], start=start, end=end)
            start = end


@dataclass
class _Open:
    """An element whose end tag has not been parsed yet.

    Attributes:
        name: name of the element.
        attributes: its attributes.
        start: offset of its start tag.
        language: language of its content, if it is not the reader's.
        silent: whether its content is not read.
        content: pieces of text of an element that contains only text.
        content_start: end offset of its start tag.
    """

    name: str
    attributes: Mapping[str, str]
    start: int
    language: str | None
    silent: bool
    content: list[str] = field(default_factory=list)
    content_start: int = 0

    @property
    def text(self) -> str:
        """The text, with white space normalised."""
        return " ".join("".join(self.content).split())


class Parser:
    """Parses a document in steps, between which the caller can do other work."""

    def __init__(self, source: str, transcriptions: Transcriptions = ENGLISH) -> None:
        """Create a parser for a document; `transcriptions` are those of the artifact."""
        self._transcriptions = transcriptions
        self._source = source
        self._encoded = source.encode("utf-8", "surrogatepass")
        self._bytes = self._offset = 0  # the same offset, in bytes and in characters
        self._stack: list[_Open] = []
        self._plain: list[str] = []
        self._plain_length = 0
        self._fixed: dict[int, Fixed] = {}
        self._pieces: list[Piece] = []
        # Handles the latest item (text or tag) once its end is known, where the next one starts
        self._finish: Callable[[int, int], None] = self._as_written
        self._start = 0
        self._expat = guarded_xml.create(self._refuse, encoding="utf-8")
        self._expat.StartElementHandler = self._open
        self._expat.EndElementHandler = self._close
        self._expat.CharacterDataHandler = self._characters
        self._expat.DefaultHandler = self._other

    def steps(self) -> Iterator[None]:
        """Parse the document in steps of similar duration.

        Raises:
            SSMLError: for the first fault.
        """
        for match in _CHUNK.finditer(self._source):
            self._feed(match[0].encode("utf-8", "surrogatepass"))
            yield
        self._feed(b"", last=True)

    def document(self) -> Document:
        """Return the document, after all steps."""
        self._finish(self._start, len(self._source))
        return Document(self._source, "".join(self._plain), self._fixed, self._pieces)

    def _feed(self, piece: bytes, *, last: bool = False) -> None:
        try:
            self._expat.Parse(piece, last)
        except expat.ExpatError as e:
            expected, problem = "XML", expat.ErrorString(e.code) or "an error"
            if problem == expat.errors.XML_ERROR_NO_ELEMENTS:
                expected = f"</{self._stack[-1].name}>" if self._stack else "<speak>"
                problem = "the end of the text"
            raise SSMLError(self._at(self._expat.ErrorByteIndex), expected, problem) from e

    def _at(self, index: int) -> int:
        """Convert an offset in bytes to one in characters; offsets must not decrease."""
        index = min(max(index, self._bytes), len(self._encoded))
        self._offset += len(self._encoded[self._bytes : index].decode("utf-8", "surrogatepass"))
        self._bytes = index
        return self._offset

    def _refuse(self, expected: str, found: str) -> SSMLError:
        return SSMLError(self._at(self._expat.CurrentByteIndex), expected, found)

    def _next(self, finish: Callable[[int, int], None]) -> None:
        """Finish the latest item, because the next one starts here."""
        at = self._at(self._expat.CurrentByteIndex)
        self._finish(self._start, at)
        self._finish, self._start = finish, at

    # --------------------------------------------------------------------------------------------
    # Handlers of expat.

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        outer = self._stack[-1] if self._stack else None
        if outer is None and name != "speak":
            raise self._refuse("<speak>", f"<{name}>")
        if outer is not None and outer.name in _TEXT_ONLY:
            raise self._refuse(f"text alone in <{outer.name}>", f"<{name}>")
        silent = outer is not None and outer.silent
        if not silent and name not in _ELEMENTS:
            raise self._refuse("an element that SSML has and that is read", f"<{name}>")
        if len(self._stack) >= _MAX_DEPTH:
            raise self._refuse(f"at most {_MAX_DEPTH} elements within each other", f"<{name}>")
        for value in attributes.values():
            if len(value) > _MAX_CHARACTERS:
                raise self._refuse(f"attributes of at most {_MAX_CHARACTERS} characters", value)
        language = attributes.get("xml:lang")
        if language is None:
            language = outer.language if outer is not None else None
        elif _primary(language) == _primary(self._transcriptions.language):
            language = None
        element = _Open(name, attributes, 0, language, silent or name in _SILENT)
        self._next(partial(self._opened, element))
        element.start = self._start
        self._stack.append(element)
        if name in _TEXT_ONLY and not silent:
            self._check_text_only(element)

    def _close(self, name: str) -> None:
        element = self._stack.pop()
        if name in _TEXT_ONLY and not element.silent:
            self._next(partial(self._text_only_element, element))
        else:
            self._next(partial(self._closed, element))

    def _characters(self, text: str) -> None:
        element = self._stack[-1]
        if element.name in _TEXT_ONLY and not element.silent:
            element.content.append(text)
            if sum(map(len, element.content)) > _MAX_CHARACTERS:
                expected = f"at most {_MAX_CHARACTERS} characters in <{element.name}>"
                raise self._refuse(expected, text)
            self._next(_nothing)
        elif element.silent:
            self._next(partial(self._mark, ()))
        else:
            self._next(partial(self._text, text, element.language))

    def _other(self, text: str) -> None:
        """Handle comments, processing instructions, CDATA delimiters and space around the root."""
        if self._stack and self._stack[-1].name in _TEXT_ONLY and not self._stack[-1].silent:
            self._next(_nothing)
        else:
            self._next(self._as_written if text.isspace() else partial(self._mark, ()))

    def _check_text_only(self, element: _Open) -> None:
        """Raise `SSMLError` if an element's required attribute is missing or invalid."""
        wanted = {"phoneme": "ph", "sub": "alias", "say-as": "interpret-as"}[element.name]
        if not element.attributes.get(wanted, "").strip():
            raise self._refuse(f"<{element.name} {wanted}=...>", f"<{element.name}>")
        if element.name == "phoneme":
            alphabet = element.attributes.get("alphabet", "ipa")
            if alphabet not in SSML_ALPHABETS:
                raise self._refuse("the alphabet ipa, x-sampa or x-cmu-arpabet", alphabet)
            written = element.attributes["ph"]
            if self._transcriptions.parse(written, alphabet) is None:
                expected = self._transcriptions.expected.format(alphabet)
                raise self._refuse(expected, repr(written))

    # --------------------------------------------------------------------------------------------
    # Finishing items whose end is known.

    def _add(self, plain: str, end: int) -> None:
        self._plain.append(plain)
        self._plain_length += len(plain)
        self._pieces.append(Piece(end, self._plain_length))

    def _fix(self, read: Fixed, start: int, end: int) -> None:
        if end > start:
            self._fixed[self._plain_length] = read
            self._add(PLACEHOLDER, end)

    def _as_written(self, start: int, end: int) -> None:
        if end > start:
            self._add(self._source[start:end], end)

    def _mark(self, warnings: tuple[str, ...], start: int, end: int) -> None:
        self._fix(partial(_markup, warnings), start, end)

    def _text(self, text: str, language: str | None, start: int, end: int) -> None:
        if text != self._source[start:end]:  # contains an entity or a normalised line end
            self._add(text, end)
        elif language is None:
            self._as_written(start, end)
        else:
            at = start
            for match in _FOREIGN_WORD.finditer(self._source, start, end):
                self._as_written(at, match.start())
                at = match.end()
                word = SpokenWord(match[0], language=language)
                self._fix(partial(_words, (word,)), match.start(), at)
            self._as_written(at, end)

    def _opened(self, element: _Open, start: int, end: int) -> None:
        element.content_start = end
        if element.name not in _TEXT_ONLY or element.silent:
            self._mark(_warnings(element.name), start, end)

    def _closed(self, element: _Open, start: int, end: int) -> None:
        self._mark((), start, end)

    def _text_only_element(self, element: _Open, start: int, end: int) -> None:
        """Add the pieces of an element with only text: its tags, and a placeholder for the text."""
        if element.text:
            self._mark((), element.start, element.content_start)
            self._fix(partial(_read_text_only, element), element.content_start, start)
            self._mark((), start, end)
        else:  # without text, the placeholder stands for the tag
            self._fix(partial(_read_text_only, element), element.start, end)


def parse(source: str, transcriptions: Transcriptions = ENGLISH) -> Document:
    """Parse a document at once.

    Args:
        source: the document.
        transcriptions: parses the pronunciations in it.

    Raises:
        SSMLError: for the first fault.
    """
    parser = Parser(source, transcriptions)
    for _ in parser.steps():
        pass
    return parser.document()


def _nothing(start: int, end: int) -> None:
    """Add no piece, because the item is read with its element."""


def _warnings(name: str) -> tuple[str, ...]:
    return (f"<{name}> is ignored",) if name in _IGNORED | _SILENT else ()


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]


# ------------------------------------------------------------------------------------------------
# Readers of placeholders.


def _markup(warnings: tuple[str, ...], reader: TextReader, scan: Scan, at: int) -> Reading:
    return Reading(at + 1, "markup", (), 1.0, warnings)


def _words(words: tuple[SpokenWord, ...], reader: TextReader, scan: Scan, at: int) -> Reading:
    return Reading(at + 1, "word", words, 1.0)


def _read_text_only(element: _Open, reader: TextReader, scan: Scan, at: int) -> Reading:
    """Read an element that contains only text."""
    attributes, text = element.attributes, element.text
    if element.name == "phoneme":
        alphabet = attributes.get("alphabet", "ipa")
        ph = attributes["ph"]
        parse_ph = partial(reader.transcriptions.parse, alphabet=alphabet)
        words = (
            override_words(text, ph, parse_ph) if text else (override_word(ph, parse_ph(ph) or ()),)
        )
        return Reading(at + 1, "word", words or (), 1.0)
    if element.language is not None:
        words = tuple(SpokenWord(word, language=element.language) for word in text.split())
        return Reading(at + 1, "word", words, 1.0)
    if element.name == "sub":
        return _usual(reader, scan, at, attributes["alias"])._replace(kind="abbreviation")
    interpret_as = attributes["interpret-as"].lower()
    if interpret_as in say_as.KINDS and not reader.language.code.startswith("en"):
        warning = f"say-as {interpret_as} is for English alone: {text} read as usual"
    elif interpret_as in say_as.KINDS:
        tables = reader.language.tables
        found = say_as.read(text, interpret_as, attributes.get("format", ""), tables)
        if found is not None:
            return Reading(at + 1, found.kind, found.words, 1.0)
        warning = f"{text} cannot be read as {interpret_as}: read as usual"
    elif interpret_as in say_as.AS_USUAL:
        return _usual(reader, scan, at, text)
    else:
        warning = f"say-as {interpret_as} is not known: {text} read as usual"
    return _usual(reader, scan, at, text)._replace(warnings=(warning,))


def _usual(reader: TextReader, scan: Scan, at: int, text: str) -> Reading:
    """Read a text as usual, on its own."""
    tokens = reader.read(text, scan.known)
    spoken = [token for token in tokens if token.words]
    kind = spoken[0].kind if spoken else "markup"
    confidence = min((token.confidence for token in spoken), default=1.0)
    words = tuple(word for token in spoken for word in token.words)
    return Reading(at + 1, kind, words, confidence, ())

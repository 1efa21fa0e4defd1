"""Read and write PLS 1.0, the W3C's lexicon format (https://www.w3.org/TR/pronunciation-lexicon/).

Each grapheme of a lexeme gets all of its phoneme and alias elements, the preferred one first. The
roles of the lexeme, without namespace prefixes, become the sense of its entries. Files are parsed
in pieces, in constant memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from tanger.model.lexicon import guarded_xml
from tanger.model.lexicon.checks import check_size, find_stray
from tanger.model.lexicon.entry import Entry, EntryError, LexiconError, Row
from tanger.model.lexicon.line_formats import check_phonemes
from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.transcription import TranscriptionError

# Names of alphabets in files; names outside the specification start with x- (4.1).
_NAMES: dict[Alphabet, str] = {
    "arpabet": "x-arpabet",
    "ipa": "ipa",
    "x-sampa": "x-sampa",
    "cntk": "x-cntk",
    "native": "x-phonemes",
}
_ALPHABETS = {name: alphabet for alphabet, name in _NAMES.items()}

# Elements of a lexeme that are read.
_CONTENT = frozenset(("grapheme", "phoneme", "alias"))
_NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
# Limits that bound the memory of a lexeme, and thereby of the parser
_MAX_DEPTH = 64
_MAX_ELEMENTS = 100
_MAX_ENTRIES = 400
_MAX_CHARACTERS = 4096
_CHUNK = 1 << 16
_MAX_TOKEN = 1 << 18
# Characters that XML 1.0 cannot represent (2.2)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _Spoken(NamedTuple):
    """A phoneme or alias element: its line, attributes and content."""

    line: int
    alphabet: str | None
    preferred: bool
    phonemes: tuple[str, ...] = ()
    alias: str | None = None


class _Lexeme(NamedTuple):
    sense: str | None
    graphemes: list[str]
    spoken: list[_Spoken]


class Parser:
    """Incremental parser of one file."""

    def __init__(
        self,
        path: Path,
        alphabet: Alphabet | None,
        parse: Callable[[str, Alphabet], tuple[str, ...]],
        *,
        aliases: bool = False,
    ) -> None:
        """Create a parser for one file.

        Args:
            path: path of the file, for errors.
            alphabet: alphabet of phonemes for which the file declares none.
            parse: converts a transcription to phonemes.
            aliases: whether a row may have an alias.
        """
        self.path = path
        self._parse_phonemes = parse
        self._aliases = aliases
        self._rows: list[Row] = []
        self._depth = 0
        self._fed = 0
        # Input not yet passed to expat, which rescans an unfinished tag with each piece
        self._pending = bytearray()
        self._alphabet: str | None = alphabet
        self._lexeme: _Lexeme | None = None
        # The open element within a lexeme: its text, and the data of its tag
        self._text: list[str] | None = None
        self._length = 0
        self._spoken = _Spoken(0, None, preferred=False)
        self._expat = guarded_xml.create(self._error, namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters

    def feed(self, content: bytes) -> Iterator[Row]:
        """Yield the rows that the next piece of the file completes.

        Raises:
            LexiconError: if the content is not valid.
        """
        self._pending += content
        while len(self._pending) >= _CHUNK:
            piece = bytes(self._pending[:_CHUNK])
            del self._pending[:_CHUNK]
            yield from self._parse(piece)

    def close(self) -> Iterator[Row]:
        """Yield the remaining rows at the end of the file.

        Raises:
            LexiconError: if the file is incomplete.
        """
        yield from self._parse(bytes(self._pending))
        self._pending.clear()
        yield from self._parse(b"", last=True)

    def _parse(self, piece: bytes, *, last: bool = False) -> list[Row]:
        try:
            self._expat.Parse(piece, last)
        except expat.ExpatError as e:
            problem = expat.ErrorString(e.code) or "an error"
            raise LexiconError(self.path, e.lineno, expected="XML", found=problem) from e
        self._fed += len(piece)
        if not last and self._fed - self._expat.CurrentByteIndex > _MAX_TOKEN:
            raise self._error(f"tags of at most {_MAX_TOKEN} bytes", "a longer one")
        rows, self._rows = self._rows, []
        return rows

    def _error(self, expected: str, found: str) -> LexiconError:
        line = self._expat.CurrentLineNumber
        return LexiconError(self.path, line, expected=expected, found=found)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        name = _local_name(tag)
        if self._depth > _MAX_DEPTH:
            raise self._error(f"at most {_MAX_DEPTH} elements within each other", f"<{name}>")
        if self._depth == 1:
            if name != "lexicon":
                raise self._error(f"<lexicon xmlns={_NAMESPACE!r}>", f"<{tag}>")
            self._alphabet = attributes.get("alphabet", self._alphabet)
        elif self._text is not None:
            raise self._error(
                "text alone in a <grapheme>, <phoneme> or <alias>", f"<{name or tag}>"
            )
        elif name == "lexeme":
            if self._lexeme is not None:
                raise self._error("</lexeme>", "<lexeme>")
            roles = [role.rpartition(":")[2] for role in attributes.get("role", "").split()]
            self._lexeme = _Lexeme(" ".join(filter(None, roles)) or None, [], [])
        elif self._lexeme is not None:
            self._start_in_lexeme(self._lexeme, name, attributes)

    def _start_in_lexeme(self, lexeme: _Lexeme, name: str, attributes: dict[str, str]) -> None:
        if name == "alias" and not self._aliases:
            raise self._error("<phoneme>: what an alias sounds like is not known", "<alias>")
        if name in _CONTENT:
            if len(lexeme.graphemes) + len(lexeme.spoken) >= _MAX_ELEMENTS:
                raise self._error(f"at most {_MAX_ELEMENTS} elements in a lexeme", f"<{name}>")
            alphabet = attributes.get("alphabet", self._alphabet)
            preferred = attributes.get("prefer") == "true"
            self._spoken = _Spoken(self._expat.CurrentLineNumber, alphabet, preferred)
            self._text, self._length = [], 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
            self._length += len(text)
            if self._length > _MAX_CHARACTERS:
                raise self._error(f"at most {_MAX_CHARACTERS} characters", text)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        name, lexeme = _local_name(tag), self._lexeme
        if lexeme is None:
            return
        if name == "lexeme":
            self._rows += self._entries(lexeme)
            self._lexeme = None
        elif name in _CONTENT and self._text is not None:
            raw = "".join(self._text)
            self._text = None
            if stray := find_stray(raw):
                raise self._error(f"spaces, not {stray}", raw)
            text = " ".join(raw.split())
            if not text:
                raise self._error(f"a {name}", f"<{name}/>")
            if name == "grapheme":
                lexeme.graphemes.append(text)
            elif name == "alias":
                lexeme.spoken.append(self._spoken._replace(alias=text))
            else:
                lexeme.spoken.append(self._finish_phoneme(text))

    def _finish_phoneme(self, text: str) -> _Spoken:
        line, alphabet = self._spoken.line, self._spoken.alphabet
        if alphabet is None:
            raise self._error("an alphabet on <lexicon> or <phoneme>", text)
        try:
            phonemes = self._parse_phonemes(text, _ALPHABETS.get(alphabet, "native"))
        except TranscriptionError as e:
            expected = f"{alphabet} ({e})"
            raise LexiconError(self.path, line, expected=expected, found=text) from e
        return self._spoken._replace(phonemes=phonemes)

    def _entries(self, lexeme: _Lexeme) -> Iterator[Row]:
        sense, graphemes, spoken = lexeme
        if not (graphemes and spoken):
            missing = "phoneme" if graphemes else "grapheme"
            raise self._error(f"a <{missing}> in each <lexeme>", "none")
        if len(graphemes) * len(spoken) > _MAX_ENTRIES:
            found = f"{len(graphemes)} graphemes of {len(spoken)} pronunciations"
            raise self._error(f"at most {_MAX_ENTRIES} entries of a lexeme", found)
        first = next((each for each in spoken if each.preferred), spoken[0])
        others = [each for each in spoken if each is not first]
        for grapheme in graphemes:
            for each in (first, *others):
                entry = Entry(grapheme, each.phonemes)
                row = Row(each.line, entry, sense=sense, alias=each.alias)
                check_size(self.path, row)
                yield row


def render(rows: Iterable[Row], alphabet: Alphabet) -> Iterator[str]:
    """Yield the lines of a file, without line ends; adjacent rows of a word and sense are a lexeme.

    Args:
        rows: rows to write, in order.
        alphabet: alphabet of the phonemes.

    Raises:
        EntryError: if XML cannot represent an entry, or it would not read back.
    """
    # The specification requires a language; only ARPAbet implies one
    language = "en-US" if alphabet == "arpabet" else "und"
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    attributes = f'xmlns="{_NAMESPACE}" alphabet="{_NAMES[alphabet]}" xml:lang="{language}"'
    yield f'<lexicon version="1.0" {attributes}>'
    for (word, sense), variants in groupby(rows, key=lambda row: (row.entry.word, row.sense)):
        yield "  <lexeme>" if sense is None else f"  <lexeme role={quoteattr(sense)}>"
        for index, row in enumerate(variants):
            _check_renderable(row)
            if index == 0:
                yield f"    <grapheme>{escape(word)}</grapheme>"
            if row.alias is not None:
                yield f"    <alias>{escape(row.alias)}</alias>"
            else:
                phonemes = notation.join(row.entry.phonemes, alphabet)
                yield f"    <phoneme>{escape(phonemes)}</phoneme>"
        yield "  </lexeme>"
    yield "</lexicon>"


def _check_renderable(row: Row) -> None:
    word, phonemes = row.entry
    if row.alias is None:
        check_phonemes(row)
    texts = [word, *phonemes, *(each for each in (row.sense, row.alias) if each is not None)]
    if any(" ".join(text.split()) != text or not text for text in texts):
        raise EntryError(row.number, word, phonemes)
    if ":" in (row.sense or "") or _NOT_XML.search("".join(texts)):
        raise EntryError(row.number, word, phonemes)


def _local_name(tag: str) -> str:
    """Return an element's local name if it is in the PLS namespace or none, else ""."""
    namespace, _, name = tag.rpartition(" ")
    return name if namespace in ("", _NAMESPACE) else ""

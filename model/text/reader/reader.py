"""Read a text into tokens that cover it, each with its kind and spoken words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from tanger.model.text.acronym_model import AcronymModel, LexiconAcronyms
from tanger.model.text.reader.english import american_english
from tanger.model.text.reader.language import Language, Recognizer
from tanger.model.text.reader.scan import Acronyms, Reading, Scan
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.transcriptions import ENGLISH, Transcriptions

_SPACE = re.compile(r"\s+")
# Longest run of characters without space; longer runs are read in pieces, to bound the time per
# token
_LONGEST_RUN = 512
_ORDINARY = re.compile(rf"(?:\S{{1,{_LONGEST_RUN}}}+(?!\S)|\s++)*+")
_NUMBER_START = frozenset("0123456789$£€¥₩₹¢₽₺₪₫₱฿₿₴₦.-–")
# Maximum size of the cache of plain words
_MAX_PLAIN = 65536


# The acronym and homograph models that come with tanger.
MODELS = Path(__file__).parents[3] / "artifacts" / "en-us-text"

Known = Callable[[str], bool]
# Reads a placeholder character, such as that of an SSML element.
Fixed = Callable[["TextReader", Scan, int], Reading]


def _unknown(word: str) -> bool:
    return False


@lru_cache(maxsize=1)
def _default_acronyms() -> Acronyms:
    return LexiconAcronyms(AcronymModel.load(MODELS), lambda word: ())


class TextReader:
    """Reads texts in one language. Never raises; takes time linear in the length of the text."""

    def __init__(
        self,
        language: Language | None = None,
        *,
        acronyms: Acronyms | None = None,
        transcriptions: Transcriptions = ENGLISH,
    ) -> None:
        """Create a reader.

        Args:
            language: language of the texts; by default American English.
            acronyms: decides which words are read letter by letter; by default the model that
                comes with tanger, without a lexicon.
            transcriptions: parses pronunciations that texts give; by default to ARPAbet.
        """
        self.language = language or american_english()
        self.transcriptions = transcriptions
        self.acronyms = acronyms or _default_acronyms()
        # Plain words that were read before, the first ones
        self._plain: set[str] = set()

    def read(self, text: str, known: Known = _unknown) -> list[Token]:
        """Return the tokens of a text, in order; together they cover the text.

        Args:
            text: any text.
            known: whether a dictionary has a lower-case word.
        """
        return list(self.iterate(text, known))

    def iterate(
        self, text: str, known: Known = _unknown, fixed: Mapping[int, Fixed] | None = None
    ) -> Iterator[Token]:
        """Yield the tokens of a text one by one, so that the caller can do other work in between.

        Args:
            text: any text.
            known: whether a dictionary has a lower-case word.
            fixed: functions that read placeholder characters, by offset.
        """
        start, length = 0, len(text)
        while start < length:
            match = _ORDINARY.match(text, start)
            end = length if match is None else min(length, match.end() + _LONGEST_RUN)
            section = text if end - start == length else text[start:end]
            for token in self._iterate_section(section, known, fixed or {}, start):
                yield _moved(token, start) if start else token
            start = end

    def _iterate_section(
        self, text: str, known: Known, fixed: Mapping[int, Fixed], offset: int
    ) -> Iterator[Token]:
        """Yield the tokens of a section that begins at `offset`, with positions in the section."""
        recognize = self.transcriptions.recognize
        scan = Scan(text, self.language.tables, self.acronyms, known, recognize)
        at, length = 0, len(text)
        while at < length:
            if fixed and (read := fixed.get(offset + at)) is not None:
                token = self._token(scan, at, read(self, scan, at))
            else:
                token = self._next(scan, at)
            scan.tokens.append(token)
            at = token.end
            yield token

    def is_plain(self, word: str) -> bool:
        """Return whether an isolated word needs no expansion."""
        if word in self._plain:
            return True
        return self.language.plain.fullmatch(word) is not None and self._is_ordinary(word)

    def _next(self, scan: Scan, at: int) -> Token:
        text = scan.text
        match = self.language.plain.match(text, at)
        if match is not None:
            written = match[0]
            if written in self._plain or self._is_ordinary(written):
                end = match.end()
                return Token("word", scan.source[at:end], at, end, (SpokenWord(written),))
        elif match := _SPACE.match(text, at):
            return Token("space", match[0], at, match.end(), ())
        return self._recognized(scan, at)

    def _is_ordinary(self, written: str) -> bool:
        """Return whether a word that looks plain needs no expansion."""
        if self.language.needs_care(self.language.tables, self.acronyms, written):
            return False
        if len(self._plain) < _MAX_PLAIN:
            self._plain.add(written)
        return True

    def _recognized(self, scan: Scan, at: int) -> Token:
        character = scan.text[at]
        language = self.language
        reading: Reading | None = None
        if character in _NUMBER_START:
            reading = _first(language.numbers, scan, at)
        if reading is None:
            recognizers = (
                language.letters if character.isalpha() or character == "'" else language.signs
            )
            reading = _first(recognizers, scan, at) or language.unknown(scan, at)
        if language.possessive and scan.text.startswith(language.possessive, reading.end):
            reading = _possessive(scan, reading, language.possessive)
        return self._token(scan, at, reading)

    def _token(self, scan: Scan, at: int, reading: Reading) -> Token:
        end = reading.end
        confidence = reading.confidence
        if confidence is None:
            confidence = self.language.tables.confidence.get(reading.kind, 1.0)
        text = scan.source[at:end]
        return Token(reading.kind, text, at, end, reading.words, confidence, reading.warnings)


def _possessive(scan: Scan, reading: Reading, ending: str) -> Reading:
    """Return a reading with the possessive ending behind it: ``iPhone 15's``, ``Inc.'s``."""
    end = reading.end + len(ending)
    if not reading.words or scan.after(end).isalnum():
        return reading
    *first, last = reading.words
    last = replace(last, text=f"{last.text}{ending}", phonemes=None)
    return reading._replace(end=end, spoken=(*first, last))


def _moved(token: Token, by: int) -> Token:
    """Return a token whose place is so many characters further on."""
    return replace(token, start=by + token.start, end=by + token.end)


def _first(recognizers: Sequence[Recognizer], scan: Scan, at: int) -> Reading | None:
    for recognizer in recognizers:
        if (found := recognizer(scan, at)) is not None:
            return found
    return None


def spoken(tokens: list[Token]) -> str:
    """Return the spoken words of tokens in one line."""
    return " ".join(line for token in tokens if (line := token.spoken))

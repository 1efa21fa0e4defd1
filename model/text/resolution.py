"""Choose the source of each segment of a word: a lexicon, a rule, or the network.

Nothing here reads a file or runs the network: lexicons are looked up through `WordLookup`, and
segments for the network have the source ``model``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tanger.model import TangerError
from tanger.model.lexicon import Variant
from tanger.model.lexicon.phrases import Phrases
from tanger.model.text.lexicon_resolution import LexiconResolver, UnspeakableError
from tanger.model.text.lookup import KnownWord, Origin, WordLookup
from tanger.model.text.parts import Part
from tanger.model.text.phrases import with_phrases
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.reading import WordReader, WordReading
from tanger.model.text.segments import (
    ReadWord,
    Segment,
    Source,
    WordResolution,
    normalized_text,
    part_segment,
    unresolvable,
)
from tanger.model.text.senses import homographs, sentences, with_senses
from tanger.model.text.speller import WordError
from tanger.model.text.ssml import Document
from tanger.model.text.transcriptions import ENGLISH, Transcriptions
from tanger.model.text.weak_forms import with_weak_forms


class TextError(TangerError, ValueError):
    """A text, or an option for texts, is not for the language of the artifact."""

    def __init__(
        self, problem: str = "texts are not read in the language of this artifact"
    ) -> None:
        super().__init__(problem)


class Resolver:
    """Resolves words for one artifact and its lexicons."""

    def __init__(self, reader: WordReader, lookup: WordLookup) -> None:
        self.reader = reader
        self.lookup = lookup

    @property
    def transcriptions(self) -> Transcriptions:
        """Parses the pronunciations that texts give."""
        return ENGLISH if self.reader.text is None else self.reader.text.transcriptions

    def resolve(self, words: Sequence[str], source: Source) -> list[WordResolution]:
        """Resolve words, in their order.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        if source != "model":
            return LexiconResolver(self.reader, self.lookup, source).resolve(words)
        return [
            WordResolution(word, form, (Segment(form),))
            if (form := self.reader.plain(word)) is not None
            else self._of_network(self.reader.read(word))
            for word in words
        ]

    def phrases(self, source: Source) -> Phrases | None:
        """Return the phrases to find in texts; None if `source` excludes lexicons.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        return None if source == "model" else self.lookup.phrases()

    def sentences(
        self, text: str | Document, *, weak_forms: bool = False, phrases: Phrases | None = None
    ) -> Iterator[list[Token]]:
        """Yield the tokens of a text, sentence by sentence.

        Args:
            text: plain text, or an SSML document.
            weak_forms: whether function words get their weak forms.
            phrases: lexicon entries that become one word as they stand.

        Raises:
            TextError: if there is no reader for the artifact's language, or no weak forms.
        """
        if self.reader.text is None:
            raise TextError
        if weak_forms and not self.reader.american:
            raise TextError("weak forms are known in American English alone: ask without them")
        tables = self.reader.text.language.tables
        if isinstance(text, Document):
            tokens = text.tokens(self.reader.text, self.lookup.has, phrases)
        else:
            tokens = self.reader.text.iterate(text, self.lookup.has)
            if phrases:
                tokens = with_phrases(tokens, phrases)
        found: Iterator[list[Token]] = sentences(tokens)
        if self.reader.american:
            found = (with_senses(sentence, homographs()) for sentence in found)
        return (with_weak_forms(each, tables) for each in found) if weak_forms else found

    def resolve_read(self, words: Sequence[ReadWord], source: Source) -> list[WordResolution]:
        """Resolve the words of a text, in their order.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        if source != "model":
            return LexiconResolver(self.reader, self.lookup, source).resolve_read(words)
        return [
            unresolvable(read.word, parts)
            if isinstance(parts := self.reader.parts(read.word, by_rule=read.by_rule), WordError)
            else _resolved(read.word, parts)
            for read in words
        ]

    def alias_fault(self, word: str, alias: str) -> str | None:
        """Return why an alias of a word is not valid, or None if it is.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        resolver = LexiconResolver(self.reader, self.lookup, "auto")
        variants = (Variant((), alias=alias),)
        try:
            resolver.resolve_alias(word, KnownWord("user", word, variants, (), Origin()), ())
        except UnspeakableError as e:
            return e.error.message
        return None

    @staticmethod
    def _of_network(reading: WordReading) -> WordResolution:
        """Resolve a reading by rules and, for all other parts, the network."""
        return WordResolution(
            reading.spelling.word,
            reading.spelling.normalized or None,
            tuple(map(part_segment, reading.parts)),
            reading.spelling.warnings,
            reading.spelling.error,
            reading.probability,
        )


def _resolved(word: SpokenWord, parts: Sequence[Part]) -> WordResolution:
    segments = tuple(map(part_segment, parts))
    notes = tuple(dict.fromkeys(note for part in parts for note in part.warnings))
    return WordResolution(word.text, normalized_text(segments) or None, segments, notes)

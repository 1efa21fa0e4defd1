"""Which source answers each segment of a word: a lexicon, a rule, or the network.

Nothing here reads a file or asks the network: lexicons come through `WordLookup`, and what is left
for the network is a segment whose source is ``model``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from tanger.model import TangerError
from tanger.model.lexicon.index import lexicon_key
from tanger.model.phonology.stress import strip
from tanger.model.text import derived_forms
from tanger.model.text.homographs.model import HomographModel
from tanger.model.text.lookup import KnownWord, Origin, Pronunciations, WordLookup
from tanger.model.text.reader.reader import MODELS
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.reading import Part, Reader, Reading
from tanger.model.text.senses import sentences, with_senses
from tanger.model.text.speller import WordError
from tanger.model.text.weak_forms import with_weak_forms

# Where pronunciations may come from.
Source = Literal["model", "lexicon", "auto"]
# What answered a word, and what answered a segment of one.
Answerer = Literal["model", "lexicon", "user", "override"]
SegmentSource = Literal["model", "lexicon", "user", "override", "rule"]


_CAPITALS = re.compile("[A-Z]{2,}(?:'?s)?")


class Segment(NamedTuple):
    """A word to be pronounced, or a part of one.

    Attributes:
        text: in the artifact's graphemes; nothing where it has none of them, and an override.
        source: what knows it.
        listed: its pronunciations by a lexicon, an override or a rule; none where the network is
            the source.
        origin: which lexicon or rule that is.
    """

    text: str
    source: SegmentSource = "model"
    listed: Pronunciations = ()
    origin: Origin = Origin()


class WordResolution(NamedTuple):
    """How a word is going to be answered.

    Attributes:
        word: as it was sent.
        normalized: what is pronounced; None where nothing can be.
        segments: to be pronounced one after the other; none where nothing can be.
        warnings: what was changed on the way.
        error: why nothing can be pronounced, else None.
        chance: that it is read rightly, as far as a rule had to guess.
    """

    word: str
    normalized: str | None
    segments: tuple[Segment, ...]
    warnings: tuple[str, ...] = ()
    error: WordError | None = None
    chance: float = 1.0

    @property
    def network_word(self) -> str | None:
        """What the network alone pronounces, in one piece; None where anything else takes part."""
        segments = self.segments
        return segments[0].text if len(segments) == 1 and segments[0].source == "model" else None


class ReadWord(NamedTuple):
    """A word that a text reader found.

    Attributes:
        word: the word, as far as its pronunciation goes.
        by_rule: whether it comes of a number, a sign and the like, whose words a table may have.
    """

    word: SpokenWord
    by_rule: bool

    @classmethod
    def of(cls, word: SpokenWord, token: Token) -> ReadWord:
        """A word of a token."""
        return cls(word.sound, token.kind != "word")


@lru_cache(maxsize=1)
def homographs() -> HomographModel:
    """The model of homographs that comes with tanger."""
    return HomographModel.load(MODELS)


class TextError(TangerError, ValueError):
    """A text for an artifact of a language that texts are not read in."""

    def __init__(self) -> None:
        super().__init__("texts are read in English alone: this artifact has other phonemes")


class Resolver:
    """Decides for one artifact and its lexicons."""

    def __init__(self, reader: Reader, lookup: WordLookup) -> None:
        self.reader = reader
        self.lookup = lookup

    def resolve(self, words: Sequence[str], source: Source) -> list[WordResolution]:
        """A resolution for each word, in their order.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        if source != "model":
            return _LexiconResolver(self.reader, self.lookup, source).resolve(words)
        return [
            WordResolution(word, form, (Segment(form),))
            if (form := self.reader.plain(word)) is not None
            else self._of_network(self.reader.read(word))
            for word in words
        ]

    def sentences(self, text: str, *, weak_forms: bool = False) -> Iterator[list[Token]]:
        """The tokens of a text, sentence by sentence.

        Args:
            text: anything.
            weak_forms: whether small words are said as they are in a sentence.

        Raises:
            TextError: where the artifact is not English.
        """
        if self.reader.text is None:
            raise TextError
        tables = self.reader.text.language.tables
        tokens = self.reader.text.iterate(text, self.lookup.has)
        found = (with_senses(sentence, homographs()) for sentence in sentences(tokens))
        return (with_weak_forms(each, tables) for each in found) if weak_forms else found

    def resolve_read(self, words: Sequence[ReadWord], source: Source) -> list[WordResolution]:
        """A resolution for each word of a text, in their order.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        if source != "model":
            return _LexiconResolver(self.reader, self.lookup, source).resolve_read(words)
        return [
            _refused(read.word, part)
            if isinstance(part := self.reader.part(read.word, by_rule=read.by_rule), WordError)
            else _resolved(
                read.word,
                Segment(part.text) if part.spoken is None else _by_rule(part),
                part.warnings,
            )
            for read in words
        ]

    @staticmethod
    def _of_network(reading: Reading) -> WordResolution:
        """The network pronounces all that no rule does."""
        return WordResolution(
            reading.spelling.word,
            reading.spelling.normalized or None,
            tuple(
                Segment(part.text) if part.spoken is None else _by_rule(part)
                for part in reading.parts
            ),
            reading.spelling.warnings,
            reading.spelling.error,
            reading.chance,
        )


class _LexiconResolver:
    """One request's words in the lexicons: whole, else read in parts, else by a rule."""

    def __init__(self, reader: Reader, lookup: WordLookup, source: Source) -> None:
        self._reader = reader
        self._lookup = lookup
        self._source = source
        self._bare = functools.cache(reader.speller.bare)
        self._known: dict[str, KnownWord] = {}
        self._misfits: dict[str, str] = {}
        self._looked_up: set[str] = set()

    def resolve(self, words: Sequence[str]) -> list[WordResolution]:
        self._find(words)
        readings = {
            word: reading
            for word in dict.fromkeys(words)
            if (reading := self._reading(word)) is not None
        }
        # All parts at once; what is a word by itself was looked up as it was typed
        self._find(
            [
                part.looked_up
                for word, reading in readings.items()
                for part in reading.parts
                if part.looked_up != self._bare(word).normalized
            ]
        )
        return [
            self._of_reading(readings[word]) if word in readings else self._of_lexicon(word)
            for word in words
        ]

    def resolve_read(self, words: Sequence[ReadWord]) -> list[WordResolution]:
        """A resolution for each word of a text."""
        parts = [self._reader.part(read.word, by_rule=read.by_rule) for read in words]
        self._find([read.word.text for read in words])
        return [self._of_read(read.word, part) for read, part in zip(words, parts, strict=True)]

    def _of_read(self, word: SpokenWord, part: Part | WordError) -> WordResolution:
        known = self._known.get(word.text)
        if isinstance(part, WordError):
            return _refused(word, part)
        if known is not None and (segment := _listed(part, known)) is not None:
            return _resolved(word, segment, (*known.warnings, *self._misfit(word.text)))
        segment, notes = self._of_part(part)
        if segment.source == "model" and self._source == "lexicon":
            return _refused(word, _not_in_lexicon("this word"))
        return _resolved(word, segment, notes)

    def _reading(self, word: str) -> Reading | None:
        """How a word is read; None where the entry that a lexicon has of it counts.

        A dictionary has ``ID`` and ``OS`` as words: where they are said letter by letter, they are,
        unless people wrote an entry themselves.
        """
        known = self._known.get(word)
        if known is None:
            return self._reader.read(word, self._is_known)
        if known.source == "user" or not _CAPITALS.fullmatch(word):
            return None
        reading = self._reader.read(word, self._is_known)
        return reading if reading.spelt and not _alike(reading.parts[0], known) else None

    def _find(self, words: Sequence[str]) -> None:
        new = [word for word in words if word not in self._looked_up]
        if new:
            self._looked_up.update(new)
            known, misfits = self._lookup.find(new, self._bare)
            self._known |= known
            self._misfits |= misfits

    def _is_known(self, word: str) -> bool:
        self._find([word])
        return word in self._known

    def _misfit(self, *words: str) -> tuple[str, ...]:
        return tuple(self._misfits[word] for word in words if word in self._misfits)

    def _of_lexicon(self, word: str) -> WordResolution:
        known = self._known[word]
        warnings = (*known.warnings, *self._misfit(word))
        return WordResolution(
            word, known.normalized, (_of_known(known, known.normalized),), warnings
        )

    def _of_reading(self, reading: Reading) -> WordResolution:
        word, normalized = reading.spelling.word, reading.spelling.normalized
        # How parts are spelt for the network does not count where a lexicon has them
        respelt = {note for part in reading.parts for note in part.warnings}
        warnings = [note for note in reading.spelling.warnings if note not in respelt]
        warnings += self._misfit(word)
        segments: list[Segment] = []
        missing: list[str] = []
        for part in reading.parts:
            segment, notes = self._of_part(part)
            warnings += notes
            segments.append(segment)
            if segment.source == "model":
                missing.append(part.looked_up)
        error = self._error(reading, missing if self._source == "lexicon" else ())
        notes = tuple(dict.fromkeys(warnings))
        if error is not None:
            return WordResolution(word, normalized, (), notes, error)
        spelt = "-".join(segment.text for segment in segments) or None
        return WordResolution(word, spelt, tuple(segments), notes, None, reading.chance)

    def _of_part(self, part: Part) -> tuple[Segment, tuple[str, ...]]:
        """What pronounces a part, and the warnings about it."""
        known = self._known.get(part.looked_up)
        if known is not None and (segment := _listed(part, known)) is not None:
            return segment, (*known.warnings, *self._misfit(part.looked_up))
        if part.spoken is not None:
            return _by_rule(part), ()
        if self._reader.english:
            stems = _Stems(self._known, self._is_known)
            word = lexicon_key(part.looked_up).upper()
            derived = derived_forms.inflected(word, stems)
            if derived and stems.last is not None:
                stem = self._known[stems.last]
                origin = stem.origin._replace(rule="derived", stem=stems.last)
                text = self._bare(word).normalized or part.text
                segment = Segment(text, stem.source, tuple(derived), origin)
                return segment, (*stem.warnings, f"{word}: by rule, from {stems.last}")
        return Segment(part.text), part.warnings

    def _error(self, reading: Reading, missing: Sequence[str]) -> WordError | None:
        error = reading.spelling.error
        if error is not None and (self._source != "lexicon" or error.code != "unspellable"):
            return error
        if error is None and not missing:
            return None
        which = "this word" if len(reading.parts) <= 1 else ", ".join(dict.fromkeys(missing))
        return _not_in_lexicon(which)


class _Stems(Mapping[str, Sequence[tuple[str, ...]]]):
    """The lexicons as a mapping, for rules that look for stems.

    Attributes:
        last: the word that was last taken out of it.
    """

    def __init__(self, known: Mapping[str, KnownWord], is_known: Callable[[str], bool]) -> None:
        self._known = known
        self._is_known = is_known
        self.last: str | None = None

    def __getitem__(self, word: str) -> Pronunciations:
        if not self._is_known(word):
            raise KeyError(word)
        self.last = word
        return self._known[word].pronunciations

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _alike(part: Part, known: KnownWord) -> bool:
    """Whether a lexicon pronounces a part first as the rule does, stress aside."""
    return part.spoken is not None and strip(part.spoken) == strip(known.pronunciations[0])


def _listed(part: Part, known: KnownWord) -> Segment | None:
    """The segment of a lexicon that has a part: all its variants, or the one that a rule wants.

    None where there is no such variant, or no lexicon counts.
    """
    if part.rule == "override":
        return None
    if part.written is not None:
        return _of_known(known, known.normalized)
    if part.listed or part.spoken is None or known.source == "user":
        return _of_known(known, part.text)
    if part.rule == "weak_form":
        return None  # lexicons have it with the stress of the word alone
    wanted = strip(part.spoken)
    variants = tuple(each for each in known.pronunciations if strip(each) == wanted)
    return _of_known(known, part.text)._replace(listed=variants) if variants else None


def _resolved(word: SpokenWord, segment: Segment, notes: tuple[str, ...]) -> WordResolution:
    return WordResolution(word.text, segment.text or None, (segment,), notes)


def _refused(word: SpokenWord, error: WordError) -> WordResolution:
    return WordResolution(word.text, None, (), (), error)


def _not_in_lexicon(which: str) -> WordError:
    message = f"no lexicon here has {which}: ask with source auto, and the model answers"
    return WordError("not_in_lexicon", message)


def _of_known(known: KnownWord, text: str) -> Segment:
    """A word, or a part of one, that a lexicon has."""
    return Segment(text, known.source, known.pronunciations, known.origin)


def _by_rule(part: Part) -> Segment:
    """A part that a rule, or the text itself, pronounces."""
    if part.rule == "override":
        return Segment(part.text, "override", (part.spoken or (),))
    origin = Origin(rule=part.rule)
    return Segment(part.text, "rule", (part.spoken or (),), origin)

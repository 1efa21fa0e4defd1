"""Which source answers each segment of a word: a lexicon, a rule, or the network.

Nothing here reads a file or asks the network: lexicons come through `WordLookup`, and what is left
for the network is a segment whose source is ``model``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from tanger.model import TangerError
from tanger.model.lexicon import Entry
from tanger.model.lexicon.index import Found, choose, lexicon_key, tidied
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.stress import strip
from tanger.model.text import derived_forms
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.homographs.model import HomographModel
from tanger.model.text.reader.reader import MODELS
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.reading import Part, Reader, Reading
from tanger.model.text.senses import with_senses
from tanger.model.text.speller import Speller, Spelling, WordError, lookup_warnings
from tanger.model.text.variants import Order

# Where pronunciations may come from.
Source = Literal["model", "lexicon", "auto"]
# What answered a word, and what answered a segment of one.
Answerer = Literal["model", "lexicon", "user"]
SegmentSource = Literal["model", "lexicon", "user", "rule"]
# What pronounces a segment that is in no lexicon as it stands.
Rule = Literal["number", "letters", "derived"]
Pronunciations = tuple[tuple[str, ...], ...]


_CAPITALS = re.compile("[A-Z]{2,}(?:'?s)?")


class Origin(NamedTuple):
    """Where a pronunciation comes from, for those who ask for an explanation.

    Attributes:
        lexicon: its name.
        rank: its place in the order in which lexicons are looked up, from 1.
        rule: what made a segment that is in no lexicon as it stands.
        stem: what that rule made it of.
        order: of the lexicon's pronunciations.
    """

    lexicon: str | None = None
    rank: int | None = None
    rule: Rule | None = None
    stem: str | None = None
    order: Order | None = None


class Segment(NamedTuple):
    """A word to be pronounced, or a part of one.

    Attributes:
        text: in the artifact's graphemes.
        source: what knows it.
        listed: its pronunciations by a lexicon or a rule; none where the network is the source.
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
        word: the word.
        by_rule: whether it comes of a number, a sign and the like, whose words a table may have.
    """

    word: SpokenWord
    by_rule: bool


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

    def read_text(self, text: str) -> list[Token]:
        """The tokens of a text.

        Raises:
            TextError: where the artifact is not English.
        """
        return list(self.iterate_text(text))

    def iterate_text(self, text: str) -> Iterator[Token]:
        """The tokens of a text, one by one.

        Raises:
            TextError: where the artifact is not English.
        """
        if self.reader.text is None:
            raise TextError
        tokens = self.reader.text.iterate(text, self.lookup.has)
        return with_senses(tokens, homographs())

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
                read.word, Segment(part.text) if part.spoken is None else _by_rule(part), ()
            )
            for read in words
        ]

    @staticmethod
    def _of_network(reading: Reading) -> WordResolution:
        """The network pronounces all that no rule does."""
        return WordResolution(
            reading.spelling.word,
            reading.spelling.normalized,
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
        self._spell = functools.cache(reader.speller.spell)
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
                part.text
                for word, reading in readings.items()
                for part in reading.parts
                if part.text != self._spell(word).normalized
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
            known, misfits = self._lookup.find(new, self._spell)
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
        return WordResolution(word, known.normalized, (known.segment(known.normalized),), warnings)

    def _of_reading(self, reading: Reading) -> WordResolution:
        word, normalized = reading.spelling.word, reading.spelling.normalized
        warnings = (*reading.spelling.warnings, *self._misfit(word))
        segments: list[Segment] = []
        missing: list[str] = []
        for part in reading.parts:
            segment, notes = self._of_part(part)
            warnings = (*warnings, *notes)
            segments.append(segment)
            if segment.source == "model":
                missing.append(part.text)
        error = self._error(reading, missing if self._source == "lexicon" else ())
        if error is not None:
            return WordResolution(word, normalized, (), warnings, error)
        return WordResolution(word, normalized, tuple(segments), warnings, None, reading.chance)

    def _of_part(self, part: Part) -> tuple[Segment, tuple[str, ...]]:
        """What pronounces a part, and the warnings about it."""
        known = self._known.get(part.text)
        if known is not None and (segment := _listed(part, known)) is not None:
            return segment, (*known.warnings, *self._misfit(part.text))
        if part.spoken is not None:
            return _by_rule(part), ()
        if self._reader.english:
            stems = _Stems(self._known, self._is_known)
            derived = derived_forms.inflected(part.text, stems)
            if derived and stems.last is not None:
                stem = self._known[stems.last]
                origin = stem.origin._replace(rule="derived", stem=stems.last)
                segment = Segment(part.text, stem.source, tuple(derived), origin)
                return segment, (f"{part.text}: by rule, from {stems.last}",)
        return Segment(part.text), ()

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
    """The segment of a lexicon that has a part: all its variants, or the one that a rule wants."""
    if part.listed or part.spoken is None or known.source == "user":
        return known.segment(part.text)
    wanted = strip(part.spoken)
    variants = tuple(each for each in known.pronunciations if strip(each) == wanted)
    return known.segment(part.text)._replace(listed=variants) if variants else None


def _resolved(word: SpokenWord, segment: Segment, notes: tuple[str, ...]) -> WordResolution:
    return WordResolution(word.text, segment.text, (segment,), notes)


def _refused(word: SpokenWord, error: WordError) -> WordResolution:
    return WordResolution(word.text, None, (), (), error)


def _not_in_lexicon(which: str) -> WordError:
    message = f"no lexicon here has {which}: ask with source auto, and the model answers"
    return WordError("not_in_lexicon", message)


def _by_rule(part: Part) -> Segment:
    """A part that a rule pronounces."""
    origin = Origin(rule="number" if part.listed else "letters")
    return Segment(part.text, "rule", (part.spoken or (),), origin)


# ------------------------------------------------------------------------------------------------
# Words in the lexicons: people's own, then dictionaries.


class UserEntries(Protocol):
    """Words that people wrote down themselves; they come before all dictionaries."""

    @property
    def path(self) -> Path:
        """The file that they are kept in."""

    def revision(self) -> str:
        """A text that changes with every write."""

    def find(self, keys: Collection[str]) -> Mapping[str, Sequence[Entry]]:
        """The entries with these keys (see `lexicon.index.lexicon_key`), by key."""


class KnownWord(NamedTuple):
    """A word that a lexicon has.

    Attributes:
        source: which kind of lexicon.
        normalized: the word as it was found.
        pronunciations: with stress digits where the lexicon has them.
        warnings: what of the typed word did not count.
        origin: which lexicon.
    """

    source: Literal["lexicon", "user"]
    normalized: str
    pronunciations: Pronunciations
    warnings: tuple[str, ...]
    origin: Origin

    def segment(self, text: str) -> Segment:
        """The segment that this word answers."""
        return Segment(text, self.source, self.pronunciations, self.origin)


class _Query(NamedTuple):
    """A word on its way through the lexicons: as it was sent, and as it is looked up."""

    word: str
    typed: str
    key: str


class WordLookup:
    """All lexicons that there are for one artifact."""

    def __init__(
        self,
        speller: Speller,
        inventory: Inventory,
        dictionaries: Dictionaries,
        user: UserEntries | None = None,
    ) -> None:
        self.user = user
        self._speller = speller
        self._inventory = inventory
        self._dictionaries = dictionaries
        names = [name for name, _ in dictionaries.names]
        if user is not None:
            names.insert(0, user.path.name)
        origins = [Origin(name, rank, order="lexicon") for rank, name in enumerate(names, 1)]
        self._user_origin = origins.pop(0) if user is not None else Origin()
        self._origins = origins

    def revision(self) -> str:
        """Other lexicons, or other words in one, have another one.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        return self._dictionaries.revision + (self.user.revision() if self.user else "")

    def has(self, word: str) -> bool:
        """Whether a dictionary has a word; people's own entries are not looked at."""
        return bool(self._dictionaries.pronunciations(word))

    def find(
        self, words: Iterable[str], spell: Callable[[str], Spelling]
    ) -> tuple[dict[str, KnownWord], dict[str, str]]:
        """What is known of words: each as it was typed, else as the artifact's letters have it.

        Args:
            words: as they were sent.
            spell: spells one in the artifact's letters.

        Returns:
            what is known, by word; and by word what a person's own entry has that this artifact
            cannot pronounce, so that it does not count.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        queries = [
            _Query(word, tidied(word), lexicon_key(word))
            for word in dict.fromkeys(words)
            if self._speller.readable(word)
        ]
        misfits: dict[str, str] = {}
        known = {
            query.word: KnownWord(
                source,
                self._speller.cased(query.key),
                found.pronunciations,
                lookup_warnings(query.word, found.spellings),
                origin,
            )
            for query, source, found, origin in self._look_up(queries, misfits)
        }
        bare: list[_Query] = []
        for word, _, key in queries:
            if word not in known and (normalized := spell(word).normalized) is not None:
                bare_key = lexicon_key(normalized)
                if bare_key != key:
                    bare.append(_Query(word, normalized, bare_key))
        for query, source, found, origin in self._look_up(bare, misfits):
            warnings = spell(query.word).warnings
            known[query.word] = KnownWord(
                source, query.typed, found.pronunciations, warnings, origin
            )
        return known, misfits

    def _look_up(
        self, queries: Collection[_Query], misfits: dict[str, str]
    ) -> Iterator[tuple[_Query, Literal["lexicon", "user"], Found, Origin]]:
        own = self.user.find({query.key for query in queries}) if self.user and queries else {}
        for query in queries:
            if (entries := own.get(query.key)) is not None:
                found = choose(query.typed, self._fitting(query.word, entries, misfits))
                if found.pronunciations:
                    yield query, "user", found, self._user_origin
                    continue
            listed = self._dictionaries.get(query.typed, query.key)
            if listed is not None:
                origin = self._origins[listed.place]._replace(order=listed.order)
                yield query, "lexicon", listed.found, origin

    def _fitting(self, word: str, entries: Iterable[Entry], misfits: dict[str, str]) -> list[Entry]:
        """Entries that were written for an artifact of these phonemes."""
        fitting = []
        for entry in entries:
            if (symbol := self._inventory.misfit(entry.phonemes)) is None:
                fitting.append(entry)
            else:
                misfits[word] = f"an entry of the user lexicon does not fit this artifact: {symbol}"
        return fitting

"""Who says what: each word of a request in pieces, and for each piece what knows how it is said."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tanger.model.lexicon import Entry
from tanger.model.lexicon.index import Found, choose, lexicon_key, tidied
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.reading import Part, Reader, Reading, derived
from tanger.model.text.speller import Speller, Spelling, lookup_warnings
from tanger.service.schemas import Answerer, Rule, Source, WordError
from tanger.service.serving.lexicons import Lexicons
from tanger.service.user_lexicon.store import UserLexicon

# ------------------------------------------------------------------------------------------------
# Where pronunciations come from that need no network: people's own words, then lexicons.


class Place(NamedTuple):
    """Where a pronunciation comes from, for those who ask for an explanation.

    Attributes:
        lexicon: its name.
        rank: its place in the order in which lexicons are asked, from 1.
        rule: what made a part that is in no lexicon as it stands.
        stem: what that rule made it of.
    """

    lexicon: str | None = None
    rank: int | None = None
    rule: Rule | None = None
    stem: str | None = None


class Known(NamedTuple):
    """A word that a lexicon has.

    Attributes:
        source: which kind of lexicon.
        normalized: the word as it was found.
        pronunciations: with stress digits where the lexicon has them.
        warnings: what of the typed word did not count.
        place: which lexicon.
    """

    source: Answerer
    normalized: str
    pronunciations: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]
    place: Place


class _Requested(NamedTuple):
    """A word on its way through the lexicons: as it was sent, and as it is looked up."""

    word: str
    typed: str
    key: str


class Sources:
    """All lexicons that there are for one artifact."""

    def __init__(
        self, speller: Speller, inventory: Inventory, lexicons: Lexicons, user: UserLexicon | None
    ) -> None:
        self.speller = speller
        self.inventory = inventory
        self.lexicons = lexicons
        self.user = user
        names = [name for name, _ in lexicons.names]
        if user is not None:
            names.insert(0, user.path.name)
        places = [Place(name, rank) for rank, name in enumerate(names, 1)]
        self._user_place = places[0] if user is not None else Place()
        self._places = places[1:] if user is not None else places

    def revision(self) -> str:
        """Other lexicons, or other words in one, have another one.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        return self.lexicons.revision + (self.user.revision() if self.user else "")

    def find(
        self, words: Iterable[str], spell: Callable[[str], Spelling]
    ) -> tuple[dict[str, Known], dict[str, str]]:
        """What is known of words: each as it was typed, else as the artifact's letters have it.

        Args:
            words: as they were sent.
            spell: spells one in the artifact's letters.

        Returns:
            what is known, by word; and by word what a person's own entry has that this artifact
            cannot say, so that it does not count.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        requested = [
            _Requested(word, tidied(word), lexicon_key(word))
            for word in dict.fromkeys(words)
            if self.speller.readable(word)
        ]
        misfits: dict[str, str] = {}
        known = {
            each.word: Known(
                source,
                self.speller.cased(each.key),
                found.pronunciations,
                lookup_warnings(each.word, found.spellings),
                place,
            )
            for each, source, found, place in self._look_up(requested, misfits)
        }
        bare: list[_Requested] = []
        for word, _, key in requested:
            if word not in known and (normalized := spell(word).normalized) is not None:
                bare_key = lexicon_key(normalized)
                if bare_key != key:
                    bare.append(_Requested(word, normalized, bare_key))
        for each, source, found, place in self._look_up(bare, misfits):
            warnings = spell(each.word).warnings
            known[each.word] = Known(source, each.typed, found.pronunciations, warnings, place)
        return known, misfits

    def _look_up(
        self, requested: Collection[_Requested], misfits: dict[str, str]
    ) -> Iterable[tuple[_Requested, Answerer, Found, Place]]:
        own = self.user.find({each.key for each in requested}) if self.user and requested else {}
        for each in requested:
            if (entries := own.get(each.key)) is not None:
                found = choose(each.typed, self._fitting(each.word, entries, misfits))
                if found.pronunciations:
                    yield each, "user", found, self._user_place
                    continue
            listed = self.lexicons.get(each.typed, each.key)
            if listed is not None:
                found, place = listed
                yield each, "lexicon", found, self._places[place]

    def _fitting(self, word: str, entries: Iterable[Entry], misfits: dict[str, str]) -> list[Entry]:
        """Entries that were written for an artifact of these phonemes."""
        fitting = []
        for entry in entries:
            if (symbol := self.inventory.misfit(entry.phonemes)) is None:
                fitting.append(entry)
            else:
                misfits[word] = f"an entry of the user lexicon does not fit this artifact: {symbol}"
        return fitting


Pronunciations = tuple[tuple[str, ...], ...]


class Segment(NamedTuple):
    """A word to be said, or a part of one.

    Attributes:
        text: in the artifact's graphemes.
        source: what knows it: a lexicon, the network, or None for a rule.
        listed: how it is said, by a lexicon or a rule; the network is yet to be asked.
        place: which lexicon or rule that is.
    """

    text: str
    source: Answerer | None = "model"
    listed: Pronunciations = ()
    place: Place = Place()


class WordResolution(NamedTuple):
    """How a word is going to be answered.

    Attributes:
        word: as it was sent.
        normalized: what is said; None where nothing can be.
        warnings: what was done on the way.
        error: why nothing can be said, else None.
        parts: its pieces; None for a word that the network says as it stands.
        chance: that it is read rightly, as far as a rule had to guess.
    """

    word: str
    normalized: str | None
    warnings: tuple[str, ...] = ()
    error: WordError | None = None
    parts: tuple[Segment, ...] | None = None
    chance: float = 1.0

    @property
    def segments(self) -> tuple[Segment, ...]:
        """To be said one after the other; none where nothing can be."""
        if self.parts is None and self.normalized is not None:
            return (Segment(self.normalized),)
        return self.parts or ()

    @property
    def sources(self) -> set[Answerer]:
        """What knows the pieces, rules aside."""
        return {segment.source for segment in self.segments if segment.source is not None}


class Resolver:
    """Plans for one artifact and its lexicons."""

    def __init__(self, reader: Reader, sources: Sources) -> None:
        self.reader = reader
        self.sources = sources

    def resolve(self, words: Sequence[str], source: Source) -> list[WordResolution]:
        """A plan for each word, in their order.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        if source == "model":
            return [
                WordResolution(word, form)
                if (form := self.reader.plain(word)) is not None
                else self._of_network(self.reader.read(word))
                for word in words
            ]
        return _Lookup(self.reader, self.sources, source).resolve(words)

    def _of_network(self, reading: Reading) -> WordResolution:
        return WordResolution(
            reading.spelling.word,
            reading.spelling.normalized,
            reading.spelling.warnings,
            unspelt(reading.spelling),
            tuple(
                Segment(part.text) if part.spoken is None else by_rule(part)
                for part in reading.parts
            ),
            reading.chance,
        )


class _Lookup:
    """One request's words in the lexicons: whole, else read in parts, else by a rule."""

    def __init__(self, reader: Reader, sources: Sources, source: Source) -> None:
        self._reader = reader
        self._sources = sources
        self._source = source
        self._spell = functools.cache(reader.speller.spell)
        self._known: dict[str, Known] = {}
        self._misfits: dict[str, str] = {}
        self._requested: set[str] = set()

    def resolve(self, words: Sequence[str]) -> list[WordResolution]:
        self._find(words)
        readings = {
            word: self._reader.read(word, self._is_known)
            for word in dict.fromkeys(words)
            if word not in self._known
        }
        # What is a word by itself was looked up as it was typed
        self._find(
            [
                part.text
                for word, reading in readings.items()
                if self._spell(word).normalized is None
                for part in reading.parts
                if part.listed
            ]
        )
        return [
            self._of_reading(readings[word]) if word in readings else self._of_lexicon(word)
            for word in words
        ]

    def _find(self, words: Sequence[str]) -> None:
        new = [word for word in words if word not in self._requested]
        if new:
            self._requested.update(new)
            known, misfits = self._sources.find(new, self._spell)
            self._known |= known
            self._misfits |= misfits

    def _is_known(self, word: str) -> bool:
        self._find([word])
        return word in self._known

    def _misfit(self, *words: str) -> tuple[str, ...]:
        return tuple(self._misfits[word] for word in words if word in self._misfits)

    def _of_lexicon(self, word: str) -> WordResolution:
        known = self._known[word]
        segment = Segment(known.normalized, known.source, known.pronunciations, known.place)
        warnings = (*known.warnings, *self._misfit(word))
        return WordResolution(word, known.normalized, warnings, None, (segment,))

    def _of_reading(self, reading: Reading) -> WordResolution:
        word, normalized = reading.spelling.word, reading.spelling.normalized
        warnings = (*reading.spelling.warnings, *self._misfit(word))
        segments: list[Segment] = []
        missing: list[str] = []
        for part in reading.parts:
            segment, reported = self._piece(part)
            warnings = (*warnings, *reported)
            if segment is not None:
                segments.append(segment)
            elif self._source == "lexicon":
                missing.append(part.text)
            else:
                segments.append(Segment(part.text))
        error = self._error(reading, missing)
        if error is not None:
            return WordResolution(word, normalized, warnings, error, ())
        return WordResolution(word, normalized, warnings, None, tuple(segments), reading.chance)

    def _piece(self, part: Part) -> tuple[Segment | None, tuple[str, ...]]:
        """What knows a part without the network, and what is to be told of it."""
        known = self._known.get(part.text) if part.listed else None
        if known is not None:
            reported = (*known.warnings, *self._misfit(part.text))
            return Segment(part.text, known.source, known.pronunciations, known.place), reported
        if part.spoken is not None:
            return by_rule(part), ()
        if self._reader.english:
            stems = _Stems(self._known, self._is_known)
            found = derived(part.text, stems)
            if found and stems.last is not None:
                reported = (f"{part.text}: by rule, from {stems.last}",)
                stem = self._known[stems.last]
                place = stem.place._replace(rule="derived", stem=stems.last)
                return Segment(part.text, stem.source, tuple(found), place), reported
        return None, ()

    def _error(self, reading: Reading, missing: Sequence[str]) -> WordError | None:
        error = unspelt(reading.spelling)
        if error is not None and (self._source != "lexicon" or error.code != "unspellable"):
            return error
        if error is None and not missing:
            return None
        which = "this word" if len(reading.parts) <= 1 else ", ".join(dict.fromkeys(missing))
        message = f"no lexicon here has {which}: ask with source auto, and the model answers"
        return WordError(code="not_in_lexicon", message=message)


class _Stems(Mapping[str, Sequence[tuple[str, ...]]]):
    """The lexicons as a mapping, for rules that look for stems.

    Attributes:
        last: the word that was last taken out of it.
    """

    def __init__(self, known: Mapping[str, Known], is_known: Callable[[str], bool]) -> None:
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


def by_rule(part: Part) -> Segment:
    """A part that a rule says."""
    place = Place(rule="number" if part.listed else "letters")
    return Segment(part.text, None, (part.spoken or (),), place)


def unspelt(spelling: Spelling) -> WordError | None:
    """Why a word cannot be spelt."""
    if spelling.error is None:
        return None
    return WordError(code=spelling.error.code, message=spelling.error.message)

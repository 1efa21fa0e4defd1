"""Who says what: each word of a request in pieces, and for each piece what knows how it is said."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from model.reading import Part, Reader, Reading, derived
from model.spelling import Spelling
from service.schemas import Answerer, Source, WordError
from service.sources import Known, Place, Sources

Pronunciations = tuple[tuple[str, ...], ...]


class Piece(NamedTuple):
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


class Plan(NamedTuple):
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
    parts: tuple[Piece, ...] | None = None
    chance: float = 1.0

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """To be said one after the other; none where nothing can be."""
        if self.parts is None and self.normalized is not None:
            return (Piece(self.normalized),)
        return self.parts or ()

    @property
    def sources(self) -> set[Answerer]:
        """What knows the pieces, rules aside."""
        return {piece.source for piece in self.pieces if piece.source is not None}


class Planner:
    """Plans for one artifact and its lexicons."""

    def __init__(self, reader: Reader, sources: Sources) -> None:
        self.reader = reader
        self.sources = sources

    def plan(self, words: Sequence[str], source: Source) -> list[Plan]:
        """A plan for each word, in their order.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        if source == "model":
            return [
                Plan(word, form)
                if (form := self.reader.plain(word)) is not None
                else self._of_network(self.reader.read(word))
                for word in words
            ]
        return _Lookup(self.reader, self.sources, source).plan(words)

    def _of_network(self, reading: Reading) -> Plan:
        return Plan(
            reading.spelling.word,
            reading.spelling.normalized,
            reading.spelling.warnings,
            unspelt(reading.spelling),
            tuple(
                Piece(part.text) if part.spoken is None else by_rule(part) for part in reading.parts
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
        self._asked: set[str] = set()

    def plan(self, words: Sequence[str]) -> list[Plan]:
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
        new = [word for word in words if word not in self._asked]
        if new:
            self._asked.update(new)
            known, misfits = self._sources.find(new, self._spell)
            self._known |= known
            self._misfits |= misfits

    def _is_known(self, word: str) -> bool:
        self._find([word])
        return word in self._known

    def _misfit(self, *words: str) -> tuple[str, ...]:
        return tuple(self._misfits[word] for word in words if word in self._misfits)

    def _of_lexicon(self, word: str) -> Plan:
        known = self._known[word]
        piece = Piece(known.normalized, known.source, known.pronunciations, known.place)
        warnings = (*known.warnings, *self._misfit(word))
        return Plan(word, known.normalized, warnings, None, (piece,))

    def _of_reading(self, reading: Reading) -> Plan:
        word, normalized = reading.spelling.word, reading.spelling.normalized
        warnings = (*reading.spelling.warnings, *self._misfit(word))
        pieces: list[Piece] = []
        missing: list[str] = []
        for part in reading.parts:
            piece, told = self._piece(part)
            warnings = (*warnings, *told)
            if piece is not None:
                pieces.append(piece)
            elif self._source == "lexicon":
                missing.append(part.text)
            else:
                pieces.append(Piece(part.text))
        error = self._error(reading, missing)
        if error is not None:
            return Plan(word, normalized, warnings, error, ())
        return Plan(word, normalized, warnings, None, tuple(pieces), reading.chance)

    def _piece(self, part: Part) -> tuple[Piece | None, tuple[str, ...]]:
        """What knows a part without the network, and what is to be told of it."""
        known = self._known.get(part.text) if part.listed else None
        if known is not None:
            told = (*known.warnings, *self._misfit(part.text))
            return Piece(part.text, known.source, known.pronunciations, known.place), told
        if part.spoken is not None:
            return by_rule(part), ()
        if self._reader.english:
            stems = _Stems(self._known, self._is_known)
            found = derived(part.text, stems)
            if found and stems.last is not None:
                told = (f"{part.text}: by rule, from {stems.last}",)
                stem = self._known[stems.last]
                place = stem.place._replace(rule="derived", stem=stems.last)
                return Piece(part.text, stem.source, tuple(found), place), told
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


def by_rule(part: Part) -> Piece:
    """A part that a rule says."""
    place = Place(rule="number" if part.listed else "letters")
    return Piece(part.text, None, (part.spoken or (),), place)


def unspelt(spelling: Spelling) -> WordError | None:
    """Why a word cannot be spelt."""
    if spelling.error is None:
        return None
    return WordError(code=spelling.error.code, message=spelling.error.message)

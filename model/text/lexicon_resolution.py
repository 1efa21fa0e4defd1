"""Resolve words by lexicons: as a whole, by alias, in parts, or by rule from a known stem."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tanger.model.lexicon import Variant
from tanger.model.lexicon.index import lexicon_key
from tanger.model.lexicon.phrases import Phrases
from tanger.model.phonology.stress import strip
from tanger.model.text import derived_forms
from tanger.model.text.lookup import KnownWord, Pronunciations, WordLookup
from tanger.model.text.parts import Part
from tanger.model.text.reader.token import SpokenWord
from tanger.model.text.reading import MAX_PARTS, WordReader, WordReading
from tanger.model.text.segments import (
    ReadWord,
    Segment,
    Source,
    WordResolution,
    lexicon_segment,
    normalized_text,
    rule_segment,
    unresolvable,
)
from tanger.model.text.senses import matches
from tanger.model.text.speller import WordError

_CAPITALS = re.compile("[A-Z]{2,}(?:'?s)?")


class _PartResolution(NamedTuple):
    """The resolution of a part of a word: one segment, or those of its alias.

    Attributes:
        segments: segments to pronounce in sequence.
        warnings: warnings about them.
        probability: probability that an alias is read correctly.
        aliased: whether an alias was used.
        missing: texts that no lexicon has, which the network has to pronounce.
    """

    segments: tuple[Segment, ...]
    warnings: tuple[str, ...] = ()
    probability: float = 1.0
    aliased: bool = False
    missing: tuple[str, ...] = ()


class UnspeakableError(Exception):
    """An entry of a lexicon, or its alias, cannot be pronounced."""

    def __init__(self, error: WordError) -> None:
        super().__init__(error.message)
        self.error = error


class LexiconResolver:
    """Resolves the words of one request by lexicons: as a whole, in parts, or by rule."""

    def __init__(self, reader: WordReader, lookup: WordLookup, source: Source) -> None:
        self._reader = reader
        self._lookup = lookup
        self._source = source
        self._bare = functools.cache(reader.speller.bare)
        self._known: dict[str, KnownWord] = {}
        self._misfits: dict[str, str] = {}
        self._looked_up: set[str] = set()
        self._phrases: Phrases | None = None
        # Number of parts that the aliases of the current word may still expand to
        self._budget = MAX_PARTS

    def resolve(self, words: Sequence[str]) -> list[WordResolution]:
        """Resolve words, in their order."""
        self._find(words)
        readings = {
            word: reading
            for word in dict.fromkeys(words)
            if (reading := self._reading(word)) is not None
        }
        # Look up all parts at once; words of a single part have been looked up as typed
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
        """Resolve the words of a text, in their order."""
        parts = [self._reader.parts(read.word, by_rule=read.by_rule) for read in words]
        self._find([read.word.text for read in words])
        self._find(
            [
                part.looked_up
                for found in parts
                if not isinstance(found, WordError) and len(found) > 1
                for part in found
            ]
        )
        return [self._of_read(read.word, found) for read, found in zip(words, parts, strict=True)]

    def _of_read(self, word: SpokenWord, parts: Sequence[Part] | WordError) -> WordResolution:
        if isinstance(parts, WordError):
            return unresolvable(word, parts)
        try:
            if len(parts) == 1:
                resolved = self._resolve_part(parts[0], word.text)
            elif (known := self._known.get(word.text)) is not None and not word.letters:
                resolved = self._resolve_part(Part(known.normalized), word.text)
            else:
                resolved = _joined(map(self._resolve_part, parts), (), 1.0)
        except UnspeakableError as e:
            return unresolvable(word, e.error)
        if self._source == "lexicon" and (missing := resolved.missing):
            which = ", ".join(missing) if resolved.aliased else "this word"
            return unresolvable(word, _not_in_lexicon(which))
        return WordResolution(
            word.text,
            normalized_text(resolved.segments) or None,
            resolved.segments,
            resolved.warnings,
            probability=resolved.probability,
        )

    def _reading(self, word: str) -> WordReading | None:
        """Read a word; None if its entry in a lexicon is to be used.

        Dictionaries have ``ID`` and ``OS`` as words. A reading by letters takes precedence over
        such an entry, but not over a user's own.
        """
        known = self._known.get(word)
        if known is None:
            return self._read(word)
        if known.source == "user" or known.alias is not None or not _CAPITALS.fullmatch(word):
            return None
        reading = self._read(word)
        return reading if reading.spelt and not _alike(reading.parts[0], known) else None

    def _read(self, text: str) -> WordReading:
        if self._phrases is None:
            self._phrases = self._lookup.phrases()
        return self._reader.read(text, self._is_known, self._phrases)

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
        if known.alias is not None:
            return self._of_alias(word, known)
        return WordResolution(
            word, known.normalized, (lexicon_segment(known, known.normalized),), warnings
        )

    def _of_alias(self, word: str, known: KnownWord) -> WordResolution:
        try:
            resolved = self.resolve_alias(word, known, ())
        except UnspeakableError as e:
            return WordResolution(word, None, (), known.warnings, e.error)
        normalized = normalized_text(resolved.segments)
        if self._source == "lexicon" and (missing := resolved.missing):
            error = _not_in_lexicon(", ".join(missing))
            return WordResolution(word, normalized, (), resolved.warnings, error)
        return WordResolution(
            word, normalized, resolved.segments, resolved.warnings, None, resolved.probability
        )

    def resolve_alias(self, word: str, known: KnownWord, chain: tuple[str, ...]) -> _PartResolution:
        """Resolve a word that has an alias: by the entry of the whole alias, or by its words.

        Args:
            word: the word.
            known: the lexicon's entry for it.
            chain: words whose aliases led to it.

        Raises:
            UnspeakableError: if the alias cannot be read, or leads back to one of these words.
        """
        if not chain:
            self._budget = MAX_PARTS
        chain, alias = (*chain, word), known.alias or ""
        _check_cycle(alias, chain)
        self._spend(1, chain)
        self._find([alias])
        whole = self._known.get(alias)
        if whole is None:
            resolved = self._read_alias(alias, chain)
        elif whole.alias is not None:
            resolved = self.resolve_alias(alias, whole, chain)
        else:
            resolved = _PartResolution((lexicon_segment(whole, whole.normalized),), whole.warnings)
        notes = (*known.warnings, *self._misfit(word), f"{word} -> {alias}", *resolved.warnings)
        return resolved._replace(warnings=tuple(dict.fromkeys(notes)), aliased=True)

    def _read_alias(self, alias: str, chain: tuple[str, ...]) -> _PartResolution:
        # Without a text reader for the language, only spaces separate words
        words = [alias] if self._reader.text is not None else alias.split()
        resolved = []
        for reading in map(self._read, words):
            if reading.spelling.error is not None:
                raise UnspeakableError(reading.spelling.error)
            self._spend(len(reading.parts), chain)
            self._find([part.looked_up for part in reading.parts])
            parts = (self._resolve_part(part, chain=chain) for part in reading.parts)
            resolved.append(_joined(parts, _lasting(reading), reading.probability))
        return _joined(resolved, (), 1.0)

    def _spend(self, parts: int, chain: tuple[str, ...]) -> None:
        """Count parts, and aliases of aliases, of the word that the chain begins with.

        Raises:
            UnspeakableError: if there are too many.
        """
        self._budget -= parts
        if self._budget < 0:
            message = f"{chain[0]} is read as more than {MAX_PARTS} words, by its aliases"
            raise UnspeakableError(WordError("too_long", message))

    def _of_reading(self, reading: WordReading) -> WordResolution:
        word, normalized = reading.spelling.word, reading.spelling.normalized
        warnings = (*_lasting(reading), *self._misfit(word))
        try:
            resolved = _joined(
                map(self._resolve_part, reading.parts), warnings, reading.probability
            )
        except UnspeakableError as e:
            return WordResolution(word, normalized, (), warnings, e.error)
        missing = resolved.missing if self._source == "lexicon" else ()
        error = self._error(reading, missing)
        if error is not None:
            return WordResolution(word, normalized, (), resolved.warnings, error)
        if normalized is not None:
            normalized = normalized_text(resolved.segments) or None
        return WordResolution(
            word, normalized, resolved.segments, resolved.warnings, None, resolved.probability
        )

    def _resolve_part(
        self,
        part: Part,
        typed: str | None = None,
        chain: tuple[str, ...] = (),
    ) -> _PartResolution:
        """Resolve a part by a lexicon, an alias, a rule, or the network.

        Args:
            part: the part.
            typed: the part as typed, if it was looked up in that form.
            chain: words whose aliases led to it.

        Raises:
            UnspeakableError: see `resolve_alias`.
        """
        if chain:
            _check_cycle(part.looked_up, chain)
        # A pronunciation given in the text takes precedence over all lexicons
        own = part.looked_up
        texts = () if part.rule in ("override", "elision") else (typed or own, own)
        for text in dict.fromkeys(texts):
            if (known := self._known.get(text)) is None:
                continue
            known, labelled = _of_sense(known, part.sense)
            if not known.variants:
                continue
            if known.alias is not None:
                return self.resolve_alias(text, known, chain)
            segment = lexicon_segment(known, part.text) if labelled else _segment_of(part, known)
            if segment is not None:
                return _PartResolution((segment,), (*known.warnings, *self._misfit(text)))
        if part.pronunciations:
            return _PartResolution((rule_segment(part),))
        if self._reader.american:
            stems = _Stems(self._known, self._is_known)
            word = lexicon_key(part.looked_up).upper()
            derived = derived_forms.inflected(word, stems) or derived_forms.drawn_out(word, stems)
            if derived and stems.last is not None:
                stem = self._known[stems.last]
                origin = stem.origin._replace(rule="derived", stem=stems.last)
                text = part.text if part.entry else self._bare(word).normalized or part.text
                segment = Segment(text, stem.source, tuple(derived), origin)
                notes = (*stem.warnings, f"{word}: by rule, from {stems.last}")
                return _PartResolution((segment,), notes)
        if part.entry:  # its entry has unknown phonemes, or has just been deleted
            message = self._misfits.get(part.text) or f"{part.text} is in no lexicon any more"
            raise UnspeakableError(WordError("unspellable", message))
        return _PartResolution((Segment(part.text),), part.warnings, missing=(part.looked_up,))

    def _error(self, reading: WordReading, missing: Sequence[str]) -> WordError | None:
        error = reading.spelling.error
        if error is not None and (self._source != "lexicon" or error.code != "unspellable"):
            return error
        if error is None and not missing:
            return None
        which = "this word" if len(reading.parts) <= 1 else ", ".join(dict.fromkeys(missing))
        return _not_in_lexicon(which)


class _Stems(Mapping[str, Sequence[tuple[str, ...]]]):
    """Adapter that presents the lexicons as a mapping, for rules that look for stems.

    Attributes:
        last: the word that was last found.
    """

    def __init__(self, known: Mapping[str, KnownWord], is_known: Callable[[str], bool]) -> None:
        self._known = known
        self._is_known = is_known
        self.last: str | None = None

    def __getitem__(self, word: str) -> Pronunciations:
        if not self._is_known(word) or not self._known[word].pronunciations:
            raise KeyError(word)
        self.last = word
        return self._known[word].pronunciations

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _alike(part: Part, known: KnownWord) -> bool:
    """Return whether the lexicon's first pronunciation equals the rule's, ignoring stress."""
    first = known.pronunciations[0]
    return any(strip(phonemes) == strip(first) for phonemes in part.pronunciations)


def _segment_of(part: Part, known: KnownWord) -> Segment | None:
    """Return a lexicon's segment for a part: all variants, or the one that agrees with the rule.

    None if there is no such variant, or the part's own phonemes take precedence.
    """
    if part.rule == "override":
        return None
    if part.written is not None:
        return lexicon_segment(known, known.normalized)
    if part.lexicon_first or not part.pronunciations or known.source == "user":
        return lexicon_segment(known, part.text)
    if part.rule == "weak_form":
        return None  # lexicons only have the stress of the isolated word
    return _agreeing(part, known)


def _agreeing(part: Part, known: KnownWord) -> Segment | None:
    """Return a lexicon's variants that agree with a part's pronunciations, with its probabilities.

    None if it has none for the first pronunciation.
    """
    probabilities = part.probabilities or (None,) * len(part.pronunciations)
    found = [
        (variant.phonemes, probability)
        for phonemes, probability in zip(part.pronunciations, probabilities, strict=True)
        if (variant := _variant(phonemes, known.variants)) is not None
    ]
    if not found or strip(found[0][0]) != strip(part.pronunciations[0]):
        return None
    return Segment(
        part.text,
        known.source,
        tuple(phonemes for phonemes, _ in found),
        known.origin,
        tuple(probability for _, probability in found) if part.probabilities else (),
    )


def _variant(phonemes: tuple[str, ...], variants: Sequence[Variant]) -> Variant | None:
    """Return the first variant with the same phonemes, preferably with the same stress."""
    alike = [each for each in variants if strip(each.phonemes) == strip(phonemes)]
    return next((each for each in alike if each.phonemes == phonemes), alike[0] if alike else None)


def _of_sense(known: KnownWord, sense: str | None) -> tuple[KnownWord, bool]:
    """Select the variants of a sense; also return whether they are labelled with it.

    If there are none, the unlabelled variants are selected, if any.
    """
    if sense is None or not any(variant.sense for variant in known.variants):
        return known, False
    matching = tuple(
        variant for variant in known.variants if variant.sense and matches(variant.sense, sense)
    )
    others = tuple(variant for variant in known.variants if variant.sense is None)
    return known._replace(variants=matching or others), bool(matching)


def _check_cycle(text: str, chain: Sequence[str]) -> None:
    """Raise `UnspeakableError` if a text is one of the words whose aliases led to it."""
    key = lexicon_key(text)
    if any(lexicon_key(word) == key for word in chain):
        message = f"its alias leads back to itself: {' -> '.join((*chain, text))}"
        raise UnspeakableError(WordError("alias_cycle", f"{message}; change one of these entries"))


def _joined(
    resolved: Iterable[_PartResolution], warnings: Sequence[str], probability: float
) -> _PartResolution:
    """Combine parts to be pronounced in sequence."""
    parts = list(resolved)
    notes = (*warnings, *(note for part in parts for note in part.warnings))
    return _PartResolution(
        tuple(segment for part in parts for segment in part.segments),
        tuple(dict.fromkeys(notes)),
        probability * math.prod(part.probability for part in parts),
        any(part.aliased for part in parts),
        tuple(text for part in parts for text in part.missing),
    )


def _lasting(reading: WordReading) -> list[str]:
    """Return the warnings of a reading that apply whatever pronounces its parts.

    Warnings about the spelling for the network are left out: they do not apply to parts that a
    lexicon pronounces.
    """
    respelt = {note for part in reading.parts for note in part.warnings}
    return [note for note in reading.spelling.warnings if note not in respelt]


def _not_in_lexicon(which: str) -> WordError:
    message = f"no lexicon here has {which}: ask with source auto, and the model answers"
    return WordError("not_in_lexicon", message)

"""Resolutions of words: their segments, each with the source that pronounces it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tanger.model.text.lookup import KnownWord, Origin, Pronunciations
from tanger.model.text.parts import Part
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.speller import WordError

# Sources of pronunciations that a request can choose.
Source = Literal["model", "lexicon", "auto"]
# Sources that a word can be answered from, and those of a segment.
Answerer = Literal["model", "lexicon", "user", "override"]
SegmentSource = Literal["model", "lexicon", "user", "override", "rule"]


class Segment(NamedTuple):
    """A word to be pronounced, or a part of one.

    Attributes:
        text: text in the artifact's graphemes; empty if it has none of them but an override.
        source: source of its pronunciations.
        pronunciations: those of a lexicon, an override or a rule; none if the source is the
            network.
        origin: the lexicon or rule.
        probabilities: probabilities of these pronunciations, or none if lexicon and context give
            none.
        joined: whether no boundary separates it from the next segment, as in *l'eau*.
    """

    text: str
    source: SegmentSource = "model"
    pronunciations: Pronunciations = ()
    origin: Origin = Origin()
    probabilities: tuple[float | None, ...] = ()
    joined: bool = False


class WordResolution(NamedTuple):
    """How a word will be pronounced.

    Attributes:
        word: word as sent.
        normalized: text that is pronounced; None if it cannot be.
        segments: segments to pronounce in sequence; none if there is an error.
        warnings: changes made to the word.
        error: why the word cannot be pronounced, else None.
        probability: probability that it is read correctly, below 1 if a rule had to guess.
    """

    word: str
    normalized: str | None
    segments: tuple[Segment, ...]
    warnings: tuple[str, ...] = ()
    error: WordError | None = None
    probability: float = 1.0

    @property
    def network_word(self) -> str | None:
        """The text of the only segment if the network pronounces it, else None."""
        segments = self.segments
        return segments[0].text if len(segments) == 1 and segments[0].source == "model" else None


class ReadWord(NamedTuple):
    """A word found by the text reader.

    Attributes:
        word: the word, reduced to what its pronunciation depends on.
        by_rule: whether it is an expansion, as of a number or sign, whose words may be in a table
            of pronunciations.
    """

    word: SpokenWord
    by_rule: bool

    @classmethod
    def of(cls, word: SpokenWord, token: Token) -> ReadWord:
        """Create it from a word of a token."""
        return cls(word.sound, token.kind != "word")


def lexicon_segment(known: KnownWord, text: str) -> Segment:
    """Return the segment of a word that a lexicon has."""
    variants = [variant for variant in known.variants if variant.phonemes]
    probabilities: tuple[float | None, ...] = ()
    if any(variant.probabilities for variant in variants):
        probabilities = tuple(variant.probability for variant in variants)
    pronunciations = tuple(variant.phonemes for variant in variants)
    return Segment(text, known.source, pronunciations, known.origin, probabilities)


def rule_segment(part: Part) -> Segment:
    """Return the segment of a part that a rule or the text itself pronounces."""
    if part.rule == "override":
        return Segment(part.text, "override", part.pronunciations)
    origin = Origin(rule=part.rule)
    return Segment(
        part.text, "rule", part.pronunciations, origin, part.probabilities, joined=part.joined
    )


def part_segment(part: Part) -> Segment:
    """Return the segment of a part that no lexicon pronounces: by its rule, or by the network."""
    return rule_segment(part) if part.pronunciations else Segment(part.text)


def normalized_text(segments: Sequence[Segment]) -> str:
    """Return the text that segments pronounce, with a hyphen at each boundary."""
    pieces = [each.text + ("" if each.joined else "-") for each in segments]
    return "".join(pieces).removesuffix("-")


def unresolvable(word: SpokenWord, error: WordError) -> WordResolution:
    """Return the resolution of a word that cannot be pronounced."""
    return WordResolution(word.text, None, (), (), error)

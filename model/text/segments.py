"""Words as they are going to be answered: segments, each with the source that answers it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tanger.model.text.lookup import KnownWord, Origin, Pronunciations
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.reading import Part
from tanger.model.text.speller import WordError

# Where pronunciations may come from.
Source = Literal["model", "lexicon", "auto"]
# What answered a word, and what answered a segment of one.
Answerer = Literal["model", "lexicon", "user", "override"]
SegmentSource = Literal["model", "lexicon", "user", "override", "rule"]


class Segment(NamedTuple):
    """A word to be pronounced, or a part of one.

    Attributes:
        text: in the artifact's graphemes; nothing where it has none of them, and an override.
        source: what knows it.
        listed: its pronunciations by a lexicon, an override or a rule; none where the network is
            the source.
        origin: which lexicon or rule that is.
        probabilities: of what is listed, where the lexicon has any; one by one, or none.
    """

    text: str
    source: SegmentSource = "model"
    listed: Pronunciations = ()
    origin: Origin = Origin()
    probabilities: tuple[float | None, ...] = ()


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


def of_known(known: KnownWord, text: str) -> Segment:
    """A word, or a part of one, that a lexicon has."""
    variants = [variant for variant in known.variants if variant.phonemes]
    probabilities: tuple[float | None, ...] = ()
    if any(variant.probabilities for variant in variants):
        probabilities = tuple(variant.probability for variant in variants)
    listed = tuple(variant.phonemes for variant in variants)
    return Segment(text, known.source, listed, known.origin, probabilities)


def by_rule(part: Part) -> Segment:
    """A part that a rule, or the text itself, pronounces."""
    if part.rule == "override":
        return Segment(part.text, "override", (part.spoken or (),))
    origin = Origin(rule=part.rule)
    return Segment(part.text, "rule", (part.spoken or (),), origin)


def refused(word: SpokenWord, error: WordError) -> WordResolution:
    """A word that cannot be pronounced."""
    return WordResolution(word.text, None, (), (), error)

"""Requests for texts: read in turns on the event loop, pronounced by `pronouncer`, rendered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import NamedTuple

from tanger.model.text import pipeline, ssml, texts
from tanger.model.text.pipeline import Result
from tanger.model.text.reader.token import Token
from tanger.model.text.segments import ReadWord, WordResolution
from tanger.model.text.texts import PronouncedToken
from tanger.service.schemas import TextOptions
from tanger.service.serving.pricing import RequestCost
from tanger.service.serving.pronouncer import WORDS_TOGETHER, PronounceJob, Pronouncer

# Those of a sentence: what is read, or rendered, between two looks at the clock.
Tokens = list[PronouncedToken]
# The bytes that a token takes in an answer, as estimated.
Price = Callable[[Token], int]


class TextReading(NamedTuple):
    """A text that is being read.

    Attributes:
        pronouncer: what answers.
        text: as it was sent.
        options: how it is answered.
        punctuation: whether the line of the pronunciation keeps it.
        sentences: that are still to be read.
    """

    pronouncer: Pronouncer
    text: str
    options: pipeline.Options
    punctuation: bool
    sentences: Iterator[list[Token]]

    def passages(self) -> Iterator[TextReading]:
        """Parts of it that are decoded together, one after the other."""
        for sentences in texts.passages(self.sentences):
            yield self._replace(sentences=sentences)


class TextJob:
    """A text, or a passage of one, on its way to tokens with pronunciations.

    Attributes:
        words: the job of its distinct words.
        text: all of it, as it was sent.
        alphabet: that pronunciations are written in.
        punctuation: whether the line of the pronunciation keeps it.
    """

    def __init__(
        self,
        reading: TextReading,
        sentences: list[list[Token]],
        resolutions: dict[ReadWord, WordResolution],
        size: int,
    ) -> None:
        self.words = PronounceJob(
            reading.pronouncer, tuple(resolutions.values()), reading.options, explain=False
        )
        self.text = reading.text
        self.alphabet = reading.options.alphabet
        self.punctuation = reading.punctuation
        self._slices = reading.pronouncer.slices
        self._sentences = sentences
        self._resolutions = resolutions
        self._size = size

    @property
    def cost(self) -> RequestCost:
        """What is still to be done for it, and how long its answer will be."""
        return RequestCost(self.words.cost.letters, self._size)

    async def render(self, form: Callable[[Tokens], bytes]) -> list[bytes]:
        """What `form` makes of each sentence, once no word is missing.

        One at a time, so that few objects are there at once for the garbage collector to look at.
        """
        results: dict[ReadWord, Result] = {}

        def keep(item: tuple[ReadWord, WordResolution]) -> None:
            results[item[0]] = self.words.result(item[1])

        await self._slices.map(keep, self._resolutions.items())

        def render(tokens: list[Token]) -> bytes:
            rendered = form(texts.pronounce_sentence(tokens, results, self.alphabet))
            tokens.clear()  # piece by piece: to free all at once would take long
            return rendered

        return await self._slices.map(render, self._sentences)


async def read(
    pronouncer: Pronouncer, text: str, options: TextOptions, timeout: float
) -> TextReading:
    """Begin to read a text.

    Args:
        pronouncer: what answers.
        text: as it was sent.
        options: how to answer.
        timeout: seconds that the user lexicon may take.

    Raises:
        UserLexiconError: where people's own words cannot be read.
        TextError: where the artifact is not English.
        SSMLError: where a document of SSML has a fault.
        AlphabetError, StressError: where its phonemes cannot be written as asked.
        AlignmentError: where its network cannot tell letters, and is asked to.
    """
    checked = pronouncer.pipeline.options(
        source=options.source,
        alphabet=options.alphabet,
        stress=options.stress,
        alignment=options.alignment,
    )
    resolver = pronouncer.pipeline.resolver
    phrases = await pronouncer.phrases(checked.source, time.monotonic() + timeout)
    document: str | ssml.Document = text
    if options.ssml:
        parser = ssml.Parser(text)
        await pronouncer.slices.map(_no_more, parser.steps())
        document = parser.document()
    sentences = resolver.sentences(document, weak_forms=options.weak_forms, phrases=phrases)
    return TextReading(pronouncer, text, checked, options.punctuation, sentences)


async def begin(reading: TextReading, price: Price, timeout: float) -> TextJob:
    """Read all that is still to be read, and look up the words that are known.

    Args:
        reading: of a text or a passage.
        price: what its answer costs.
        timeout: seconds that the user lexicon may take.

    Raises:
        UserLexiconError: where people's own words cannot be read.
    """
    pronouncer, source = reading.pronouncer, reading.options.source
    words: dict[ReadWord, None] = {}
    size = 0

    def take(tokens: list[Token]) -> list[Token]:
        nonlocal size
        words.update(dict.fromkeys(texts.read_words(tokens)))
        size += sum(map(price, tokens))
        return tokens

    sentences = await pronouncer.slices.map(take, reading.sentences)
    distinct = list(words)
    together = (
        distinct[at : at + WORDS_TOGETHER] for at in range(0, len(distinct), WORDS_TOGETHER)
    )
    resolve = partial(pronouncer.pipeline.resolver.resolve_read, source=source)
    due = time.monotonic() + timeout
    resolved = await pronouncer.resolve(resolve, together, source, due)
    resolutions = dict(zip(distinct, chain.from_iterable(resolved), strict=True))
    return TextJob(reading, sentences, resolutions, size)


def _no_more(step: None) -> None:
    """A step of parsing has no result."""

"""Requests for texts: parsed in time slices, pronounced by `pronouncer`, and rendered."""

from __future__ import annotations

import asyncio
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
from tanger.service.serving.pronouncer import PronounceJob, Pronouncer
from tanger.service.serving.time_slices import word_groups

# Tokens of a sentence, the unit of parsing and rendering within a time slice
Tokens = list[PronouncedToken]
# Estimates the bytes of a token in a response
Price = Callable[[Token], int]


class TextReading(NamedTuple):
    """A text that is being parsed.

    Attributes:
        pronouncer: pronounces its words.
        text: as it was sent.
        options: of the request.
        punctuation: whether the whole pronunciation includes punctuation.
        sentences: yields the sentences that have not been parsed.
    """

    pronouncer: Pronouncer
    text: str
    options: pipeline.Options
    punctuation: bool
    sentences: Iterator[list[Token]]

    def passages(self) -> Iterator[TextReading]:
        """Yield parts of the text, each to be decoded together."""
        for sentences in texts.passages(self.sentences):
            yield self._replace(sentences=sentences)


class TextJob:
    """The pronunciation of a text, or of a passage of one.

    Attributes:
        words: the job of its distinct words.
        text: the whole text as it was sent.
        alphabet: of the pronunciations.
        punctuation: whether the whole pronunciation includes punctuation.
    """

    def __init__(
        self,
        reading: TextReading,
        sentences: list[list[Token]],
        resolutions: dict[ReadWord, WordResolution],
        words: PronounceJob,
        size: int,
    ) -> None:
        self.words = words
        self.text = reading.text
        self.alphabet = reading.options.alphabet
        self.punctuation = reading.punctuation
        self._slices = reading.pronouncer.slices
        self._sentences = sentences
        self._resolutions = resolutions
        self._size = size

    @property
    def cost(self) -> RequestCost:
        """Return the cost of the remaining work and of the response."""
        return RequestCost(self.words.cost.letters, self._size)

    async def render(self, form: Callable[[Tokens], bytes]) -> list[bytes]:
        """Return the result of `form` for each sentence, once all words are decoded.

        Sentences are processed one by one, so that the garbage collector has few objects to scan.
        """
        results: dict[ReadWord, Result] = {}

        def keep(item: tuple[ReadWord, WordResolution]) -> None:
            results[item[0]] = self.words.result(item[1])

        await self._slices.map(keep, self._resolutions.items())

        def render(tokens: list[Token]) -> bytes:
            rendered = form(texts.pronounce_sentence(tokens, results, self.alphabet))
            tokens.clear()  # freeing all tokens at once would block for long
            return rendered

        rendered = await self._slices.map(render, self._sentences)
        results.clear()
        await asyncio.sleep(0)  # what is left to do for the whole text takes a turn of its own
        return rendered


async def read(
    pronouncer: Pronouncer, text: str, options: TextOptions, timeout: float
) -> TextReading:
    """Start to parse a text.

    Args:
        pronouncer: pronounces its words.
        text: as it was sent.
        options: of the request.
        timeout: seconds for reads of the user lexicon.

    Raises:
        UserLexiconError: if the user lexicon cannot be read.
        TextError: if there is no reader for the artifact's language.
        SSMLError: if an SSML document is invalid.
        AlphabetError, StressError: if the phonemes cannot be written as requested.
        AlignmentError: if alignments are requested but the network has none.
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
        parser = ssml.Parser(text, resolver.transcriptions)
        await pronouncer.slices.map(_no_more, parser.steps())
        document = parser.document()
    sentences = resolver.sentences(document, weak_forms=options.weak_forms, phrases=phrases)
    return TextReading(pronouncer, text, checked, options.punctuation, sentences)


async def begin(reading: TextReading, price: Price, timeout: float) -> TextJob:
    """Parse the rest of a text or passage, and look up its words.

    Args:
        reading: the text or passage.
        price: estimates the bytes of a token in the response.
        timeout: seconds for reads of the user lexicon.

    Raises:
        UserLexiconError: if the user lexicon cannot be read.
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
    together = word_groups(distinct, (each.word.text for each in distinct))
    resolve = partial(pronouncer.pipeline.resolver.resolve_read, source=source)
    due = time.monotonic() + timeout
    resolved = await pronouncer.resolve(resolve, together, source, due)
    resolutions = dict(zip(distinct, chain.from_iterable(resolved), strict=True))
    job = PronounceJob(pronouncer, reading.options, explain=False)
    await pronouncer.slices.map(job.add, resolutions.values())
    return TextJob(reading, sentences, resolutions, job, size)


def _no_more(step: None) -> None:
    """Ignore the result of a parsing step."""

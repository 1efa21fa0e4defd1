"""Requests for texts: read in turns on the event loop, pronounced by `pronouncer`, rendered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain

from tanger.model.text import pipeline, ssml, texts
from tanger.model.text.pipeline import Result
from tanger.model.text.reader.token import Token
from tanger.model.text.segments import ReadWord, WordResolution
from tanger.model.text.texts import PronouncedLine, PronouncedToken
from tanger.service.schemas import TextOptions
from tanger.service.serving.pricing import RequestCost, token_bytes
from tanger.service.serving.pronouncer import WORDS_TOGETHER, PronounceJob, Pronouncer

# Those of a sentence: what is read, or rendered, between two looks at the clock.
Tokens = list[PronouncedToken]


class TextJob:
    """A text on its way to tokens with pronunciations.

    Attributes:
        words: the job of its distinct words.
        text: as it was sent.
        alphabet: that pronunciations are written in.
        punctuation: whether the line of the pronunciation keeps it.
    """

    def __init__(
        self,
        pronouncer: Pronouncer,
        text: str,
        options: TextOptions,
        checked: pipeline.Options,
        sentences: list[list[Token]],
        resolutions: dict[ReadWord, WordResolution],
        size: int,
    ) -> None:
        self.words = PronounceJob(pronouncer, tuple(resolutions.values()), checked, explain=False)
        self.text = text
        self.alphabet = checked.alphabet
        self.punctuation = options.punctuation
        self._slices = pronouncer.slices
        self._sentences = sentences
        self._resolutions = resolutions
        self._size = size

    @property
    def cost(self) -> RequestCost:
        """What is still to be done for it, and how long its answer will be."""
        return RequestCost(self.words.cost.letters, self._size)

    async def pronounced(self) -> list[Tokens]:
        """The sentences with the results of their words, once no word is missing."""
        results: dict[ReadWord, Result] = {}

        def keep(item: tuple[ReadWord, WordResolution]) -> None:
            results[item[0]] = self.words.result(item[1])

        await self._slices.map(keep, self._resolutions.items())

        def pronounce(tokens: list[Token]) -> Tokens:
            pronounced = texts.pronounce_sentence(tokens, results, self.alphabet)
            tokens.clear()  # piece by piece: to free all at once would take long
            return pronounced

        return await self._slices.map(pronounce, self._sentences)

    async def line(self, tokens: Sequence[Tokens]) -> PronouncedLine:
        """What is spoken of tokens, and how it is pronounced."""
        line = PronouncedLine(self.alphabet, punctuation=self.punctuation)
        await self._slices.map(line.add, tokens)
        return line

    async def render(
        self, form: Callable[[Tokens], bytes], tokens: Iterable[Tokens]
    ) -> list[bytes]:
        """What `form` makes of tokens, sentence by sentence."""
        return await self._slices.map(form, tokens)


async def begin(pronouncer: Pronouncer, text: str, options: TextOptions, timeout: float) -> TextJob:
    """Read a text, and look up the words that are known.

    Args:
        pronouncer: what answers.
        text: as it was sent.
        options: how to answer.
        timeout: seconds that the user lexicon may take.

    Raises:
        TextError: where the artifact is not English.
        SSMLError: where a document of SSML has a fault.
        AlphabetError, StressError: where its phonemes cannot be written as asked.
        UserLexiconError: where people's own words cannot be read.
    """
    checked = pronouncer.pipeline.options(
        source=options.source, alphabet=options.alphabet, stress=options.stress
    )
    resolver = pronouncer.pipeline.resolver
    due = time.monotonic() + timeout
    phrases = await pronouncer.phrases(checked.source, due)
    document: str | ssml.Document = text
    if options.ssml:
        parser = ssml.Parser(text)
        await pronouncer.slices.map(_no_more, parser.steps())
        document = parser.document()
    remaining = resolver.sentences(document, weak_forms=options.weak_forms, phrases=phrases)
    words: dict[ReadWord, None] = {}
    size = 0

    def take(tokens: list[Token]) -> list[Token]:
        nonlocal size
        words.update(dict.fromkeys(texts.read_words(tokens)))
        size += sum(token_bytes(len(each.text), len(each.words)) for each in tokens)
        return tokens

    sentences = await pronouncer.slices.map(take, remaining)
    distinct = list(words)
    together = (
        distinct[at : at + WORDS_TOGETHER] for at in range(0, len(distinct), WORDS_TOGETHER)
    )
    resolve = partial(resolver.resolve_read, source=checked.source)
    resolved = await pronouncer.resolve(resolve, together, checked.source, due)
    resolutions = dict(zip(distinct, chain.from_iterable(resolved), strict=True))
    return TextJob(pronouncer, text, options, checked, sentences, resolutions, size)


def _no_more(step: None) -> None:
    """A step of parsing has no result."""

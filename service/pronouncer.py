"""Words and options in, results out: spelling before the queue, writing behind it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from model import __version__, alphabets
from model.alphabets import Alphabet
from model.checkpoint import Artifact
from model.inventory import Inventory
from model.spelling import Speller, Spelling
from service.batcher import Answered, Batcher
from service.cache import AnswerCache
from service.lexicon_store import UserLexicon
from service.lexicons import Lexicons
from service.pool import Answer
from service.schemas import (
    Answerer,
    ModelName,
    Options,
    PronounceResponse,
    Pronunciation,
    Result,
    Source,
    WordError,
)
from service.sources import Known, Sources


class Pronouncer:
    """Answers requests from one artifact's decoding queue."""

    def __init__(
        self,
        artifact: Artifact,
        batcher: Batcher[Answer],
        *,
        max_letters: int,
        cache_words: int = 0,
        lexicons: Lexicons | None = None,
        user: UserLexicon | None = None,
        source: Source = "model",
    ) -> None:
        """Answer for `artifact`.

        Args:
            artifact: what the workers decode with.
            batcher: their queue.
            max_letters: the most letters of a word.
            cache_words: the most answers to keep.
            lexicons: those there are.
            user: people's own words, where they are kept.
            source: where pronunciations come from if a request does not say.
        """
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.batcher = batcher
        self.cache = AnswerCache[Answer](cache_words)
        self.speller = Speller(artifact.graphemes.own, longest=max_letters)
        inventory = Inventory(artifact.phonemes.own)
        self.sources = Sources(self.speller, inventory, lexicons or Lexicons(), user)
        self.source = source
        self.alphabets = alphabets.available(artifact.phonemes.own)
        self.knows_stress = artifact.knows_stress
        # All that decides an answer beside the word and the options
        origin = (__version__, artifact.name, artifact.weights_sha256, artifact.calibration)
        self._origin = hashlib.sha256(repr((*origin, max_letters)).encode())

    def source_of(self, options: Options) -> Source:
        """Where pronunciations come from for a request."""
        return options.source or self.source

    def begin(self, words: Sequence[str], options: Options) -> Pronouncing:
        """Spell the words, and look up those that are known.

        Raises:
            AlphabetError, StressError: where the artifact's phonemes cannot be written as asked.
            UserLexiconError: where people's own words cannot be read.
        """
        return Pronouncing(self, words, options)

    def alphabet(self, options: Options) -> Alphabet:
        """What phonemes are written in.

        Raises:
            AlphabetError, StressError: where the artifact's cannot be written as asked.
        """
        return alphabets.choose(
            options.alphabet,
            self.alphabets,
            stressed=options.stress,
            knows_stress=self.knows_stress or self.source_of(options) == "lexicon",
        )

    def etag(self, word: str, options: Options) -> str:
        """An entity tag (RFC 9110, 8.8.3) for the answer to one word, before it is known.

        Whatever else it would be made of, the same tag means the same answer.

        Raises:
            AlphabetError, StressError: as `begin`.
            UserLexiconError: where people's own words cannot be read.
        """
        source = self.source_of(options)
        revision = "" if source == "model" else self.sources.revision()
        digest = self._origin.copy()
        asked = (word, self.alphabet(options), options.stress, source, revision)
        digest.update(repr(asked).encode())
        return f'"{digest.hexdigest()[:32]}"'


class Pronouncing:
    """One request's words on their way to results.

    Attributes:
        missing: spelt words whose answer is not known yet.
        known: how many distinct ones were.
        answered: what decoding the missing ones took.
    """

    def __init__(self, pronouncer: Pronouncer, words: Sequence[str], options: Options) -> None:
        self._pronouncer = pronouncer
        self._words = words
        self._source = pronouncer.source_of(options)
        self._stress = options.stress
        self._alphabet = pronouncer.alphabet(options)
        self._spell = functools.cache(pronouncer.speller.spell)
        self._listed: dict[str, Known] = {}
        self._misfits: dict[str, str] = {}
        if self._source != "model":
            self._listed, self._misfits = pronouncer.sources.find(words, self._spell)
        unlisted = (
            [self._spell(word).normalized for word in words if word not in self._listed]
            if self._source != "lexicon"
            else []
        )
        self._answers: dict[str, Answer] = {}
        self.missing: list[str] = []
        for word in dict.fromkeys(word for word in unlisted if word is not None):
            answer = pronouncer.cache.get(word)
            if answer is None:
                self.missing.append(word)
            else:
                self._answers[word] = answer
        self.known = len(self._answers)
        self.answered: Answered[Answer] = Answered([])

    @property
    def model(self) -> ModelName:
        """Which weights answer."""
        return self._pronouncer.model

    @property
    def decoding_failed(self) -> bool:
        """Whether the decoder raised on one of them: the next time it may not."""
        return any(answer.error is not None for answer in self._answers.values())

    def listed(self, source: Answerer) -> int:
        """How many distinct words such a lexicon had."""
        return sum(known.source == source for known in self._listed.values())

    async def decode(self, *, timeout: float) -> None:
        """Have the missing words decoded.

        Raises:
            QueueFullError, DeadlineError, WorkerLostError: as `Batcher.submit`.
        """
        self.answered = await self._pronouncer.batcher.submit(self.missing, timeout=timeout)
        for word, answer in zip(self.missing, self.answered.answers, strict=True):
            self._answers[word] = answer
            if answer.error is None:
                self._pronouncer.cache.put(word, answer)

    def response(self) -> PronounceResponse:
        """A result for every word, in order, once none is missing."""
        return PronounceResponse(
            model=self.model,
            results=tuple(map(self._result, self._words)),
        )

    def _result(self, word: str) -> Result:
        known = self._listed.get(word)
        misfit = tuple(filter(None, [self._misfits.get(word)]))
        if known is not None:
            inventory = self._pronouncer.sources.inventory
            return _looked_up(word, known, inventory, misfit, self._alphabet, stress=self._stress)
        spelling = self._spell(word)
        spelling = replace(spelling, warnings=(*spelling.warnings, *misfit))
        if self._source == "lexicon":
            return _not_listed(spelling)
        if spelling.normalized is None:
            return _unspelt(spelling)
        answer = self._answers[spelling.normalized]
        return _result(spelling, answer, self._alphabet, stress=self._stress)


def _looked_up(
    word: str,
    known: Known,
    inventory: Inventory,
    misfit: tuple[str, ...],
    alphabet: Alphabet,
    *,
    stress: bool,
) -> Result:
    """The result for a word of a lexicon."""
    written = dict.fromkeys(
        alphabets.write(phonemes, alphabet, digits if stress else None)
        for phonemes, digits in map(inventory.split, known.pronunciations)
    )
    unmarked = stress and not all(map(inventory.marks_stress, known.pronunciations))
    return Result(
        word=word,
        normalized=known.normalized,
        source=known.source,
        pronunciations=tuple(
            Pronunciation(
                phonemes=phonemes, text=" ".join(phonemes), probability=None, complete=True
            )
            for phonemes in written
        ),
        warnings=(
            *known.warnings,
            *misfit,
            *(["the lexicon marks no stress on this word"] if unmarked else []),
        ),
        error=None,
    )


def _not_listed(spelling: Spelling) -> Result:
    if spelling.error is not None and spelling.error.code != "unspellable":
        return _unspelt(spelling)
    message = "no lexicon here has this word: ask with source auto, and the model answers"
    return _failed(spelling, WordError(code="not_in_lexicon", message=message))


def _unspelt(spelling: Spelling) -> Result:
    assert spelling.error is not None
    return _failed(spelling, WordError(code=spelling.error.code, message=spelling.error.message))


def _failed(spelling: Spelling, error: WordError) -> Result:
    return Result(
        word=spelling.word,
        normalized=spelling.normalized,
        source=None,
        pronunciations=(),
        warnings=spelling.warnings,
        error=error,
    )


def _result(spelling: Spelling, answer: Answer, alphabet: Alphabet, *, stress: bool) -> Result:
    if answer.error is not None:
        message = f"the decoder failed on this word: {answer.error}"
        return _failed(spelling, WordError(code="decoding_failed", message=message))
    phonemes = alphabets.write(answer.phonemes, alphabet, answer.stress if stress else None)
    return Result(
        word=spelling.word,
        normalized=spelling.normalized,
        source="model",
        pronunciations=(
            Pronunciation(
                phonemes=phonemes,
                text=" ".join(phonemes),
                probability=round(answer.probability, 6),
                complete=answer.complete,
            ),
        ),
        warnings=spelling.warnings,
        error=None,
    )

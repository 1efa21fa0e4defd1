"""Words and options in, results out: spelling before the queue, writing behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from model import __version__, alphabets
from model.alphabets import Alphabet
from model.checkpoint import Artifact
from model.spelling import Speller, Spelling
from service.ask import Ask
from service.batcher import Answered, Batcher
from service.cache import AnswerCache
from service.pool import Answer, Found
from service.schemas import (
    ModelName,
    Options,
    PronounceResponse,
    Pronunciation,
    Result,
    WordError,
)


class Pronouncer:
    """Answers requests from one artifact's decoding queue."""

    def __init__(
        self,
        artifact: Artifact,
        batcher: Batcher[Ask, Answer],
        *,
        max_letters: int,
        cache_words: int = 0,
    ) -> None:
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.batcher = batcher
        self.cache = AnswerCache[Ask, Answer](cache_words, weigh=lambda answer: answer.size)
        self.speller = Speller(artifact.graphemes.own, longest=max_letters)
        self.alphabets = alphabets.available(artifact.phonemes.own)
        self.knows_stress = artifact.knows_stress
        # All that decides an answer beside the word and the options
        weights = (artifact.name, artifact.weights_sha256)
        chances = (artifact.calibration, artifact.of_alternatives)
        origin = (__version__, *weights, *chances, max_letters)
        self._origin = hashlib.sha256(repr(origin).encode())

    def begin(self, words: Sequence[str], options: Options) -> Pronouncing:
        """Spell the words, and look up those that are known.

        Raises:
            AlphabetError, StressError: where the artifact's phonemes cannot be written as asked.
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
            knows_stress=self.knows_stress,
        )

    def etag(self, word: str, options: Options) -> str:
        """An entity tag (RFC 9110, 8.8.3) for the answer to one word, before it is known.

        Whatever else it would be made of, the same tag means the same answer.

        Raises:
            AlphabetError, StressError: as `begin`.
        """
        digest = self._origin.copy()
        decisive = (self.alphabet(options), options.stress, options.source, options.n)
        digest.update(repr((word, *decisive)).encode())
        return f'"{digest.hexdigest()[:32]}"'


class Pronouncing:
    """One request's words on their way to results.

    Attributes:
        missing: what the network is to be asked, where its answer is not known yet.
        known: how many distinct ones were.
        answered: what decoding the missing ones took.
    """

    def __init__(self, pronouncer: Pronouncer, words: Sequence[str], options: Options) -> None:
        self._pronouncer = pronouncer
        self._options = options
        self._alphabet = pronouncer.alphabet(options)
        self._spelt = [pronouncer.speller.spell(word) for word in words]
        self._answers: dict[str, Answer] = {}
        self.missing: list[Ask] = []
        for word in dict.fromkeys(s.normalized for s in self._spelt if s.normalized is not None):
            ask = Ask(word, options.n)
            answer = pronouncer.cache.get(ask)
            if answer is None:
                self.missing.append(ask)
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

    async def decode(self, *, timeout: float) -> None:
        """Have the missing words decoded.

        Raises:
            QueueFullError, DeadlineError, WorkerLostError: as `Batcher.submit`.
        """
        self.answered = await self._pronouncer.batcher.submit(self.missing, timeout=timeout)
        for ask, answer in zip(self.missing, self.answered.answers, strict=True):
            self._answers[ask.word] = answer
            if answer.error is None:
                self._pronouncer.cache.put(ask, answer)

    def response(self) -> PronounceResponse:
        """A result for every word, in order, once none is missing."""
        return PronounceResponse(
            model=self.model,
            results=tuple(
                _unspelt(spelling)
                if spelling.normalized is None
                else _result(
                    spelling,
                    self._answers[spelling.normalized],
                    self._alphabet,
                    stress=self._options.stress,
                )
                for spelling in self._spelt
            ),
        )


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
    return Result(
        word=spelling.word,
        normalized=spelling.normalized,
        source="model",
        pronunciations=tuple(_written(found, alphabet, stress=stress) for found in answer.found),
        warnings=spelling.warnings,
        error=None,
    )


def _written(found: Found, alphabet: Alphabet, *, stress: bool) -> Pronunciation:
    phonemes = alphabets.write(found.phonemes, alphabet, found.stress if stress else None)
    return Pronunciation(
        phonemes=phonemes,
        text=" ".join(phonemes),
        probability=round(found.probability, 6),
        complete=found.complete,
    )

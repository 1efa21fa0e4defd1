"""Words and options in, results out: spelling before the queue, writing behind it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

from model import __version__, alphabets
from model.alphabets import Alphabet
from model.checkpoint import Artifact
from model.reading import Part, Reader, Reading
from model.spelling import Spelling
from service.batcher import Answered, Batcher
from service.cache import AnswerCache
from service.pool import Answer
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
        batcher: Batcher[Answer],
        *,
        max_letters: int,
        cache_words: int = 0,
    ) -> None:
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.batcher = batcher
        self.cache = AnswerCache[Answer](cache_words)
        self.reader = Reader(
            artifact.graphemes.own,
            artifact.phonemes.own,
            knows_stress=artifact.knows_stress,
            longest=max_letters,
        )
        self.speller = self.reader.speller
        self.alphabets = alphabets.available(artifact.phonemes.own)
        self.knows_stress = artifact.knows_stress
        # All that decides an answer beside the word and the options
        origin = (__version__, artifact.name, artifact.weights_sha256, artifact.calibration)
        self._origin = hashlib.sha256(repr((*origin, max_letters)).encode())

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
        digest.update(repr((word, self.alphabet(options), options.stress, options.source)).encode())
        return f'"{digest.hexdigest()[:32]}"'


class Pronouncing:
    """One request's words on their way to results.

    Attributes:
        missing: words, or parts of them, whose answer is not known yet.
        known: how many distinct ones were.
        answered: what decoding the missing ones took.
    """

    def __init__(self, pronouncer: Pronouncer, words: Sequence[str], options: Options) -> None:
        self._pronouncer = pronouncer
        self._alphabet = pronouncer.alphabet(options)
        self._marks = alphabets.marks_stress(self._alphabet, options.stress)
        self._readings = [pronouncer.reader.read(word) for word in words]
        self._answers: dict[str, Answer] = {}
        self.missing: list[str] = []
        parts = (part for reading in self._readings for part in reading.parts)
        for word in dict.fromkeys(part.text for part in parts if part.spoken is None):
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
            results=tuple(
                _result(
                    reading,
                    [self._answer(part) for part in reading.parts],
                    self._write,
                    self._alphabet,
                )
                for reading in self._readings
            ),
        )

    def _answer(self, part: Part) -> Answer:
        """What is known of a part by now."""
        if part.spoken is None:
            return self._answers[part.text]
        phonemes, digits = self._pronouncer.reader.by_rule(part.spoken)
        return Answer(phonemes, 1.0, complete=True, stress=digits)

    def _write(self, answer: Answer) -> tuple[str, ...]:
        return alphabets.write(answer.phonemes, self._alphabet, answer.stress, marks=self._marks)


def _failed(spelling: Spelling, error: WordError) -> Result:
    return Result(
        word=spelling.word,
        normalized=spelling.normalized,
        source=None,
        pronunciations=(),
        warnings=spelling.warnings,
        error=error,
    )


def _result(
    reading: Reading,
    answers: Sequence[Answer],
    write: Callable[[Answer], tuple[str, ...]],
    alphabet: Alphabet,
) -> Result:
    """Of a word whose parts have these answers."""
    spelling = reading.spelling
    if spelling.error is not None:
        error = WordError(code=spelling.error.code, message=spelling.error.message)
        return _failed(spelling, error)
    for part, answer in zip(reading.parts, answers, strict=True):
        if answer.error is not None:
            which = "this word" if len(reading.parts) == 1 else part.text
            message = f"the decoder failed on {which}: {answer.error}"
            return _failed(spelling, WordError(code="decoding_failed", message=message))
    # Part by part, since no syllable reaches from one to the next
    phonemes = tuple(phoneme for answer in answers for phoneme in write(answer))
    return Result(
        word=spelling.word,
        normalized=spelling.normalized,
        source="model",
        pronunciations=(
            Pronunciation(
                phonemes=phonemes,
                text=alphabets.join(phonemes, alphabet),
                probability=round(
                    math.prod((reading.chance, *(answer.probability for answer in answers))), 6
                ),
                complete=all(answer.complete for answer in answers),
            ),
        ),
        warnings=spelling.warnings,
        error=None,
    )

"""Words and options in, results out: spelling before the queue, writing behind it."""

from __future__ import annotations

from collections.abc import Sequence

from model import alphabets
from model.alphabets import Alphabet
from model.checkpoint import Artifact
from model.spelling import Speller, Spelling
from service.batcher import Batcher
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

    def __init__(self, artifact: Artifact, batcher: Batcher[Answer], *, max_letters: int) -> None:
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.batcher = batcher
        self.speller = Speller(artifact.graphemes.own, longest=max_letters)
        self.alphabets = alphabets.available(artifact.phonemes.own)
        self.knows_stress = artifact.knows_stress

    async def pronounce(
        self, words: Sequence[str], options: Options, *, timeout: float
    ) -> PronounceResponse:
        """A result for every word, in order; a word that cannot be spelt never queues.

        Raises:
            AlphabetError, StressError: where the artifact's phonemes cannot be written as asked.
            QueueFullError, DeadlineError, WorkerLostError: as `Batcher.submit`.
        """
        alphabet = alphabets.choose(
            options.alphabet,
            self.alphabets,
            stressed=options.stress,
            knows_stress=self.knows_stress,
        )
        spelt = [self.speller.spell(word) for word in words]
        queued = [spelling.normalized for spelling in spelt if spelling.normalized is not None]
        answers = iter(await self.batcher.submit(queued, timeout=timeout))
        return PronounceResponse(
            model=self.model,
            results=tuple(
                _unspelt(spelling)
                if spelling.normalized is None
                else _result(spelling, next(answers), alphabet, stress=options.stress)
                for spelling in spelt
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

"""Words and options in, results out: spelling before the queue, writing behind it."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import TypeVar

from tanger import __version__
from tanger.model.artifact import Artifact
from tanger.model.decoding.hypothesis import MAX_NBEST
from tanger.model.phonology import notation
from tanger.model.phonology.alignment import UNALIGNED, AlignmentError
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.combining import Candidate, combine
from tanger.model.text.reading import Reader
from tanger.service import schemas
from tanger.service.schemas import Answerer, ModelName, Options, Source, WordError, WordErrorCode
from tanger.service.serving import explanation, wire
from tanger.service.serving.batcher import Batcher, DecodeResult
from tanger.service.serving.cache import AnswerCache
from tanger.service.serving.lexicons import Lexicons
from tanger.service.serving.pricing import (
    RequestCost,
    explanation_bytes,
    join_letters,
    result_bytes,
)
from tanger.service.serving.resolution import Resolver, Segment, Sources, WordResolution
from tanger.service.serving.time_slices import TimeSlices
from tanger.service.serving.wire import Answer, DecodeRequest
from tanger.service.user_lexicon.store import UserLexicon

R = TypeVar("R")

# Characters that count as one answer where answers are kept: an ordinary one takes fewer.
_CHARACTERS = 256
# Words that are planned together: lexicons are asked once for all of them.
_WORDS_TOGETHER = 16


class Pronouncer:
    """Answers requests from one artifact's decoding queue."""

    def __init__(
        self,
        artifact: Artifact,
        batcher: Batcher[DecodeRequest, Answer],
        *,
        max_letters: int,
        cache_words: int = 0,
        lexicons: Lexicons | None = None,
        user: UserLexicon | None = None,
        source: Source = "model",
        engine: Callable[[], str | None] = lambda: None,
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
            engine: what decodes, for probabilities differ between engines.
        """
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.batcher = batcher
        self.cache = AnswerCache[str, str](cache_words, weigh=_size)
        reader = Reader(artifact.graphemes.own, artifact.phonemes.own, longest=max_letters)
        inventory = Inventory(artifact.phonemes.own)
        self.sources = Sources(reader.speller, inventory, lexicons or Lexicons(), user)
        self.resolver = Resolver(reader, self.sources)
        self.slices = TimeSlices()
        self.source = source
        self.engine = engine
        self.alphabets = notation.available(artifact.phonemes.own)
        self.carries_stress = notation.carry_stress(artifact.phonemes.own)
        self.knows_stress = artifact.knows_stress or self.carries_stress
        self.has_attention = artifact.has_attention
        # All that decides an answer beside the word and the options
        weights = (artifact.name, artifact.weights_sha256)
        chances = (artifact.calibration, artifact.nbest_calibration)
        origin = (__version__, *weights, *chances, max_letters)
        self._origin = hashlib.sha256(repr(origin).encode())

    def source_of(self, options: Options) -> Source:
        """Where pronunciations come from for a request."""
        return options.source or self.source

    async def begin(
        self, words: Sequence[str], options: Options, timeout: float = math.inf
    ) -> PronounceJob:
        """Spell the words, and look up those that are known.

        Args:
            words: as they were sent.
            options: how to answer.
            timeout: seconds that the user lexicon may take, which is read in a thread.

        Raises:
            AlphabetError, StressError: where the artifact's phonemes cannot be written as asked.
            AlignmentError: where its network cannot tell letters, and is asked to.
            UserLexiconError: where people's own words cannot be read.
        """
        if options.alignment and not self.has_attention and self.source_of(options) != "lexicon":
            raise AlignmentError
        source = self.source_of(options)
        together = (
            words[start : start + _WORDS_TOGETHER]
            for start in range(0, len(words), _WORDS_TOGETHER)
        )
        user = self.sources.user
        if user is None or source == "model":
            plans = await self.slices.map(
                lambda some: self.resolver.resolve(some, source), together
            )
        else:
            due = time.monotonic() + timeout
            plans = [
                await user.read(
                    partial(self.resolver.resolve, some, source), timeout=due - time.monotonic()
                )
                for some in together
            ]
        return PronounceJob(self, list(chain.from_iterable(plans)), options)

    def alphabet(self, options: Options) -> Alphabet:
        """What phonemes are written in.

        Raises:
            AlphabetError, StressError: where the artifact's cannot be written as asked.
        """
        return notation.choose(
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
        how = (
            self.alphabet(options),
            options.stress,
            options.n,
            options.alignment,
            options.explain,
        )
        digest.update(repr((word, *how, source, revision, self.engine())).encode())
        return f'"{digest.hexdigest()[:32]}"'


class PronounceJob:
    """One request's words on their way to results.

    Attributes:
        missing: what the network is to be asked, where its answer is not known yet.
        known: how many distinct answers were.
        looked_up: whether lexicons were asked.
        answered: what decoding the missing ones took.
        error_codes: how many results have an error, by its code; complete with `results`.
        reservations: what is kept for it until its answer is sent; whoever began it closes them.
    """

    def __init__(
        self, pronouncer: Pronouncer, plans: Sequence[WordResolution], options: Options
    ) -> None:
        source = pronouncer.source_of(options)
        self.looked_up = source != "model"
        self._pronouncer = pronouncer
        self._options = options
        self._knows_stress = pronouncer.knows_stress or source == "lexicon"
        self._alphabet = pronouncer.alphabet(options)
        self._marks = notation.marks_stress(
            self._alphabet, options.stress, carried=pronouncer.carries_stress
        )
        # Of a word that rules alone say
        self._by_rule: Answerer = "lexicon" if source == "lexicon" else "model"
        self._resolutions = plans
        self.reservations = ExitStack()
        # What the network says to a word or a part of one: the array of its pronunciations
        self._spoken: dict[str, str] = {}
        # The same taken apart, of what is a part of a word
        self._parts: dict[str, list[Candidate]] = {}
        self._errors: dict[str, str] = {}
        self.error_codes = Counter[WordErrorCode]()
        self.missing: list[DecodeRequest] = []
        self._keys: list[str] = []  # theirs in the cache
        requested: dict[str, bool] = {}
        for resolution in self._resolutions:
            if resolution.parts is None and resolution.normalized is not None:
                requested[resolution.normalized] = options.alignment
                continue
            # Where a word is said in parts, its letters are not told
            aligns = self._aligns(resolution)
            for segment in resolution.segments:
                if segment.source == "model":
                    requested[segment.text] = aligns or requested.get(segment.text, False)
        # All that decides what is answered, but for the weights, as text (see `serving.wire`)
        manner = f"{pronouncer.engine()} {self._alphabet} {self._marks:d} {options.n} "
        for text, aligns in requested.items():
            key = f"{manner}{aligns:d} {text}"
            spoken = pronouncer.cache.get(key)
            if spoken is None:
                self.missing.append(
                    DecodeRequest(text, options.n, aligns, self._alphabet, self._marks)
                )
                self._keys.append(key)
            else:
                self._spoken[text] = spoken
        self.known = len(self._spoken)
        self.answered: DecodeResult[Answer] = DecodeResult([])

    @property
    def model(self) -> ModelName:
        """Which weights answer."""
        return self._pronouncer.model

    @property
    def decoding_failed(self) -> bool:
        """Whether the decoder raised on one of them: the next time it may not."""
        return bool(self._errors)

    def listed(self, source: Answerer) -> int:
        """How many distinct words and parts such a lexicon had."""
        segments = (segment for resolution in self._resolutions for segment in resolution.segments)
        return len({segment.text for segment in segments if segment.source == source})

    async def decode(self, *, timeout: float) -> None:
        """Have the missing words decoded.

        Raises:
            QueueFullError, DeadlineError, WorkerLostError: as `Batcher.submit`.
        """
        self.answered = await self._pronouncer.batcher.submit(self.missing, timeout=timeout)
        if len(self.missing) > 1:
            self._pronouncer.batcher.poll()
        keep = self._pronouncer.cache.put
        answers = self.answered.answers
        for ask, key, answer in zip(self.missing, self._keys, answers, strict=True):
            if isinstance(answer, str):
                self._spoken[ask.word] = answer
                keep(key, answer)
            else:
                self._errors[ask.word] = answer.error

    @property
    def cost(self) -> RequestCost:
        """What is still to be done for it, and how long its answer will be."""
        letters = float(sum(ask.work for ask in self.missing))
        size = 0
        for resolution in self._resolutions:
            wanted = self._wanted(resolution)
            letters += join_letters(len(resolution.segments), wanted)
            spelt = (
                0
                if resolution.error or resolution.normalized is None
                else len(resolution.normalized)
            )
            if self._options.explain:
                size += explanation_bytes(len(resolution.segments), len(resolution.word) + spelt)
            size += result_bytes(
                len(resolution.word), spelt, wanted, aligned=self._aligns(resolution)
            )
        return RequestCost(round(letters), size)

    async def results(self, form: Callable[[str], R]) -> list[R]:
        """A result for every word (see `schemas`), in order, once none is missing.

        Args:
            form: what becomes of each.
        """
        return await self._pronouncer.slices.map(
            lambda resolution: form(self._result(resolution)), self._resolutions
        )

    def _result(self, resolution: WordResolution) -> str:
        if resolution.error is not None:
            return self._failed(resolution, resolution.error)
        if resolution.parts is None and resolution.normalized is not None:
            spoken = self._spoken.get(resolution.normalized)
            if spoken is not None:
                why = self._explained(resolution, "model")
                return schemas.result(
                    resolution.word, resolution.normalized, "model", spoken, explain=why
                )
        elif len(resolution.segments) == 1:
            (segment,) = resolution.segments
            spoken = self._spoken.get(segment.text) if segment.source == "model" else None
            if spoken is not None:
                why = self._explained(resolution, "model")
                return schemas.result(
                    resolution.word,
                    resolution.normalized,
                    "model",
                    spoken,
                    resolution.warnings,
                    explain=why,
                )
        return self._composed(resolution)

    def _composed(self, resolution: WordResolution) -> str:
        """The result of what not the network alone says, in one piece."""
        for segment in resolution.segments:
            if segment.source == "model" and (error := self._errors.get(segment.text)) is not None:
                which = "this word" if len(resolution.segments) == 1 else segment.text
                wrong = WordError(
                    code="decoding_failed", message=f"the decoder failed on {which}: {error}"
                )
                return self._failed(resolution, wrong)
        source = self._source(resolution)
        ways = combine(
            [self._ways(segment) for segment in resolution.segments], self._wanted(resolution)
        )
        warnings = list(resolution.warnings)
        if self._marks and any(map(self._is_unmarked, resolution.segments)):
            warnings.append("the lexicon marks no stress on this word")
        if self._options.alignment:
            warnings.append(UNALIGNED)
        chance = resolution.chance if source == "model" else None
        spoken = wire.pronunciations(ways, self._alphabet, chance=chance)
        why = self._explained(resolution, source)
        return schemas.result(
            resolution.word, resolution.normalized, source, spoken, warnings, explain=why
        )

    def _failed(self, resolution: WordResolution, error: WordError) -> str:
        """The result of a word that has no pronunciation."""
        self.error_codes[error.code] += 1
        why = self._explained(resolution, None)
        return schemas.result(
            resolution.word, resolution.normalized, None, "[]", resolution.warnings, error, why
        )

    def _explained(self, resolution: WordResolution, source: Answerer | None) -> str:
        return explanation.explain(resolution, source) if self._options.explain else "null"

    def _wanted(self, resolution: WordResolution) -> int:
        """How many pronunciations are wanted of a word, at most."""
        segments = resolution.segments
        if len(segments) == 1 and segments[0].source != "model":
            return len(segments[0].listed)
        return MAX_NBEST if resolution.sources & {"lexicon", "user"} else self._options.n

    def _aligns(self, resolution: WordResolution) -> bool:
        """Whether letters are asked for, and the network says the word in one piece."""
        segments = resolution.segments
        return self._options.alignment and len(segments) == 1 and segments[0].source == "model"

    def _source(self, resolution: WordResolution) -> Answerer:
        """What a word is told to be from: the least certain of what said its parts."""
        for source in ("model", "lexicon", "user"):
            if source in resolution.sources:
                return source
        return self._by_rule

    def _ways(self, segment: Segment) -> list[Candidate]:
        """How a piece is said."""
        if segment.source == "model":
            ways = self._parts.get(segment.text)
            if ways is None:
                ways = self._parts[segment.text] = wire.ways(self._spoken[segment.text])
            return ways
        known = self._knows_stress or segment.source is not None
        return [
            Candidate(
                self._write(phonemes, digits if known else None),
                1.0 if segment.source is None else None,
                complete=True,
            )
            for phonemes, digits in map(self._pronouncer.sources.inventory.split, segment.listed)
        ]

    def _is_unmarked(self, segment: Segment) -> bool:
        """Whether a lexicon has a pronunciation of it without any stress."""
        marked = self._pronouncer.sources.inventory.marks_stress
        return segment.source in ("lexicon", "user") and not all(map(marked, segment.listed))

    def _write(
        self, phonemes: Sequence[str], digits: Sequence[int | None] | None
    ) -> tuple[str, ...]:
        return notation.write(phonemes, self._alphabet, digits, marks=self._marks)


def _size(spoken: str) -> int:
    """How many answers one counts as where they are kept."""
    return max(1, len(spoken) // _CHARACTERS)

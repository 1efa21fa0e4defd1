"""Pronounce the words of requests: resolve, decode through queue and cache, and render.

The steps themselves are those of `model.text.pipeline`. Serving adds time slices on the event loop,
a cache, cost estimates, entity tags, and JSON.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from tanger import __version__
from tanger.model.artifact import Artifact
from tanger.model.lexicon.phrases import Phrases
from tanger.model.phonology.notation import Alphabet
from tanger.model.text import pipeline
from tanger.model.text.candidates import Candidate, Failure
from tanger.model.text.pipeline import Pipeline, Task
from tanger.model.text.segments import Answerer, Segment, Source, WordResolution
from tanger.model.text.speller import WordErrorCode
from tanger.service.connections.limits import Hold
from tanger.service.schemas import ExplainedPart, Explanation, ModelName, Options, WordError
from tanger.service.serving import rendering
from tanger.service.serving.batcher import Batcher, DecodeResult
from tanger.service.serving.cache import AnswerCache
from tanger.service.serving.pricing import (
    RequestCost,
    explanation_bytes,
    join_letters,
    result_bytes,
)
from tanger.service.serving.time_slices import TimeSlices
from tanger.service.serving.wire import Answer, DecodeRequest
from tanger.service.user_lexicon.store import UserLexicon

R = TypeVar("R")
T = TypeVar("T")

# Characters of JSON per unit of the cache's capacity; a typical answer has fewer
_CHARACTERS = 256
# Words that are resolved together, with one lookup in the lexicons
WORDS_TOGETHER = 16


class Pronouncer:
    """Pronounces words with one artifact's decoding queue."""

    def __init__(
        self,
        artifact: Artifact,
        batcher: Batcher[DecodeRequest, Answer],
        pipeline: Pipeline,
        *,
        user: UserLexicon | None = None,
        cache: AnswerCache[str, str] | None = None,
        source: Source = "model",
        engine: Callable[[], str | None] = lambda: None,
        language: int = 0,
    ) -> None:
        """Create a pronouncer.

        Args:
            artifact: the artifact that the workers decode with.
            batcher: the queue of the workers.
            pipeline: of the artifact and its lexicons.
            user: the user lexicon among these lexicons, if there is one.
            cache: of answers, which languages share; none by default.
            source: default source of pronunciations.
            engine: returns the decode engine; probabilities differ between engines.
            language: index of the artifact among those of the workers.
        """
        code = artifact.language.code if pipeline.variant is None else pipeline.variant.code
        self.model = ModelName(name=artifact.name, version=artifact.version, language=code)
        self.language = language
        self.batcher = batcher
        self.pipeline = pipeline
        self.cache = AnswerCache[str, str](0) if cache is None else cache
        self.slices = TimeSlices()
        self.source = source
        self.engine = engine
        self.user = user
        # `_manner` by the few combinations of options (without alignment) and engine
        self._manners: dict[tuple[Alphabet | None, bool | None, int, str | None], str] = {}
        # Everything that determines an answer besides the word and the options
        trained = artifact.trained_words.content if artifact.trained_words else b""
        reading = pipeline.resolver.reader.revision
        origin = (
            *(__version__, self.model, artifact.weights_sha256, pipeline.longest, reading),
            *(artifact.calibration, artifact.nbest_calibration, artifact.trained_calibration),
            pipeline.variant,
        )
        self._origin = hashlib.sha256(repr(origin).encode() + trained)

    def source_of(self, options: Options) -> Source:
        """Return the source of pronunciations for a request."""
        return options.source or self.source

    async def begin(
        self, words: Sequence[str], options: Options, timeout: float = math.inf
    ) -> PronounceJob:
        """Normalize the words, and look them up in lexicons and cache.

        Args:
            words: as they were sent.
            options: of the request.
            timeout: seconds for reads of the user lexicon, in a thread.

        Raises:
            AlphabetError, StressError: if the phonemes cannot be written as requested.
            AlignmentError: if alignments are requested but the network has none.
            UserLexiconError: if the user lexicon cannot be read.
        """
        checked = self._checked(options, alignment=options.alignment)
        resolve = self.pipeline.resolver.resolve
        if len(words) <= WORDS_TOGETHER and (self.user is None or checked.source == "model"):
            resolved_at_once = resolve(words, source=checked.source)
            return PronounceJob(self, resolved_at_once, checked, explain=options.explain)
        together = (
            words[start : start + WORDS_TOGETHER] for start in range(0, len(words), WORDS_TOGETHER)
        )
        resolved = await self.resolve(
            partial(resolve, source=checked.source),
            together,
            checked.source,
            time.monotonic() + timeout,
        )
        resolutions = list(chain.from_iterable(resolved))
        return PronounceJob(self, resolutions, checked, explain=options.explain)

    def known(self, words: Sequence[str], options: Options) -> tuple[list[str], int] | None:
        """Return a result for every word if the network's answers to all are in the cache.

        It is a fast path for repeated requests, with the same results as `PronounceJob.results`.

        Args:
            words: as they were sent; few.
            options: of the request, without alignment and explanation.

        Returns:
            the results and the number of distinct words; None if any word needs more than a cache
            lookup.

        Raises:
            AlphabetError, StressError: see `begin`.
        """
        if self.source_of(options) != "model" or self.pipeline.variant is not None:
            return None
        shown = (options.alphabet, options.stress, options.n, self.engine())
        if (manner := self._manners.get(shown)) is None:
            manner = self._manner(self._checked(options, alignment=False))
            self._manners[shown] = manner
        plain, answers = self.pipeline.resolver.reader.plain, self.cache.get
        results: list[str] = []
        forms: set[str] = set()
        for word in words:
            form = plain(word)
            if form is None or (answer := answers(manner + form)) is None:
                return None
            forms.add(form)
            results.append(rendering.result(word, form, "model", answer))
        return results, len(forms)

    def _manner(self, options: pipeline.Options) -> str:
        """Return a key of all that determines the network's answer, except the word."""
        return (
            f"{self.language} {self.engine()} {options.alphabet} {options.marks:d} {options.n} "
            f"{options.alignment:d} "
        )

    async def resolve(
        self,
        resolve: Callable[[T], Sequence[WordResolution]],
        together: Iterable[T],
        source: Source,
        due: float,
    ) -> list[Sequence[WordResolution]]:
        """Resolve words in time slices on the event loop, or in a thread to read the user lexicon.

        Args:
            resolve: resolves a group of words.
            together: the groups of words.
            source: of the pronunciations.
            due: deadline for reads of the user lexicon, by `time.monotonic`.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        if self.user is None or source == "model":
            return await self.slices.map(resolve, together)
        return [
            await self.user.read(partial(resolve, some), timeout=due - time.monotonic())
            for some in together
        ]

    async def phrases(self, source: Source, due: float) -> Phrases | None:
        """Return the entries that a text is searched for literally (see `Resolver.phrases`).

        Args:
            source: of the pronunciations.
            due: deadline for reads of the user lexicon, by `time.monotonic`.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        read = partial(self.pipeline.resolver.phrases, source)
        if self.user is None or source == "model":
            return read()
        return await self.user.read(read, timeout=due - time.monotonic())

    def _checked(self, options: Options, *, alignment: bool) -> pipeline.Options:
        """Return the options with the defaults of the service and the artifact.

        Raises:
            AlphabetError, StressError, AlignmentError: see `Pipeline.options`.
        """
        return self.pipeline.options(
            source=self.source_of(options),
            alphabet=options.alphabet,
            stress=options.stress,
            n=options.n,
            alignment=alignment,
        )

    def etag(self, word: str, options: Options) -> str:
        """Return an entity tag (RFC 9110, 8.8.3) for the response to one word, without decoding it.

        Equal tags mean equal responses.

        Raises:
            AlphabetError, StressError: see `begin`.
            UserLexiconError: if the user lexicon cannot be read.
        """
        # Without alignment, which some media types omit; `begin` checks whether there are any
        checked = self._checked(options, alignment=False)
        revision = "" if checked.source == "model" else self.pipeline.resolver.lookup.revision()
        shown = (options.alignment, options.explain)
        digest = self._origin.copy()
        digest.update(repr((word, *checked, *shown, revision, self.engine())).encode())
        return f'"{digest.hexdigest()[:32]}"'


class PronounceJob:
    """The pronunciation of one request's words.

    Attributes:
        missing: decode requests whose answers are not in the cache.
        known: number of distinct answers from the cache.
        looked_up: whether lexicons were used.
        answered: result of decoding the missing ones, with its timing.
        error_codes: number of results with an error, by code; complete after `results`.
        reservation: share of the buffers for its response, once it was admitted.
    """

    def __init__(
        self,
        pronouncer: Pronouncer,
        resolutions: Sequence[WordResolution],
        options: pipeline.Options,
        *,
        explain: bool,
    ) -> None:
        self.looked_up = options.source != "model"
        self._pronouncer = pronouncer
        self._pipeline = pronouncer.pipeline
        self._resolutions = resolutions
        self._options = options
        self._explain = explain
        self._usual = not (explain or options.alignment)
        self.reservation: Hold | None = None
        # The network's answers, each a JSON array of pronunciations
        self._rendered: dict[Task, str] = {}
        # The same for parts of words, parsed
        self._parts: dict[Task, list[Candidate]] = {}
        self._failures: dict[Task, Failure] = {}
        self.error_codes: dict[WordErrorCode, int] = {}
        self.missing: list[DecodeRequest] = []
        self._tasks: list[tuple[Task, str]] = []  # of `missing`, with their keys in the cache
        _, alphabet, marks, n, alignment = options
        manner, language = pronouncer._manner(options), pronouncer.language
        for task in self._pipeline.tasks(resolutions, options):
            text, given = task
            key = f"{manner}{text} {given}" if given else manner + text
            rendered = pronouncer.cache.get(key)
            if rendered is None:
                self.missing.append(
                    DecodeRequest(text, n, alignment, alphabet, marks, given, language)
                )
                self._tasks.append((task, key))
            else:
                self._rendered[task] = rendered
        self.known = len(self._rendered)
        self.answered: DecodeResult[Answer] = DecodeResult([])

    @property
    def model(self) -> ModelName:
        """Return name and version of the model."""
        return self._pronouncer.model

    @property
    def decoding_failed(self) -> bool:
        """Return whether the decoder raised for a word; a retry may succeed."""
        return bool(self._failures)

    def release(self) -> None:
        """Release the reservation for the response."""
        if self.reservation is not None:
            self.reservation.resize(0)

    def listed(self, source: Answerer) -> int:
        """Return how many distinct words and parts were found in this kind of lexicon."""
        segments = (segment for resolution in self._resolutions for segment in resolution.segments)
        return len({segment.text for segment in segments if segment.source == source})

    async def decode(self, *, timeout: float) -> None:
        """Decode the missing words.

        Raises:
            QueueFullError, DeadlineError, WorkerLostError: see `Batcher.submit`.
        """
        self.answered = await self._pronouncer.batcher.submit(self.missing, timeout=timeout)
        if len(self.missing) > 1:
            self._pronouncer.batcher.poll()
        keep = self._pronouncer.cache.put
        answers = self.answered.answers
        for (task, key), answer in zip(self._tasks, answers, strict=True):
            if isinstance(answer, str):
                self._rendered[task] = answer
                keep(key, answer)
            else:
                self._failures[task] = answer

    @property
    def cost(self) -> RequestCost:
        """Return the cost of the remaining work and of the response."""
        letters = float(sum(ask.work for ask in self.missing))
        size = 0
        plain: list[str] = []  # words of the network, which are priced together
        characters = 0
        for resolution in self._resolutions:
            word = resolution.network_word
            if word is not None and self._usual:
                plain.append(word)
                characters += len(resolution.word)
                continue
            parts = len(resolution.segments)
            limit = self._pipeline.limit(resolution, self._options)
            letters += join_letters(parts, limit)
            sent = len(resolution.word)
            spelling = "" if resolution.error else resolution.normalized or ""
            if self._explain:
                size += explanation_bytes(parts, sent + len(spelling))
            aligned = self._pipeline.aligns(resolution, self._options)
            size += result_bytes(sent, spelling, limit, aligned=aligned)
        size += result_bytes(characters, "".join(plain), self._options.n, words=len(plain))
        return RequestCost(round(letters), size)

    async def results(self, form: Callable[[str], R]) -> list[R]:
        """Return a result for every word (see `rendering.result`), in order, after `decode`.

        Args:
            form: encodes each result.
        """
        return await self._pronouncer.slices.map(
            lambda resolution: form(self._result(resolution)), self._resolutions
        )

    def _result(self, resolution: WordResolution) -> str:
        """Return a result as JSON."""
        rendered = self._rendered.get((resolution.network_word or "", ()))
        whole = resolution.chance == 1.0 and self._pipeline.variant is None
        if rendered is not None and whole:
            # Rendered by the worker, with the same output as the pipeline's
            explained = explain(resolution, "model") if self._explain else "null"
            return rendering.result(
                resolution.word,
                resolution.normalized,
                "model",
                rendered,
                resolution.warnings,
                explain=explained,
            )
        found = self.result(resolution)
        error = None
        if found.error is not None:
            error = WordError(code=found.error.code, message=found.error.message)
        return rendering.result(
            found.word,
            found.normalized,
            found.source,
            rendering.pronunciations(found.pronunciations, self._options.alphabet),
            found.warnings,
            error,
            explain(resolution, found.source) if self._explain else "null",
        )

    def result(self, resolution: WordResolution) -> pipeline.Result:
        """Return a result, after `decode`."""
        found = self._pipeline.result(resolution, self._options, self._decoded)
        if found.error is not None:
            code = found.error.code
            self.error_codes[code] = self.error_codes.get(code, 0) + 1
        return found

    def _decoded(self, task: Task) -> Sequence[Candidate] | Failure:
        """Return the network's answer to a task."""
        if (failure := self._failures.get(task)) is not None:
            return failure
        if (parts := self._parts.get(task)) is None:
            parts = self._parts[task] = rendering.candidates(self._rendered[task])
        return parts


def answer_size(rendered: str) -> int:
    """Return the weight of an answer in the cache."""
    return max(1, len(rendered) // _CHARACTERS)


# ------------------------------------------------------------------------------------------------
# Explanations: which lexicon, rule or network pronounced each part of a word

_NOTHING = Explanation(
    source=None, lexicon=None, rank=None, rule=None, stem=None, order=None, parts=()
)


def explain(resolution: WordResolution, source: Answerer | None) -> str:
    """Return the explanation of a result, as JSON.

    Args:
        resolution: of the word.
        source: of the result; None if it has an error.
    """
    parts = tuple(map(_explained, resolution.segments))
    if source is None or not parts:
        return _NOTHING.model_copy(update={"parts": parts}).model_dump_json()
    if len(parts) == 1:
        whole = parts[0].model_dump(exclude={"text"})
    else:
        by_rule = all(part.source == "rule" for part in parts)
        whole = {**_NOTHING.model_dump(), "source": "rule" if by_rule else source}
    return Explanation(**{**whole, "parts": parts}).model_dump_json()


def _explained(segment: Segment) -> ExplainedPart:
    return ExplainedPart(text=segment.text, source=segment.source, **segment.origin._asdict())

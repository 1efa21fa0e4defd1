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

from tanger.model.artifact import Artifact
from tanger.model.lexicon.phrases import Phrases
from tanger.model.phonology.notation import Alphabet
from tanger.model.text import pipeline
from tanger.model.text.candidates import Candidate, Failure
from tanger.model.text.pipeline import Pipeline, Task
from tanger.model.text.segments import Answerer, Segment, SegmentSource, Source, WordResolution
from tanger.model.text.senses import homographs
from tanger.model.text.speller import WordErrorCode
from tanger.service.connections.limits import Reservation
from tanger.service.schemas import ModelName, Options, WordError
from tanger.service.serving import rendering
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.cache import AnswerCache
from tanger.service.serving.pricing import (
    RequestCost,
    explanation_bytes,
    join_letters,
    result_bytes,
)
from tanger.service.serving.queue_items import DecodeResult
from tanger.service.serving.time_slices import TimeSlices, word_groups
from tanger.service.serving.wire import Answer, DecodeRequest
from tanger.service.user_lexicon.store import UserLexicon

R = TypeVar("R")
T = TypeVar("T")


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
        if pipeline.resolver.reader.american:
            homographs()  # load them here: the first text would hold the event loop
        # `_key_prefix` by the few combinations of options (without alignment) and engine
        self._key_prefixes: dict[tuple[Alphabet | None, bool | None, int, str | None], str] = {}
        # Everything that determines an answer besides the word and the options
        origin = (*pipeline.identity, self.model, pipeline.variant)
        self._origin = hashlib.sha256(repr(origin).encode())

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
        job = PronounceJob(self, checked, explain=options.explain)
        together = word_groups(words, words)
        if checked.source == "model":
            if len(together) == 1:
                job.add_words(words)
            else:
                await self.slices.map(job.add_words, together)
            return job
        resolve = partial(self.pipeline.resolver.resolve, source=checked.source)
        if len(together) == 1 and self.user is None:
            resolved: Iterable[Sequence[WordResolution]] = [resolve(words)]
        else:
            due = time.monotonic() + timeout
            resolved = await self.resolve(resolve, together, checked.source, due)
        await self.slices.map(job.add, chain.from_iterable(resolved))
        return job

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
        if (prefix := self._key_prefixes.get(shown)) is None:
            prefix = self._key_prefix(self._checked(options, alignment=False))
            self._key_prefixes[shown] = prefix
        plain, answers = self.pipeline.resolver.reader.plain, self.cache.get
        results: list[str] = []
        forms: set[str] = set()
        for word in words:
            form = plain(word)
            if form is None or (answer := answers(prefix + form)) is None:
                return None
            forms.add(form)
            results.append(rendering.result(word, form, "model", answer))
        return results, len(forms)

    def _key_prefix(self, options: pipeline.Options) -> str:
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

    def __init__(self, pronouncer: Pronouncer, options: pipeline.Options, *, explain: bool) -> None:
        """Create a job without words, to be added one by one."""
        self.looked_up = options.source != "model"
        self._pronouncer = pronouncer
        self._pipeline = pronouncer.pipeline
        # Of plain words that need no resolution, word and spelling
        self._words: list[WordResolution | tuple[str, str]] = []
        self._options = options
        self._explain = explain
        self._usual = not (explain or options.alignment)
        self.reservation: Reservation | None = None
        # The network's answers, each a JSON array of pronunciations
        self._rendered: dict[Task, str] = {}
        # The same for parts of words, parsed
        self._parts: dict[Task, list[Candidate]] = {}
        self._failures: dict[Task, Failure] = {}
        self.error_codes: dict[WordErrorCode, int] = {}
        self.missing: list[DecodeRequest] = []
        # Tasks of `missing`, with their keys in the cache
        self._missing_keys: dict[Task, str] = {}
        self._key_prefix = pronouncer._key_prefix(options)
        # Words and parts found in lexicons, by source
        self._listed: dict[SegmentSource, set[str]] = {"user": set(), "lexicon": set()}
        self._letters = 0.0
        self._size = 0
        # Words of the network, which are priced together, and the characters of all as sent
        self._plain: list[str] = []
        self._characters = 0
        self.known = 0
        self.answered: DecodeResult[Answer] = DecodeResult([])

    def add_words(self, words: Iterable[str]) -> None:
        """Add words that are looked up in no lexicon."""
        resolver = self._pipeline.resolver
        for word in words:
            if not self._usual or (form := resolver.reader.plain(word)) is None:
                self.add(resolver.resolve((word,), "model")[0])
                continue
            self._words.append((word, form))
            self._look_up((form, ()))
            self._plain.append(form)
            self._characters += len(word)

    def add(self, resolution: WordResolution) -> None:
        """Add a word, look up its tasks in the cache, and add up its cost."""
        self._words.append(resolution)
        word = resolution.network_word
        if word is not None and self._usual:
            self._look_up((word, ()))
            self._plain.append(word)
            self._characters += len(resolution.word)
            return
        options, parts = self._options, len(resolution.segments)
        for task in self._pipeline.tasks((resolution,), options):
            self._look_up(task)
        if self.looked_up:
            for segment in resolution.segments:
                if (found := self._listed.get(segment.source)) is not None:
                    found.add(segment.text)
        limit = self._pipeline.limit(resolution, options)
        self._letters += join_letters(parts, limit)
        sent = len(resolution.word)
        spelling = "" if resolution.error else resolution.normalized or ""
        if self._explain:
            self._size += explanation_bytes(parts, sent + len(spelling))
        aligned = self._pipeline.aligns(resolution, options)
        self._size += result_bytes(sent, spelling, limit, aligned=aligned)

    def _look_up(self, task: Task) -> None:
        """Take the answer to a task from the cache, or queue it to be decoded."""
        if task in self._rendered or task in self._missing_keys:
            return
        text, given = task
        key = f"{self._key_prefix}{text} {given}" if given else self._key_prefix + text
        rendered = self._pronouncer.cache.get(key)
        if rendered is None:
            _, alphabet, marks, n, alignment = self._options
            language = self._pronouncer.language
            request = DecodeRequest(text, n, alignment, alphabet, marks, given, language)
            self.missing.append(request)
            self._missing_keys[task] = key
            self._letters += request.work
        else:
            self._rendered[task] = rendered
            self.known += 1

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
        return len(self._listed[source])

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
        for (task, key), answer in zip(self._missing_keys.items(), answers, strict=True):
            if isinstance(answer, str):
                self._rendered[task] = answer
                keep(key, answer)
            else:
                self._failures[task] = answer

    @property
    def cost(self) -> RequestCost:
        """Return the cost of the work before `decode`, and of the response."""
        plain = "".join(self._plain)
        size = result_bytes(self._characters, plain, self._options.n, words=len(self._plain))
        return RequestCost(round(self._letters), self._size + size)

    async def results(self, form: Callable[[str], R]) -> list[R]:
        """Return a result for every word (see `rendering.result`), in order, after `decode`.

        Args:
            form: encodes each result.
        """
        return await self._pronouncer.slices.map(lambda word: form(self._result(word)), self._words)

    def _result(self, resolution: WordResolution | tuple[str, str]) -> str:
        """Return a result as JSON."""
        if not isinstance(resolution, WordResolution):
            word, form = resolution
            rendered = self._rendered.get((form, ()))
            if rendered is not None and self._pipeline.variant is None:
                return rendering.result(word, form, "model", rendered)
            resolution = WordResolution(word, form, (Segment(form),))
        rendered = self._rendered.get((resolution.network_word or "", ()))
        whole = resolution.probability == 1.0 and self._pipeline.variant is None
        if rendered is not None and whole:  # the worker's output is the same as the pipeline's
            explained = rendering.explanation(resolution, "model") if self._explain else "null"
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
            rendering.explanation(resolution, found.source) if self._explain else "null",
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

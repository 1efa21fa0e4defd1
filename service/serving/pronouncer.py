"""Requests for pronunciations: resolved, decoded through the queue and the cache, rendered.

The steps themselves are those of `model.text.pipeline`; here is what serving adds: turns on the
event loop, answers that are kept, prices, entity tags, and JSON.
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

# Characters that count as one answer where answers are kept: an ordinary one takes fewer.
_CHARACTERS = 256
# Words that are resolved together: lexicons are looked up once for all of them.
WORDS_TOGETHER = 16


class Pronouncer:
    """Answers requests from one artifact's decoding queue."""

    def __init__(
        self,
        artifact: Artifact,
        batcher: Batcher[DecodeRequest, Answer],
        pipeline: Pipeline,
        *,
        user: UserLexicon | None = None,
        cache_words: int = 0,
        source: Source = "model",
        engine: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Answer for `artifact`.

        Args:
            artifact: what the workers decode with.
            batcher: their queue.
            pipeline: of the artifact and its lexicons.
            user: people's own words, where they are kept, among these lexicons.
            cache_words: the most answers to keep.
            source: where pronunciations come from if a request does not say.
            engine: what decodes, for probabilities differ between engines.
        """
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.batcher = batcher
        self.pipeline = pipeline
        self.cache = AnswerCache[str, str](cache_words, weigh=_size)
        self.slices = TimeSlices()
        self.source = source
        self.engine = engine
        self._user = user
        # By options without alignment and the engine: there are few
        self._manners: dict[tuple[Alphabet | None, bool | None, int, str | None], str] = {}
        # All that decides an answer beside the word and the options
        weights = (artifact.name, artifact.weights_sha256)
        chances = (artifact.calibration, artifact.nbest_calibration)
        reading = pipeline.resolver.reader.revision
        origin = (__version__, *weights, *chances, pipeline.longest, reading)
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
        checked = self._checked(options, alignment=options.alignment)
        resolve = self.pipeline.resolver.resolve
        if len(words) <= WORDS_TOGETHER and (self._user is None or checked.source == "model"):
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
        """A result for every word, where the network has answered all of them before.

        It is what `PronounceJob.results` makes of nearly every request that comes again, in a
        fraction of the time.

        Args:
            words: as they were sent; few.
            options: how to answer, with neither alignment nor explanation.

        Returns:
            the results, and of how many distinct words; None where any word takes more than a look
            at the cache.

        Raises:
            AlphabetError, StressError: as `begin`.
        """
        if self.source_of(options) != "model":
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
        """All that decides the network's answer to a text, but for the weights."""
        return (
            f"{self.engine()} {options.alphabet} {options.marks:d} {options.n} "
            f"{options.alignment:d} "
        )

    async def resolve(
        self,
        resolve: Callable[[T], Sequence[WordResolution]],
        together: Iterable[T],
        source: Source,
        due: float,
    ) -> list[Sequence[WordResolution]]:
        """What `resolve` makes of words, in turns on the event loop; in a thread, to read a file.

        Args:
            resolve: resolves some words.
            together: words that are resolved at once.
            source: where pronunciations come from.
            due: when the user lexicon has to be read, by `time.monotonic`.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        if self._user is None or source == "model":
            return await self.slices.map(resolve, together)
        return [
            await self._user.read(partial(resolve, some), timeout=due - time.monotonic())
            for some in together
        ]

    async def phrases(self, source: Source, due: float) -> Phrases | None:
        """The entries that are looked for in a text as they stand (see `Resolver.phrases`).

        Args:
            source: where pronunciations come from.
            due: when the user lexicon has to be read, by `time.monotonic`.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        read = partial(self.pipeline.resolver.phrases, source)
        if self._user is None or source == "model":
            return read()
        return await self._user.read(read, timeout=due - time.monotonic())

    def _checked(self, options: Options, *, alignment: bool) -> pipeline.Options:
        """The options with this service's and the artifact's defaults.

        Raises:
            AlphabetError, StressError, AlignmentError: as `Pipeline.options`.
        """
        return self.pipeline.options(
            source=self.source_of(options),
            alphabet=options.alphabet,
            stress=options.stress,
            n=options.n,
            alignment=alignment,
        )

    def etag(self, word: str, options: Options) -> str:
        """An entity tag (RFC 9110, 8.8.3) for the answer to one word, before it is known.

        Whatever else it would be made of, the same tag means the same answer.

        Raises:
            AlphabetError, StressError: as `begin`.
            UserLexiconError: where people's own words cannot be read.
        """
        # Some representations leave alignments out: `begin` sees whether there are any
        checked = self._checked(options, alignment=False)
        revision = "" if checked.source == "model" else self.pipeline.resolver.lookup.revision()
        shown = (options.alignment, options.explain)
        digest = self._origin.copy()
        digest.update(repr((word, *checked, *shown, revision, self.engine())).encode())
        return f'"{digest.hexdigest()[:32]}"'


class PronounceJob:
    """One request's words on their way to results.

    Attributes:
        missing: what the network is to be asked, where its answer is not known yet.
        known: how many distinct answers were.
        looked_up: whether lexicons were asked.
        answered: what decoding the missing ones took.
        error_codes: how many results have an error, by its code; complete with `results`.
        reservation: room that is kept for its answer until that is sent, where it was admitted.
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
        self.reservation: Hold | None = None
        # The network's answers: each an array of pronunciations
        self._rendered: dict[Task, str] = {}
        # The same taken apart, of what is a part of a word
        self._parts: dict[Task, list[Candidate]] = {}
        self._failures: dict[Task, Failure] = {}
        self.error_codes: dict[WordErrorCode, int] = {}
        self.missing: list[DecodeRequest] = []
        self._tasks: list[tuple[Task, str]] = []  # theirs, each with its key in the cache
        _, alphabet, marks, n, alignment = options
        manner = pronouncer._manner(options)
        for task in self._pipeline.tasks(resolutions, options):
            text, given = task
            key = f"{manner}{text} {given}" if given else manner + text
            rendered = pronouncer.cache.get(key)
            if rendered is None:
                self.missing.append(DecodeRequest(text, n, alignment, alphabet, marks, given))
                self._tasks.append((task, key))
            else:
                self._rendered[task] = rendered
        self.known = len(self._rendered)
        self.answered: DecodeResult[Answer] = DecodeResult([])

    @property
    def model(self) -> ModelName:
        """Which weights answer."""
        return self._pronouncer.model

    @property
    def decoding_failed(self) -> bool:
        """Whether the decoder raised on one of them: the next time it may not."""
        return bool(self._failures)

    def release(self) -> None:
        """Keep no room for its answer any more."""
        if self.reservation is not None:
            self.reservation.resize(0)

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
        for (task, key), answer in zip(self._tasks, answers, strict=True):
            if isinstance(answer, str):
                self._rendered[task] = answer
                keep(key, answer)
            else:
                self._failures[task] = answer

    @property
    def cost(self) -> RequestCost:
        """What is still to be done for it, and how long its answer will be."""
        letters = float(sum(ask.work for ask in self.missing))
        size = 0
        for resolution in self._resolutions:
            parts = len(resolution.segments)
            limit = self._pipeline.limit(resolution, self._options)
            letters += join_letters(parts, limit)
            sent = len(resolution.word)
            spelling = "" if resolution.error else resolution.normalized or ""
            if self._explain:
                size += explanation_bytes(parts, sent + len(spelling))
            aligned = self._pipeline.aligns(resolution, self._options)
            size += result_bytes(sent, spelling, limit, aligned=aligned)
        return RequestCost(round(letters), size)

    async def results(self, form: Callable[[str], R]) -> list[R]:
        """A result for every word (see `rendering.result`), in order, once none is missing.

        Args:
            form: what becomes of each.
        """
        return await self._pronouncer.slices.map(
            lambda resolution: form(self._result(resolution)), self._resolutions
        )

    def _result(self, resolution: WordResolution) -> str:
        """One result as JSON."""
        rendered = self._rendered.get((resolution.network_word or "", ()))
        if rendered is not None and resolution.chance == 1.0:
            # The worker has rendered it: what the pipeline would make of it is the same
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
        """One result, once none of its words is missing."""
        found = self._pipeline.result(resolution, self._options, self._decoded)
        if found.error is not None:
            code = found.error.code
            self.error_codes[code] = self.error_codes.get(code, 0) + 1
        return found

    def _decoded(self, task: Task) -> Sequence[Candidate] | Failure:
        """The network's answer to a task."""
        if (failure := self._failures.get(task)) is not None:
            return failure
        if (parts := self._parts.get(task)) is None:
            parts = self._parts[task] = rendering.candidates(self._rendered[task])
        return parts


def _size(rendered: str) -> int:
    """How many answers one counts as where they are kept."""
    return max(1, len(rendered) // _CHARACTERS)


# ------------------------------------------------------------------------------------------------
# Which lexicon, rule or network answered each part of a word, for requests that ask for it.

_NOTHING = Explanation(
    source=None, lexicon=None, rank=None, rule=None, stem=None, order=None, parts=()
)


def explain(resolution: WordResolution, source: Answerer | None) -> str:
    """The explanation of a result, as JSON.

    Args:
        resolution: of the word.
        source: what the result says that it comes from; None where it has an error.
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

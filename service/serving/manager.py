"""The model manager: admits requests to the models, and reports their state to the routes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from contextvars import Context

from tanger.service.api_keys import KeyRing, Keys
from tanger.service.connections.limits import ByteBudget
from tanger.service.errors import InvalidRequestError, UnavailableError
from tanger.service.metrics import Metrics
from tanger.service.schemas import (
    Info,
    LexiconInfo,
    Limits,
    ModelName,
    Options,
    Probe,
    ProblemError,
    TextOptions,
)
from tanger.service.serving import text_job
from tanger.service.serving.admission import QueueFullError
from tanger.service.serving.loaded_model import LoadedModel
from tanger.service.serving.models import Models
from tanger.service.serving.pricing import RequestCost
from tanger.service.serving.pronouncer import PronounceJob
from tanger.service.serving.supervisor import Backend, OwnBackend, ReloadError
from tanger.service.serving.text_job import Price, TextJob
from tanger.service.settings import Settings
from tanger.service.user_lexicon.read_only import ReadOnlyLexicon
from tanger.service.user_lexicon.store import UserLexicon

log = logging.getLogger("tanger")

# Least seconds between attempts to queue words
_SHORTEST_WAIT = 0.02
# Most pronunciations of a request that is looked up by `known`, and an upper bound of its response
_KNOWN_AT_ONCE = 8
_KNOWN_BYTES = 1 << 16


class ModelManager:
    """The models, workers, keys and user lexicon of an application.

    Attributes:
        user: the user lexicon, if there is one.
        draining: whether the service is stopping.
        failure: why no worker could start, or None.
    """

    def __init__(self, settings: Settings, backend: Backend | None = None) -> None:
        """Read the artifact and the keys, and configure the workers.

        Args:
            settings: of the service.
            backend: manages the workers; by default this process does.

        Raises:
            ArtifactError: if the artifact is damaged.
            KeysError, LexiconError, LexiconFileError, UserLexiconError: if the keys or a lexicon
                cannot be used.
        """
        self.settings = settings
        self.metrics = Metrics()
        self.key_ring = KeyRing(settings, self.metrics)
        kind = ReadOnlyLexicon if settings.user_lexicon_read_only else UserLexicon
        self.user = kind(settings.user_lexicon) if settings.user_lexicon else None
        self.backend = backend or OwnBackend(settings, self.metrics)
        # This process's share of the limit for all processes
        self.buffers = ByteBudget(settings.max_buffered // self.backend.processes)
        self._models = Models(
            settings,
            self.backend,
            metrics=self.metrics,
            user=self.user,
            key_ring=self.key_ring,
        )
        self.metrics.watch(self)
        self.draining = False
        self.failure: str | None = None
        self._background: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> LoadedModel:
        """Return the model that is served."""
        return self._models.current

    async def run(self) -> None:
        """Serve until cancelled.

        If no worker can start, the whole service stops, since it would never be ready.
        """
        self._retain(asyncio.create_task(self.key_ring.watch(), context=Context()))
        try:
            self.failure = await self._models.run()
        finally:
            for task in self._background:
                task.cancel()
            if self.user is not None:
                self.user.close()
        os.kill(os.getpid(), signal.SIGTERM)

    async def reload(self) -> ModelName:
        """Reload artifact and lexicons, and independently the keys, in all processes.

        Raises:
            ReloadError: if either fails; what was in use before stays in use.
        """
        return await self.backend.reload()

    @property
    def keys(self) -> Keys:
        """Return the valid API keys."""
        return self.key_ring.keys

    @property
    def answers(self) -> bool:
        """Return whether a request would be decoded now."""
        return self.current.ready and not self.draining

    def probe(self) -> Probe:
        """Return the state of the service."""
        workers, check = self.current.workers.ready, self.current.check
        if self.draining:
            return Probe(status="draining", workers=workers)
        if workers and check.passed.is_set():
            return Probe(status="ok", workers=workers)
        if check.failure is not None:
            return Probe(status="wrong answers", workers=workers)
        started = self.current.workers.restarts > 0
        return Probe(status="no worker" if started else "starting", workers=workers)

    def ready(self) -> Probe:
        """Return the state if a request would be decoded now.

        Raises:
            UnavailableError: if it would not.
        """
        probe = self.probe()
        if probe.status != "ok":
            raise UnavailableError(probe.status)
        return probe

    def started(self) -> Probe:
        """Return the state once the first worker has started and passed the self-check.

        Raises:
            UnavailableError: before that.
        """
        probe = self.probe()
        if not self.current.check.proven:
            raise UnavailableError(probe.status)
        return probe

    def known(self, words: Sequence[str], options: Options) -> list[str] | None:
        """Return a result for every word if all are in the cache; else None.

        Such a request is small, and needs no check of its cost.

        Raises:
            AlphabetError, StressError: see `Pronouncer.begin`.
        """
        if (
            len(words) * options.n > _KNOWN_AT_ONCE
            or options.alignment
            or options.explain
            or not self.answers
            or len(words) > self.settings.max_words
            or self.settings.max_response < _KNOWN_BYTES
        ):
            return None
        found = self.current.pronouncer.known(words, options)
        if found is None:
            return None
        results, distinct = found
        self.metrics.cached.inc(distinct)
        return results

    async def begin(self, words: Sequence[str], options: Options, timeout: float) -> PronounceJob:
        """Admit a request for words; the missing ones are to be decoded next.

        Args:
            words: as they were sent.
            options: of the request.
            timeout: seconds for reads of the user lexicon.

        Raises:
            InvalidRequestError: for too many words, or if the request costs too much.
            UnavailableError: if no worker is ready.
            BuffersFullError: if the buffers have no space for its large response.
            AlphabetError, StressError, UserLexiconError: see `Pronouncer.begin`.
        """
        if len(words) > self.settings.max_words:
            fault = f"at most {self.settings.max_words} words a request, not {len(words)}"
            raise InvalidRequestError(ProblemError(where="body.words", message=fault))
        if not self.answers:
            raise UnavailableError(self.probe().status)
        while True:
            pronouncer = self.current.pronouncer
            work = await pronouncer.begin(words, options, timeout)
            if pronouncer is self.current.pronouncer:
                break  # otherwise a reload has replaced the model meanwhile
        cost = work.cost
        less = "send fewer words at a time, or ask for fewer pronunciations or no alignment"
        self._check_cost(cost, "body.words", less)
        self._admitted(work, cost)
        return work

    async def begin_text(
        self, text: str, options: TextOptions, price: Price, timeout: float
    ) -> TextJob:
        """Admit a text; its missing words are to be decoded next.

        Args:
            text: as it was sent.
            options: of the request.
            price: estimates the bytes of a token in the response.
            timeout: seconds for reads of the user lexicon.

        Raises:
            InvalidRequestError: if the text is too long or costs too much.
            UnavailableError: if no worker is ready.
            BuffersFullError: if the buffers have no space for its large response.
            TextError, SSMLError, AlphabetError, StressError, AlignmentError, UserLexiconError: see
                `text_job.read` and `text_job.begin`.
        """
        self._check_text(text)
        while True:
            pronouncer = self.current.pronouncer
            reading = await text_job.read(pronouncer, text, options, timeout)
            job = await text_job.begin(reading, price, timeout)
            if pronouncer is self.current.pronouncer:
                break  # otherwise a reload has replaced the model meanwhile
        self._admit_text(job)
        return job

    async def passages(
        self, text: str, options: TextOptions, price: Price, due: float
    ) -> AsyncGenerator[TextJob]:
        """Admit a text passage by passage; each is to be decoded before the next is requested.

        All passages are pronounced by the same model.

        Args:
            text: as it was sent.
            options: of the request.
            price: estimates the bytes of a token in the response.
            due: deadline for all passages, by `time.monotonic`.

        Raises:
            Exception: see `begin_text`; for any of the passages.
        """
        self._check_text(text)
        model = self.current
        with model.kept():
            reading = await text_job.read(
                model.pronouncer, text, options, max(0.0, due - time.monotonic())
            )
            for passage in reading.passages():
                job = await text_job.begin(passage, price, max(0.0, due - time.monotonic()))
                self._admit_text(job)
                yield job

    def _check_text(self, text: str) -> None:
        """Refuse a text that is too long, or any text if no worker is ready.

        Raises:
            InvalidRequestError, UnavailableError: see `begin_text`.
        """
        if len(text) > self.settings.max_text:
            fault = f"at most {self.settings.max_text:,} characters, not {len(text):,}"
            raise InvalidRequestError(ProblemError(where="body.text", message=fault))
        if not self.answers:
            raise UnavailableError(self.probe().status)

    def _admit_text(self, job: TextJob) -> None:
        less = "send less text at a time, or ask for application/jsonl, or for no alignment"
        self._check_cost(job.cost, "body.text", less)
        self._admitted(job.words, job.cost)

    def _admitted(self, work: PronounceJob, cost: RequestCost) -> None:
        """Reserve space for the response, and count the words by source.

        Raises:
            BuffersFullError: if there is not enough space.
        """
        work.reservation = self.buffers.hold()
        work.reservation.resize(cost.response_bytes)
        if work.known:
            self.metrics.cached.inc(work.known)
        if work.looked_up:
            self.metrics.user.inc(work.listed("user"))
            self.metrics.lexicon.inc(work.listed("lexicon"))

    def _check_cost(self, cost: RequestCost, where: str, less: str) -> None:
        """Refuse a request that exceeds the limits by itself; after a 429, it would be retried.

        Args:
            cost: of the request.
            where: the field of the request that causes the cost.
            less: advice on how to reduce the cost.

        Raises:
            InvalidRequestError: if it exceeds a limit.
        """
        settings = self.settings
        if cost.letters > settings.queue_letters:
            fault = (
                f"this request is as much work as decoding {cost.letters:,} letters, and one may "
                f"be {settings.queue_letters:,} (limits.queue_letters of /info): {less}"
            )
            raise InvalidRequestError(ProblemError(where=where, message=fault))
        if cost.response_bytes > settings.max_response:
            fault = (
                f"the answer would have about {cost.response_bytes:,} bytes, and one may have "
                f"{settings.max_response:,} (limits.response_bytes of /info): {less}"
            )
            raise InvalidRequestError(ProblemError(where=where, message=fault))

    async def decode(self, work: PronounceJob, *, timeout: float, patient: bool = False) -> None:
        """Decode the missing words of an admitted request.

        Args:
            work: the request's words.
            timeout: seconds for decoding them.
            patient: whether to wait for space in a full queue, within these seconds.

        Raises:
            QueueFullError, DeadlineError, WorkerLostError: see `PronounceJob.decode`.
        """
        due = time.monotonic() + timeout
        while True:
            try:
                await work.decode(timeout=due - time.monotonic())
                break
            except QueueFullError as e:
                wait = max(_SHORTEST_WAIT, e.retry_after)
                if not patient or time.monotonic() + wait >= due:
                    raise
                await asyncio.sleep(wait)
        self.metrics.decoded.inc(len(work.missing))

    async def etag(self, word: str, options: Options, *, timeout: float) -> str:
        """Return an entity tag for the response to one word, see `Pronouncer.etag`.

        Raises:
            AlphabetError, StressError, UserLexiconError: see `Pronouncer.etag`.
        """
        pronouncer = self.current.pronouncer
        if self.user is None or not self.corrigible(options):
            return pronouncer.etag(word, options)
        return await self.user.read(lambda: pronouncer.etag(word, options), timeout=timeout)

    def corrigible(self, options: Options) -> bool:
        """Return whether a change of the user lexicon may change the response."""
        return self.user is not None and self.current.pronouncer.source_of(options) != "model"

    def info(self) -> Info:
        """Return the model, its devices, settings and measured error rates."""
        settings, serving = self.settings, self.current
        return Info(
            model=serving.pronouncer.model,
            graphemes=serving.artifact.graphemes.own,
            phonemes=serving.artifact.phonemes.own,
            alphabets=serving.pronouncer.pipeline.alphabets,
            error_rates=serving.error_rates,
            source=settings.source,
            lexicons=tuple(
                LexiconInfo(name=name, words=words) for name, words in serving.dictionaries.names
            ),
            user_lexicon=self.user is not None and not self.settings.user_lexicon_read_only,
            http_processes=self.backend.processes,
            devices=tuple(serving.workers.devices),
            engine=self.engine,
            limits=Limits(
                words=settings.max_words,
                letters=settings.max_letters,
                text=settings.max_text,
                body_bytes=settings.max_body,
                queue_letters=settings.queue_letters,
                response_bytes=settings.max_response,
                timeout_seconds=settings.timeout,
                max_timeout_seconds=settings.max_timeout,
            ),
        )

    def gauges(self) -> dict[str, float]:
        """Return values for the metrics, by name."""
        serving = self.current
        return {
            "queue_words": serving.batcher.waiting,
            "queue_letters": serving.batcher.waiting_letters,
            "queue_oldest_seconds": serving.batcher.age,
            "queue_drain_seconds": serving.batcher.drained_in(),
            "cached_words": len(serving.pronouncer.cache),
            "workers_ready": serving.workers.ready,
            "ready": float(self.answers),
            "api_keys": len(self.keys),
            "api_keys_stale": float(self.key_ring.failure is not None),
        }

    def serving(self) -> dict[str, str]:
        """Return name and version of the model, for the metrics."""
        return self.current.pronouncer.model.model_dump()

    @property
    def engine(self) -> str | None:
        """Return the decode engine; None before any worker was ready."""
        return self.current.workers.engine

    def reload_on(self, number: signal.Signals) -> None:
        """Reload at this signal, if this thread can handle signals."""

        async def reload() -> None:
            with suppress(ReloadError):  # already logged
                await self.reload()

        def handle() -> None:
            self._retain(asyncio.create_task(reload()))

        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(number, handle)

    def _retain(self, task: asyncio.Task[None]) -> None:
        """Keep a reference to a background task until it is done."""
        self._background.add(task)
        task.add_done_callback(self._background.discard)

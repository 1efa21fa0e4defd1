"""The model manager: admits requests to the models, and reports their state to the routes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextvars import Context

from tanger.service.api_keys import KeyRing, Keys
from tanger.service.connections.limits import ByteBudget
from tanger.service.errors import UnavailableError
from tanger.service.info_schemas import Info, LanguageList, LexiconInfo
from tanger.service.metrics import Metrics
from tanger.service.schemas import ModelName, Options, Probe, TextOptions
from tanger.service.serving import text_job
from tanger.service.serving.languages import ServedLanguage
from tanger.service.serving.loaded_model import LoadedModel
from tanger.service.serving.models import Models
from tanger.service.serving.pricing import RequestCost
from tanger.service.serving.pronouncer import PronounceJob, Pronouncer
from tanger.service.serving.queue_items import QueueFullError
from tanger.service.serving.reloading import RequestedReloads
from tanger.service.serving.request_limits import check_cost, check_text, check_words, limits
from tanger.service.serving.supervisor import Backend, OwnBackend
from tanger.service.serving.text_job import Price, TextJob
from tanger.service.settings import Settings
from tanger.service.user_lexicon.lexicons import UserLexicons

log = logging.getLogger("tanger")

# Least seconds between attempts to queue words
_SHORTEST_WAIT = 0.02
# Most pronunciations of a request that is looked up by `known`, and an upper bound of its response
_KNOWN_AT_ONCE = 8
_KNOWN_BYTES = 1 << 16


class ModelManager:
    """The models, workers, keys and user lexicon of an application.

    Attributes:
        users: the user lexicons.
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
        self.backend = backend or OwnBackend(settings, self.metrics)
        self.users = UserLexicons(
            settings.user_lexicon,
            first=self.backend.sources.first.artifact.language.code,
            read_only=settings.user_lexicon_read_only,
        )
        # This process's share of the limit for all processes
        self.buffers = ByteBudget(settings.max_buffered // self.backend.processes)
        self._models = Models(
            settings,
            self.backend,
            metrics=self.metrics,
            users=self.users,
            key_ring=self.key_ring,
        )
        self.metrics.watch(self)
        self.metrics.words[self.current.languages.first.code]  # exported before the first word
        self.draining = False
        self.failure: str | None = None
        self._reloads = RequestedReloads(self.reload)

    @property
    def current(self) -> LoadedModel:
        """Return the model that is served."""
        return self._models.current

    async def run(self) -> None:
        """Serve until cancelled.

        If no worker can start, the whole service stops, since it would never be ready.
        """
        watching = asyncio.create_task(self.key_ring.watch(), context=Context())
        try:
            self.failure = await self._models.run()
        finally:
            watching.cancel()
            self._reloads.cancel()
            self.users.close()
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

    def known(self, words: Sequence[str], options: Options) -> tuple[ModelName, list[str]] | None:
        """Return the model and a result for every word if all are in the cache; else None.

        Such a request is small, and needs no check of its cost.

        Raises:
            LanguageError: if the language is not available.
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
        language = self.current.languages.get(options.language)
        if language is None:
            return None
        pronouncer = language.pronouncer
        if (found := pronouncer.known(words, options)) is None:
            return None
        results, distinct = found
        self.metrics.words[language.code].cached.inc(distinct)
        return pronouncer.model, results

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
            LanguageError, DeadlineError: see `Languages.open`.
            AlphabetError, StressError, UserLexiconError: see `Pronouncer.begin`.
        """
        check_words(words, self.settings)
        if not self.answers:
            raise UnavailableError(self.probe().status)
        while True:
            model = self.current
            pronouncer = await self._pronouncer(model, options.language, timeout)
            work = await pronouncer.begin(words, options, timeout)
            if model is self.current:
                break  # otherwise a reload has replaced the model meanwhile
        cost = work.cost
        less = "send fewer words at a time, or ask for fewer pronunciations or no alignment"
        check_cost(cost, self.settings, "body.words", less)
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
            LanguageError, DeadlineError: see `Languages.open`.
            TextError, SSMLError, AlphabetError, StressError, AlignmentError, UserLexiconError: see
                `text_job.read` and `text_job.begin`.
        """
        self._check_text(text)
        while True:
            model = self.current
            pronouncer = await self._pronouncer(model, options.language, timeout)
            reading = await text_job.read(pronouncer, text, options, timeout)
            job = await text_job.begin(reading, price, timeout)
            if model is self.current:
                break  # otherwise a reload has replaced the model meanwhile
        self._admit_text(job)
        return job

    async def passages(
        self, text: str, options: TextOptions, price: Price, left: Callable[[], float]
    ) -> AsyncGenerator[TextJob]:
        """Admit a text passage by passage; each is to be decoded before the next is requested.

        All passages are pronounced by the same model. Those after the first wait for space in the
        buffers.

        Args:
            text: as it was sent.
            options: of the request.
            price: estimates the bytes of a token in the response.
            left: returns the seconds left for all passages.

        Raises:
            Exception: see `begin_text`; for any of the passages.
        """
        self._check_text(text)
        model = self.current
        with model.kept():
            pronouncer = await self._pronouncer(model, options.language, left())
            reading = await text_job.read(pronouncer, text, options, left())
            begun = False
            for passage in reading.passages():
                job = await text_job.begin(passage, price, left())
                size = job.cost.response_bytes
                while begun and not self.buffers.accepts(size) and left() > _SHORTEST_WAIT:
                    await asyncio.sleep(_SHORTEST_WAIT)
                self._admit_text(job)
                begun = True
                yield job

    def _check_text(self, text: str) -> None:
        """Refuse a text that is too long, or any text if no worker is ready.

        Raises:
            InvalidRequestError, UnavailableError: see `begin_text`.
        """
        check_text(text, self.settings)
        if not self.answers:
            raise UnavailableError(self.probe().status)

    def _admit_text(self, job: TextJob) -> None:
        less = "send less text at a time, or ask for application/jsonl, or for no alignment"
        check_cost(job.cost, self.settings, "body.text", less)
        self._admitted(job.words, job.cost)

    def _admitted(self, work: PronounceJob, cost: RequestCost) -> None:
        """Reserve space for the response, and count the words by source.

        Raises:
            BuffersFullError: if there is not enough space.
        """
        work.reservation = self.buffers.reserve()
        work.reservation.resize(cost.response_bytes)
        counts = self.metrics.words[work.model.language]
        if work.known:
            counts.cached.inc(work.known)
        if work.looked_up:
            counts.user.inc(work.listed("user"))
            counts.lexicon.inc(work.listed("lexicon"))

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
        self.metrics.words[work.model.language].decoded.inc(work.answered.decoded)

    async def etag(
        self, word: str, options: Options, *, timeout: float
    ) -> tuple[str, ModelName, bool]:
        """Return an entity tag for the response to one word (see `Pronouncer.etag`).

        Returns:
            the tag, the model, and whether a change of the user lexicon may change the response.

        Raises:
            LanguageError, DeadlineError, UnavailableError: see `Languages.open`.
            AlphabetError, StressError, UserLexiconError: see `Pronouncer.etag`.
        """
        pronouncer = await self._pronouncer(self.current, options.language, timeout)
        user = pronouncer.user
        if user is None or pronouncer.source_of(options) == "model":
            return pronouncer.etag(word, options), pronouncer.model, False
        tag = await user.read(lambda: pronouncer.etag(word, options), timeout=timeout)
        return tag, pronouncer.model, True

    async def language(self, requested: str | None, *, timeout: float) -> ServedLanguage:
        """Return the language that answers to a tag, opening it if necessary.

        Raises:
            LanguageError, DeadlineError, UnavailableError: see `Languages.open`.
        """
        return await self._language(self.current, requested, timeout)

    async def _pronouncer(
        self, model: LoadedModel, requested: str | None, timeout: float
    ) -> Pronouncer:
        return (await self._language(model, requested, timeout)).pronouncer

    async def _language(
        self, model: LoadedModel, requested: str | None, timeout: float
    ) -> ServedLanguage:
        """Return the language of a model that answers to a tag.

        Raises:
            UnavailableError: if it has to be opened and no worker is ready.
            LanguageError, DeadlineError: see `Languages.open`.
        """
        if (found := model.languages.get(requested)) is None:
            if not self.answers:
                raise UnavailableError(self.probe().status)
            found = await model.languages.open(requested, timeout)
        return found

    def languages(self) -> LanguageList:
        """Return all languages, the default first."""
        return self.current.languages.info()

    def info(self) -> Info:
        """Return the model, its devices, settings and measured error rates."""
        settings, serving = self.settings, self.current
        first = serving.languages.first
        return Info(
            model=serving.pronouncer.model,
            graphemes=serving.artifact.graphemes.own,
            phonemes=serving.artifact.phonemes.own,
            alphabets=serving.pronouncer.pipeline.alphabets,
            error_rates=serving.error_rates,
            source=settings.source,
            lexicons=tuple(
                LexiconInfo(name=name, words=words) for name, words in first.dictionaries.names
            ),
            user_lexicon=self.users.first is not None and not self.settings.user_lexicon_read_only,
            http_processes=self.backend.processes,
            devices=tuple(serving.workers.devices),
            engine=self.engine,
            limits=limits(self.settings),
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
            "languages_open": len(serving.languages.opened),
            "workers_ready": serving.workers.ready,
            "ready": float(self.answers),
            "api_keys": len(self.keys),
            "api_keys_stale": float(self.key_ring.failure is not None),
        }

    def serving(self) -> list[dict[str, str]]:
        """Return name, version and language of each artifact, for the metrics."""
        return [model.summary for model in self.current.languages.sources.models]

    @property
    def engine(self) -> str | None:
        """Return the decode engine; None before any worker was ready."""
        return self.current.workers.engine

    def reload_on(self, number: signal.Signals) -> None:
        """Reload at this signal, if this thread can handle signals."""
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(number, self._reloads.request)

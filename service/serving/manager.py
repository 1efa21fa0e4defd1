"""All that runs behind the routes, and how it stands."""

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

# Pronunciations that are looked up at once where all are known; more bytes than their answer has
_KNOWN_AT_ONCE = 8
_KNOWN_BYTES = 1 << 16


class ModelManager:
    """All that lives as long as the application: the models, what they share, and the workers.

    Attributes:
        user: people's own words, where they are kept.
        draining: set once the service was told to stop.
        failure: why no worker could ever start, else None.
    """

    def __init__(self, settings: Settings, backend: Backend | None = None) -> None:
        """Read the artifact and the keys, and describe the workers.

        Args:
            settings: the service's.
            backend: where the workers are; by default in this process' care.

        Raises:
            ArtifactError: where the artifact is damaged; nothing is served then.
            KeysError, LexiconError, LexiconFileError, UserLexiconError: where the keys or a lexicon
                are of no use; likewise.
        """
        self.settings = settings
        self.metrics = Metrics()
        self.key_ring = KeyRing(settings, self.metrics)
        kind = ReadOnlyLexicon if settings.user_lexicon_read_only else UserLexicon
        self.user = kind(settings.user_lexicon) if settings.user_lexicon else None
        self.backend = backend or OwnBackend(settings, self.metrics)
        # For each process its share of what all may hold
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
        """The model that answers."""
        return self._models.current

    async def run(self) -> None:
        """Serve until cancelled.

        Where workers cannot go on, the whole service ends: it would never be ready.
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
        """Read keys, artifact and lexicons anew, the keys for themselves; in all processes.

        Raises:
            ReloadError: where either does not come so far; what was in use before still is.
        """
        return await self.backend.reload()

    @property
    def keys(self) -> Keys:
        """The API keys that are good now."""
        return self.key_ring.keys

    @property
    def answers(self) -> bool:
        """Whether a request that comes now would be decoded."""
        return self.current.ready and not self.draining

    def probe(self) -> Probe:
        """How things stand."""
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
        """How things stand, where a request that comes now would be decoded.

        Raises:
            UnavailableError: where it would not.
        """
        probe = self.probe()
        if probe.status != "ok":
            raise UnavailableError(probe.status)
        return probe

    def started(self) -> Probe:
        """How things stand, once the first worker has loaded, warmed up and answered right.

        Raises:
            UnavailableError: before.
        """
        probe = self.probe()
        if not self.current.check.proven:
            raise UnavailableError(probe.status)
        return probe

    def known(self, words: Sequence[str], options: Options) -> list[str] | None:
        """A result for every word, where it takes no more than a look at the cache; else None.

        What is answered so is small, and costs no more than any request may.

        Raises:
            AlphabetError, StressError: as `Pronouncer.begin`.
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
        """Admit a request; what it lacks is to be decoded.

        Args:
            words: as they were sent.
            options: how to answer.
            timeout: seconds that the user lexicon may take.

        Raises:
            InvalidRequestError: for too many words, or a request that costs more than one may.
            UnavailableError: while no worker is ready.
            BuffersFullError: while others take up the room that this large answer needs.
            AlphabetError, StressError, UserLexiconError: as `Pronouncer.begin`.
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
                break  # else a reload came between, and its workers are going
        cost = work.cost
        less = "send fewer words at a time, or ask for fewer pronunciations or no alignment"
        self._check_cost(cost, "body.words", less)
        self._admitted(work, cost)
        return work

    async def begin_text(
        self, text: str, options: TextOptions, price: Price, timeout: float
    ) -> TextJob:
        """Admit a text; what it lacks is to be decoded.

        Args:
            text: as it was sent.
            options: how to answer.
            price: what the answer costs.
            timeout: seconds that the user lexicon may take.

        Raises:
            InvalidRequestError: for too long a text, or one that costs more than a request may.
            UnavailableError: while no worker is ready.
            BuffersFullError: where others take up the room that this large answer needs.
            TextError, SSMLError, AlphabetError, StressError, AlignmentError, UserLexiconError: as
                `text_job.read` and `text_job.begin`.
        """
        self._check_text(text)
        while True:
            pronouncer = self.current.pronouncer
            reading = await text_job.read(pronouncer, text, options, timeout)
            job = await text_job.begin(reading, price, timeout)
            if pronouncer is self.current.pronouncer:
                break  # else a reload came between, and its workers are going
        self._admit_text(job)
        return job

    async def passages(
        self, text: str, options: TextOptions, price: Price, due: float
    ) -> AsyncGenerator[TextJob]:
        """Admit a text passage by passage; what each lacks is to be decoded before the next.

        All of them are answered by the model that answered the first.

        Args:
            text: as it was sent.
            options: how to answer.
            price: what the answer costs.
            due: when all of them have to be there, by `time.monotonic`.

        Raises:
            Exception: as `begin_text`, for the first one, or for one of the others.
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
        """Refuse a text that is too long, or any while none can be answered.

        Raises:
            InvalidRequestError, UnavailableError: as `begin_text`.
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
        """Reserve the room for the answer, and count what is known.

        Raises:
            BuffersFullError: where others take up that room.
        """
        work.reservation = self.buffers.hold()
        work.reservation.resize(cost.response_bytes)
        if work.known:
            self.metrics.cached.inc(work.known)
        if work.looked_up:
            self.metrics.user.inc(work.listed("user"))
            self.metrics.lexicon.inc(work.listed("lexicon"))

    def _check_cost(self, cost: RequestCost, where: str, less: str) -> None:
        """Refuse what costs more than one request may: answered 429, it would come again and again.

        Args:
            cost: of the request.
            where: what of it makes it so.
            less: what would cost less.

        Raises:
            InvalidRequestError: where it does.
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

    async def decode(self, work: PronounceJob, *, timeout: float) -> None:
        """Have decoded what an admitted request lacks.

        Raises:
            QueueFullError, DeadlineError, WorkerLostError: as `PronounceJob.decode`.
        """
        await work.decode(timeout=timeout)
        self.metrics.decoded.inc(len(work.missing))

    async def etag(self, word: str, options: Options, *, timeout: float) -> str:
        """An entity tag for the answer to one word, as `Pronouncer.etag`.

        Raises:
            AlphabetError, StressError, UserLexiconError: as `Pronouncer.etag`.
        """
        pronouncer = self.current.pronouncer
        if self.user is None or not self.corrigible(options):
            return pronouncer.etag(word, options)
        return await self.user.read(lambda: pronouncer.etag(word, options), timeout=timeout)

    def corrigible(self, options: Options) -> bool:
        """Whether an answer may be another once somebody has changed the user lexicon."""
        return self.user is not None and self.current.pronouncer.source_of(options) != "model"

    def info(self) -> Info:
        """What is being served, on what, and how good it is."""
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
        """Figures for the metrics, by name."""
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
        """Name and version of the model, for the metrics."""
        return self.current.pronouncer.model.model_dump()

    @property
    def engine(self) -> str | None:
        """What decodes; None before any worker was ready."""
        return self.current.workers.engine

    def reload_on(self, number: signal.Signals) -> None:
        """Reload at this signal, where signals come to this thread."""

        async def reload() -> None:
            with suppress(ReloadError):  # the log has it
                await self.reload()

        def handle() -> None:
            self._retain(asyncio.create_task(reload()))

        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(number, handle)

    def _retain(self, task: asyncio.Task[None]) -> None:
        """Keep a task in the background until it is done."""
        self._background.add(task)
        task.add_done_callback(self._background.discard)

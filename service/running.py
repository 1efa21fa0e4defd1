"""All that runs behind the routes, and how it stands."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence

from model import checkpoint, cores
from service.batcher import Batcher
from service.pool import Answer, Pool, PoolError
from service.problems import InvalidRequestError, UnavailableError
from service.pronouncer import Pronouncer
from service.schemas import Info, Limits, Options, Probe, ProblemError, PronounceResponse
from service.settings import Settings

log = logging.getLogger("tanger")


class Service:
    """All that lives as long as the application: the artifact, its queue and its workers.

    Attributes:
        draining: set once the service was told to stop.
        failure: why no worker could ever start, else None.
    """

    def __init__(self, settings: Settings) -> None:
        """Read the artifact and describe the workers.

        Raises:
            ArtifactError: where the artifact is damaged; nothing is served then.
        """
        self.settings = settings
        self.artifact = checkpoint.read(settings.artifact)
        self.error_rates = self.artifact.metrics()
        self.batcher: Batcher[Answer] = Batcher(
            capacity=settings.queue_words,
            max_batch=settings.max_batch,
            max_wait=settings.max_wait,
        )
        self.pool = Pool(
            self.batcher,
            artifact=settings.artifact,
            device=settings.device,
            workers=settings.workers,
            threads=settings.threads,
            cores=cores.available(),
            start_timeout=settings.start_timeout,
            decode_timeout=settings.decode_timeout,
        )
        self.pronouncer = Pronouncer(self.artifact, self.batcher, max_letters=settings.max_letters)
        self.draining = False
        self.failure: str | None = None

    async def run_workers(self) -> None:
        """Run the pool; where it cannot go on, end the whole service: it would never be ready."""
        try:
            await self.pool.run()
        except PoolError as e:
            self.failure = str(e)
            log.error("cannot start: %s", e)
        except Exception as e:
            self.failure = repr(e)
            log.exception("the workers cannot be kept")
        os.kill(os.getpid(), signal.SIGTERM)

    def probe(self) -> Probe:
        """How things stand."""
        workers = self.pool.ready
        if self.draining:
            return Probe(status="draining", workers=workers)
        if workers:
            return Probe(status="ok", workers=workers)
        started = self.pool.restarts > 0
        return Probe(status="no worker" if started else "starting", workers=0)

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
        """How things stand, once the first worker has loaded and warmed up.

        Raises:
            UnavailableError: before.
        """
        probe = self.probe()
        if probe.status == "starting":
            raise UnavailableError(probe.status)
        return probe

    async def pronounce(
        self, words: Sequence[str], options: Options, *, timeout: float | None
    ) -> PronounceResponse:
        """Answer a request.

        Args:
            words: as they were sent.
            options: how to answer.
            timeout: seconds that the request may take, if it said so.

        Raises:
            InvalidRequestError: for too many words.
            UnavailableError: while no worker is ready.
            AlphabetError, QueueFullError, DeadlineError, WorkerLostError: as `Pronouncer`.
        """
        if len(words) > self.settings.max_words:
            fault = f"at most {self.settings.max_words} words a request, not {len(words)}"
            raise InvalidRequestError(ProblemError(where="body.words", message=fault))
        self.ready()
        return await self.pronouncer.pronounce(
            words, options, timeout=timeout or self.settings.timeout
        )

    def info(self) -> Info:
        """What is being served, on what, and how good it is."""
        settings, artifact = self.settings, self.artifact
        return Info(
            model=self.pronouncer.model,
            graphemes=artifact.graphemes.own,
            phonemes=artifact.phonemes.own,
            alphabets=self.pronouncer.alphabets,
            error_rates=self.error_rates,
            devices=tuple(self.pool.devices),
            limits=Limits(
                words=settings.max_words,
                letters=settings.max_letters,
                body_bytes=settings.max_body,
                queue_words=settings.queue_words,
                timeout_seconds=settings.timeout,
                max_timeout_seconds=settings.max_timeout,
            ),
        )

"""Artifacts and their decoding processes, for all HTTP processes together.

One process of a service is the supervisor: it reads the artifact, keeps the workers and, at a
reload, brings all HTTP processes to the new one before the old one goes. Where there is but one
HTTP process, that is the supervisor, too; else it is the parent of all (see `service.parent`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tanger.model import TangerError
from tanger.model.decoding import devices
from tanger.service import metric_sums
from tanger.service.metric_sums import Family
from tanger.service.metrics import Metrics
from tanger.service.schemas import ModelName
from tanger.service.serving.model_source import ModelSource
from tanger.service.serving.pool import Pool, PoolClient, PoolError
from tanger.service.serving.shared_counts import ClientCounts, SharedCounts
from tanger.service.settings import Settings

T = TypeVar("T")

log = logging.getLogger("tanger")

# Seconds that a scrape waits for an HTTP process to tell its metrics
_SNAPSHOT_SECONDS = 1.0
_BUSY_RELOADING = "another reload is under way: wait for it"


class ReloadError(Exception):
    """New weights that cannot answer; the old ones still do."""


class ClientGoneError(Exception):
    """An HTTP process that ended before it did what it was to do; another takes its place."""


class HttpClient(PoolClient, Protocol):
    """An HTTP process, as its supervisor sees it. Any of it may raise `ClientGoneError`."""

    @property
    def revision(self) -> str:
        """A digest of the dictionaries of the model that answers."""

    async def load_model(self, generation: int, source: ModelSource) -> None:
        """Read what else it takes to answer with an artifact, before its workers come.

        Raises:
            TangerError: where that cannot be used.
        """

    async def check_model(self, generation: int) -> str | None:
        """Wait until pinned words were answered; what was wrong with the answers, else None."""

    async def switch_model(self, generation: int) -> None:
        """Answer with this model from now on."""

    async def drop_model(self, generation: int, *, at_once: bool) -> None:
        """Forget a model, once it has nothing to do any more, or at once."""

    async def refresh_keys(self) -> str | None:
        """Read the API keys anew; why those from before stay, else None."""

    async def snapshot(self) -> list[Family]:
        """Its metrics."""


class Backend(Protocol):
    """What an HTTP process has its workers from.

    Attributes:
        source: the artifact to begin with.
        generation: its number.
        counts: what this process shares with the others.
        processes: how many HTTP processes there are.
    """

    source: ModelSource
    generation: int
    counts: ClientCounts
    processes: int

    async def run(self, client: HttpClient) -> str:
        """Have an HTTP process connected until cancelled; why that cannot be, else."""

    async def reload(self) -> ModelName:
        """Reload everywhere, as `Supervisor.reload`.

        Raises:
            ReloadError: where that fails.
        """

    def report_fault(self, generation: int, slot: int, problem: str) -> None:
        """Have a worker replaced that is of no use."""

    async def render_metrics(self) -> bytes:
        """Metrics of all processes."""


@dataclass(eq=False)
class Generation:
    """One reading of the artifact, and the workers that decode with it."""

    number: int
    source: ModelSource
    pool: Pool
    running: asyncio.Task[None] | None = None

    @property
    def model(self) -> ModelName:
        """Name and version."""
        artifact = self.source.artifact
        return ModelName(name=artifact.name, version=artifact.version)


class Supervisor:
    """Keeps the workers of the artifact that answers, and replaces both at a reload.

    Attributes:
        counts: what the processes share.
        current: the generation that answers.
    """

    def __init__(self, settings: Settings, metrics: Metrics, counts: SharedCounts) -> None:
        """Read the artifact, and describe its workers.

        Raises:
            ArtifactError: where it is damaged; nothing is served then.
        """
        self.settings = settings
        self.metrics = metrics
        self.counts = counts
        self._clients: list[HttpClient] = []
        self._reloading = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self.current = self._generation(1, ModelSource.read(settings))
        self._generations = [self.current]
        # The last metrics of each HTTP process, and what those that have ended had counted
        self._snapshots: dict[HttpClient, list[Family]] = {}
        self._ended: list[Family] = []

    async def run(self) -> str:
        """Keep the workers of the generation that answers, whichever it is, until cancelled.

        Returns:
            why they cannot go on: the service would never be ready.
        """
        try:
            while True:
                generation = self.current
                running = self._start(generation)
                await asyncio.wait({running})
                if generation is self.current:
                    break
            error = running.exception()
            unexpected = not isinstance(error, PoolError)
            failure = repr(error) if unexpected else str(error)
            log.error("cannot start: %s", failure, exc_info=unexpected and error)
            return failure
        finally:
            for task in self._retiring:
                task.cancel()
            for generation in list(self._generations):
                await self._stop(generation)

    async def attach(self, client: HttpClient, generation: int) -> None:
        """Connect an HTTP process with all workers.

        Args:
            client: the process.
            generation: whose model it has. Where a reload came between, it gets the new one, too.

        Raises:
            ClientGoneError: where it has ended already.
            TangerError: where a lexicon cannot be used.
        """
        async with self._reloading:
            current = self.current
            if generation != current.number:
                await client.load_model(current.number, current.source)
            self._clients.append(client)
            current.pool.attach(client)
            if generation != current.number:
                await client.switch_model(current.number)
                await client.drop_model(generation, at_once=False)

    def detach(self, client: HttpClient) -> None:
        """Forget an HTTP process that has ended."""
        if client in self._clients:
            self._clients.remove(client)
        last = metric_sums.counted(self._snapshots.pop(client, []))
        self._ended = metric_sums.add_up([self._ended, last])
        for generation in self._generations:
            generation.pool.detach(client)

    def report_fault(self, generation: int, slot: int, problem: str) -> None:
        """Replace a worker of no use, as an HTTP process found it."""
        for found in self._generations:
            if found.number == generation:
                found.pool.report_fault(slot, problem)

    async def reload(self) -> ModelName:
        """Read keys, artifact and lexicons anew, the keys for themselves.

        Artifact and lexicons count once the pinned words come back right, in every HTTP process.

        Raises:
            ReloadError: where either does not come so far; what was in use before still is.
        """
        keys = await self._of_all(lambda client: client.refresh_keys())
        stale = next(filter(None, keys), None)
        keys_failure = f"the old API keys stay: {stale}" if stale else ""
        if self._reloading.locked():
            raise ReloadError("; ".join(filter(None, [_BUSY_RELOADING, keys_failure])))
        async with self._reloading:
            try:
                new = await self._prepare()
            except Exception as e:  # whatever it is, the old weights stay
                expected = isinstance(e, TangerError | PoolError | OSError)
                failure = f"the old weights stay: {e if expected else repr(e)}"
                self.metrics.reloads.labels("refused").inc()
                log.error("%s", failure, exc_info=not expected)
                raise ReloadError("; ".join(filter(None, [failure, keys_failure]))) from e
            old, self.current = self.current, new
            await self._of_all(lambda client: client.switch_model(new.number))
            self.metrics.reloads.labels("done").inc()
            log.info("%s answers in place of %s", new.model.version, old.model.version)
        task = asyncio.create_task(self._retire(old), context=Context())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        if keys_failure:
            raise ReloadError(f"{new.model.version} answers now, but {keys_failure}")
        return new.model

    async def snapshot(self) -> list[Family]:
        """Metrics of all processes together, this one's among them."""

        async def refresh(client: HttpClient) -> None:
            with suppress(TimeoutError):  # it hangs, or stands still: what was known of it counts
                async with asyncio.timeout(_SNAPSHOT_SECONDS):
                    self._snapshots[client] = await client.snapshot()

        await self._of_all(refresh)
        own = metric_sums.snapshot(self.metrics.registry)
        return metric_sums.add_up([*self._snapshots.values(), self._ended, own])

    async def _prepare(self) -> Generation:
        """A generation whose pinned words came back right.

        Raises:
            TangerError, OSError: where its artifact or a lexicon cannot be read.
            PoolError: where its workers do not come so far.
        """
        source = await asyncio.to_thread(ModelSource.read, self.settings)
        new = self._generation(self._generations[-1].number + 1, source)
        self._generations.append(new)
        try:
            await self._of_all(lambda client: client.load_model(new.number, source))
            for client in self._clients:
                new.pool.attach(client)
            await self._prove(new)
        except BaseException:
            await self._of_all(lambda client: client.drop_model(new.number, at_once=True))
            await self._stop(new)
            raise
        return new

    async def _prove(self, new: Generation) -> None:
        """Start a generation's workers, and wait until they answered every HTTP process right.

        Raises:
            PoolError: where they do not.
        """
        running = self._start(new)
        checks = asyncio.ensure_future(self._of_all(lambda client: client.check_model(new.number)))
        await asyncio.wait(
            {running, checks},
            timeout=self.settings.start_timeout,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not checks.done():
            checks.cancel()
            problem = running.exception() if running.done() else None
            raise PoolError(str(problem or "its workers were not ready in time"))
        if wrong := next(filter(None, checks.result()), None):
            raise PoolError(wrong)

    async def _retire(self, old: Generation) -> None:
        """End a generation when the last word that it was asked for is answered."""
        await self._of_all(lambda client: client.drop_model(old.number, at_once=False))
        await self._stop(old)

    async def _of_all(self, do: Callable[[HttpClient], Awaitable[T]]) -> list[T]:
        """What all HTTP processes return, but those that end meanwhile.

        Raises:
            Exception: the first that one of them raises.
        """

        async def tried(client: HttpClient) -> list[T]:
            try:
                return [await do(client)]
            except ClientGoneError:
                return []

        found = await asyncio.gather(*map(tried, self._clients), return_exceptions=True)
        results: list[T] = []
        for some in found:
            if isinstance(some, BaseException):
                raise some
            results += some
        return results

    def _generation(self, number: int, source: ModelSource) -> Generation:
        settings = self.settings
        pool = Pool(
            generation=number,
            artifact=source.artifact,
            counts=self.counts,
            device=settings.device,
            workers=settings.workers,
            threads=settings.threads,
            cores=devices.available_cores(),
            max_batch=settings.max_batch,
            start_timeout=settings.start_timeout,
            on_loss=self.metrics.workers_lost.inc,
            on_exhausted=self.metrics.workers_exhausted.inc,
        )
        return Generation(number, source, pool)

    def _start(self, generation: Generation) -> asyncio.Task[None]:
        if generation.running is None:
            # In no request's context: what the workers of a reload log is not that request's
            generation.running = asyncio.create_task(generation.pool.run(), context=Context())
        return generation.running

    async def _stop(self, generation: Generation) -> None:
        if generation not in self._generations:  # the whole service stops
            return
        self._generations.remove(generation)
        if generation.running is not None:
            generation.running.cancel()
            await asyncio.gather(generation.running, return_exceptions=True)


class OwnBackend:
    """The supervisor of the only HTTP process, in that process.

    Attributes: as `Backend`.
    """

    processes = 1

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Read the artifact.

        Raises:
            ArtifactError: where it is damaged.
        """
        counts = SharedCounts(rows=1)
        self._metrics = metrics
        self._supervisor = Supervisor(settings, metrics, counts)
        self.source = self._supervisor.current.source
        self.generation = self._supervisor.current.number
        self.counts = counts.client(0)
        self.reload = self._supervisor.reload
        self.report_fault = self._supervisor.report_fault

    async def run(self, client: HttpClient) -> str:
        """Keep workers for the process until cancelled; why there can be none, else."""
        await self._supervisor.attach(client, self.generation)
        return await self._supervisor.run()

    async def render_metrics(self) -> bytes:
        """Metrics of this process."""
        return self._metrics.render()

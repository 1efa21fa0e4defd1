"""Manage the artifact and its decoding processes for all HTTP processes.

One process of a service is the supervisor: it reads the artifact, runs the workers and, on a
reload, switches all HTTP processes to the new artifact before it drops the old one. If there is
only one HTTP process, that is the supervisor too; else their parent is (see `service.parent`).
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
from tanger.service.serving.model_source import Sources
from tanger.service.serving.pool import Pool, PoolClient, PoolError
from tanger.service.serving.reloading import ReloadBusyError, ReloadError
from tanger.service.serving.shared_counts import ClientCounts, SharedCounts
from tanger.service.settings import Settings

T = TypeVar("T")

log = logging.getLogger("tanger")

# Seconds that a scrape waits for the metrics of an HTTP process
_SNAPSHOT_SECONDS = 1.0
_BUSY_RELOADING = "another reload is under way: wait for it"


class ClientGoneError(Exception):
    """An HTTP process ended before it completed a call; another replaces it."""


class SupervisorClient(PoolClient, Protocol):
    """An HTTP process, as seen by its supervisor. All members may raise `ClientGoneError`."""

    @property
    def revision(self) -> str:
        """Return a digest of the dictionaries of the current model."""

    async def load_model(self, generation: int, sources: Sources) -> None:
        """Load a model: the artifacts and the lexicons, before its workers are added.

        Raises:
            TangerError: if it cannot be loaded.
        """

    async def check_model(self, generation: int) -> str | None:
        """Wait for a self-check with the pinned words; return what failed, or None."""

    async def switch_model(self, generation: int) -> None:
        """Serve this model from now on."""

    async def drop_model(self, generation: int, *, at_once: bool) -> None:
        """Unload a model, at once or when its last request is done."""

    async def refresh_keys(self) -> str | None:
        """Reload the API keys; return why the previous ones stay in use, or None."""

    async def snapshot(self) -> list[Family]:
        """Return its metrics."""


class Backend(Protocol):
    """Provides workers to an HTTP process.

    Attributes:
        sources: the artifacts to start with.
        generation: number of its load.
        counts: this process's row of the shared counts.
        processes: number of HTTP processes.
    """

    sources: Sources
    generation: int
    counts: ClientCounts
    processes: int

    async def run(self, client: SupervisorClient) -> str:
        """Keep an HTTP process connected until cancelled; return the reason if that fails."""

    async def reload(self) -> ModelName:
        """Reload in all processes, see `Supervisor.reload`.

        Raises:
            ReloadError: if it fails.
        """

    def report_fault(self, generation: int, slot: int, problem: str) -> None:
        """Report a faulty worker to be replaced."""

    async def render_metrics(self) -> bytes:
        """Return the metrics of all processes."""


@dataclass(eq=False)
class Generation:
    """One load of the artifacts, and the workers that decode with them."""

    number: int
    sources: Sources
    pool: Pool
    running: asyncio.Task[None] | None = None

    @property
    def model(self) -> ModelName:
        """Return name, version and language of the default language's model."""
        return ModelName(**self.sources.first.summary)


class Supervisor:
    """Runs the workers of the current artifacts, and replaces both on a reload.

    Attributes:
        counts: counts shared by all processes.
        current: the generation that is served.
    """

    def __init__(self, settings: Settings, metrics: Metrics, counts: SharedCounts) -> None:
        """Read the artifacts, and configure their workers.

        Raises:
            ArtifactError: if it is damaged.
        """
        self.settings = settings
        self.metrics = metrics
        self.counts = counts
        self._clients: list[SupervisorClient] = []
        self._reloading = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self.current = self._generation(1, Sources.read(settings))
        self._generations = [self.current]
        # The last metrics of each HTTP process, and the counters of ended ones
        self._snapshots: dict[SupervisorClient, list[Family]] = {}
        self._ended: list[Family] = []

    async def run(self) -> str:
        """Run the workers of the current generation until cancelled.

        Returns:
            why no worker can start, so that the service would never be ready.
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

    async def attach(self, client: SupervisorClient, generation: int) -> None:
        """Connect an HTTP process with all workers.

        Args:
            client: the process.
            generation: the one that it has loaded. After a reload meanwhile, it gets the new one.

        Raises:
            ClientGoneError: if it has ended already.
            TangerError: if a lexicon cannot be used.
        """
        async with self._reloading:
            current = self.current
            if generation != current.number:
                await client.load_model(current.number, current.sources)
            self._clients.append(client)
            current.pool.attach(client)
            if generation != current.number:
                await client.switch_model(current.number)
                await client.drop_model(generation, at_once=False)

    def detach(self, client: SupervisorClient) -> None:
        """Remove an HTTP process that has ended."""
        if client in self._clients:
            self._clients.remove(client)
        last = metric_sums.counted(self._snapshots.pop(client, []))
        self._ended = metric_sums.add_up([self._ended, last])
        for generation in self._generations:
            generation.pool.detach(client)

    def report_fault(self, generation: int, slot: int, problem: str) -> None:
        """Replace a worker that an HTTP process found to be faulty."""
        for found in self._generations:
            if found.number == generation:
                found.pool.report_fault(slot, problem)

    async def reload(self) -> ModelName:
        """Reload artifacts and lexicons, and independently the keys.

        The new model is used once its self-check has passed in every HTTP process.

        Raises:
            ReloadError: if either fails; what was in use before stays in use. It is a
                `ReloadBusyError` if another reload is under way.
        """
        keys = await self._of_all(lambda client: client.refresh_keys())
        stale = next(filter(None, keys), None)
        keys_failure = f"the old API keys stay: {stale}" if stale else ""
        if self._reloading.locked():
            raise ReloadBusyError("; ".join(filter(None, [_BUSY_RELOADING, keys_failure])))
        async with self._reloading:
            try:
                new = await self._prepare()
            except Exception as e:  # on any failure, the previous model stays
                expected = isinstance(e, TangerError | PoolError | OSError)
                failure = f"the previous model stays: {e if expected else repr(e)}"
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
        """Return the aggregated metrics of all processes, including this one."""

        async def refresh(client: SupervisorClient) -> None:
            with suppress(TimeoutError):  # it does not respond: use its last metrics
                async with asyncio.timeout(_SNAPSHOT_SECONDS):
                    self._snapshots[client] = await client.snapshot()

        await self._of_all(refresh)
        own = metric_sums.snapshot(self.metrics.registry)
        return metric_sums.add_up([*self._snapshots.values(), self._ended, own])

    async def _prepare(self) -> Generation:
        """Load a new generation and run its self-check.

        Raises:
            TangerError, OSError: if its artifact or a lexicon cannot be read.
            PoolError: if its workers cannot start, or fail the check.
        """
        sources = await asyncio.to_thread(Sources.read, self.settings)
        new = self._generation(self._generations[-1].number + 1, sources)
        self._generations.append(new)
        try:
            await self._of_all(lambda client: client.load_model(new.number, new.sources))
            for client in self._clients:
                new.pool.attach(client)
            await self._prove(new)
        except BaseException:
            await self._of_all(lambda client: client.drop_model(new.number, at_once=True))
            await self._stop(new)
            raise
        return new

    async def _prove(self, new: Generation) -> None:
        """Start a generation's workers, and wait for the self-check in every HTTP process.

        Raises:
            PoolError: if they cannot start, or fail the check.
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
        """Stop a generation once its last request is done."""
        await self._of_all(lambda client: client.drop_model(old.number, at_once=False))
        await self._stop(old)

    async def _of_all(self, do: Callable[[SupervisorClient], Awaitable[T]]) -> list[T]:
        """Call `do` for all HTTP processes; return the results of those that do not end meanwhile.

        Raises:
            Exception: the first one that a call raises.
        """

        async def tried(client: SupervisorClient) -> list[T]:
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

    def _generation(self, number: int, sources: Sources) -> Generation:
        settings = self.settings
        pool = Pool(
            generation=number,
            artifacts=[model.artifact for model in sources.models],
            counts=self.counts,
            device=settings.device,
            workers=settings.workers,
            threads=settings.threads,
            cores=devices.available_cores(),
            max_batch=settings.max_batch,
            language_memory=settings.language_memory << 20,
            start_timeout=settings.start_timeout,
            on_loss=self.metrics.workers_lost.inc,
            on_exhausted=self.metrics.workers_exhausted.inc,
        )
        return Generation(number, sources.without_files(), pool)

    def _start(self, generation: Generation) -> asyncio.Task[None]:
        if generation.running is None:
            # In an empty context: the workers' log lines must not get the ID of a reload request
            generation.running = asyncio.create_task(generation.pool.run(), context=Context())
        return generation.running

    async def _stop(self, generation: Generation) -> None:
        if generation not in self._generations:  # the service is stopping
            return
        self._generations.remove(generation)
        if generation.running is not None:
            generation.running.cancel()
            await asyncio.gather(generation.running, return_exceptions=True)


class OwnBackend:
    """The backend of a single HTTP process, with the supervisor in the same process.

    Attributes: see `Backend`.
    """

    processes = 1

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Read the artifact.

        Raises:
            ArtifactError: if it is damaged.
        """
        counts = SharedCounts(rows=1)
        self._metrics = metrics
        self._supervisor = Supervisor(settings, metrics, counts)
        self.sources = self._supervisor.current.sources
        self.generation = self._supervisor.current.number
        self.counts = counts.client(0)
        self.reload = self._supervisor.reload
        self.report_fault = self._supervisor.report_fault

    async def run(self, client: SupervisorClient) -> str:
        """Run the workers until cancelled; return the reason if none can start."""
        await self._supervisor.attach(client, self.generation)
        return await self._supervisor.run()

    async def render_metrics(self) -> bytes:
        """Return the metrics of this process."""
        return self._metrics.render()

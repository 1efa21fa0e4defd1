"""The models of an HTTP process: the current one, and during a reload its successor."""

from __future__ import annotations

import asyncio
import socket
from contextvars import Context

from tanger.service import metric_sums
from tanger.service.api_keys import KeyRing, KeysError
from tanger.service.metric_sums import Family
from tanger.service.metrics import Metrics
from tanger.service.serving.loaded_model import LoadedModel
from tanger.service.serving.model_source import Sources
from tanger.service.serving.supervisor import Backend
from tanger.service.serving.wire import JoinedWorker
from tanger.service.settings import Settings
from tanger.service.user_lexicon.lexicons import UserLexicons


class Models:
    """The models that the `Supervisor` loads into this process (see `supervisor.SupervisorClient`).

    Attributes:
        row: this process's row in the `SharedCounts`.
        current: the model that is served.
    """

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        *,
        metrics: Metrics,
        users: UserLexicons,
        key_ring: KeyRing,
    ) -> None:
        """Load the first model.

        Raises:
            LexiconError, LexiconFileError: if a lexicon is damaged.
        """
        self.row = backend.counts.row
        self._settings = settings
        self._backend = backend
        self._metrics = metrics
        self._users = users
        self._key_ring = key_ring
        self._models: dict[int, LoadedModel] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self.current = self._models[backend.generation] = self._loaded(
            backend.generation, backend.sources
        )

    async def run(self) -> str:
        """Serve until cancelled, or until no worker can start; return the reason then."""
        self._start(self.current)
        try:
            return await self._backend.run(self)
        finally:
            for generation in list(self._running):
                await self._stop(generation)

    # Called by the supervisor

    @property
    def revision(self) -> str:
        """Return a digest of the dictionaries of the current model."""
        return self.current.languages.revision

    async def load_model(self, generation: int, sources: Sources) -> None:
        """Load a model, and start its self-check.

        Raises:
            LexiconError, LexiconFileError: if a lexicon is damaged.
        """
        model = await asyncio.to_thread(self._loaded, generation, sources)
        self._models[generation] = model
        self._start(model)

    async def check_model(self, generation: int) -> str | None:
        """Wait for a self-check with all pinned words; return what failed, or None.

        Languages that are open now are opened in this model too, before its first request.
        """
        model = self._models[generation]
        await model.check.answered.wait()
        failure = model.check.failure or await model.languages.prove_all()
        if failure is None:
            for code in self.current.languages.opened:
                if code in model.languages.codes:
                    await model.languages.open(code)
        return failure

    async def switch_model(self, generation: int) -> None:
        """Serve this model from now on."""
        self.current = self._models[generation]

    async def drop_model(self, generation: int, *, at_once: bool) -> None:
        """Unload a model, at once or when its last request is done."""
        model = self._models.pop(generation, None)
        if model is not None:
            if not at_once:
                await model.idle()
            await self._stop(generation)

    async def refresh_keys(self) -> str | None:
        """Reload the API keys; return why the previous ones stay in use, or None."""
        try:
            await self._key_ring.refresh()
        except KeysError as e:
            return str(e)
        return None

    async def snapshot(self) -> list[Family]:
        """Return the metrics of this process."""
        return metric_sums.snapshot(self._metrics.registry)

    def plan_workers(self, generation: int, devices: list[str]) -> None:
        """Set the devices of the planned workers."""
        if (model := self._models.get(generation)) is not None:
            model.workers.plan(devices)

    def add_worker(self, generation: int, worker: JoinedWorker, connection: socket.socket) -> None:
        """Start to send batches to a worker; takes over the connection."""
        model = self._models.get(generation)
        if model is None or generation not in self._running:
            connection.close()
        else:
            model.workers.add(worker, connection)

    def drop_worker(self, generation: int, slot: int, problem: str, *, exhausted: bool) -> None:
        """Move the words of a lost worker to others."""
        if (model := self._models.get(generation)) is not None:
            model.workers.drop(slot, problem, exhausted=exhausted)

    def _loaded(self, generation: int, sources: Sources) -> LoadedModel:
        return LoadedModel(
            self._settings,
            sources,
            generation=generation,
            metrics=self._metrics,
            users=self._users,
            counts=self._backend.counts,
            report_fault=self._backend.report_fault,
        )

    def _start(self, model: LoadedModel) -> None:
        # In an empty context: log lines must not get the ID of a reload request
        self._running[model.generation] = asyncio.create_task(model.run(), context=Context())

    async def _stop(self, generation: int) -> None:
        task = self._running.pop(generation, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

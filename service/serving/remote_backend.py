"""The backend of an HTTP process whose workers are managed by its parent."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable
from typing import Any

from tanger.model import TangerError
from tanger.service.schemas import ModelName
from tanger.service.serving import control
from tanger.service.serving.control import Body, CallError, Peer, PeerGoneError
from tanger.service.serving.model_source import Sources
from tanger.service.serving.reloading import ReloadError
from tanger.service.serving.shared_counts import ClientCounts
from tanger.service.serving.supervisor import SupervisorClient


class RemoteBackend:
    """The connection to the parent.

    Attributes: see `supervisor.Backend`.
    """

    def __init__(
        self,
        connection: socket.socket,
        counts: ClientCounts,
        *,
        generation: int,
        sources: Sources,
        processes: int,
    ) -> None:
        """Take over the connection, after the first model was received from it.

        Args:
            connection: to the parent.
            counts: this process's row of the shared counts.
            generation: number of the first model.
            sources: contents of the artifacts.
            processes: number of HTTP processes.
        """
        self.sources = sources
        self.generation = generation
        self.counts = counts
        self.processes = processes
        self._connection = connection
        self._client: SupervisorClient | None = None
        self._peer: Peer | None = None

    async def run(self, client: SupervisorClient) -> str:
        """Handle calls of the parent until cancelled; exit the process if the parent ends."""
        self._client = client
        ended = asyncio.Event()
        self._peer = Peer(
            self._connection, handle=self._handle, expected=(TangerError, OSError), on_end=ended.set
        )
        try:
            await self._peer.call(control.Attach(client.revision))
            await ended.wait()
        except (CallError, PeerGoneError):
            pass
        finally:
            self._peer.close()
        # There are no workers any more, so requests in flight cannot be completed
        os._exit(1)

    async def reload(self) -> ModelName:
        """Reload in all processes.

        Raises:
            ReloadError: if it fails.
        """
        try:
            return ModelName(**await self._call(control.Reload()))
        except CallError as e:
            raise ReloadError(str(e)) from e

    def report_fault(self, generation: int, slot: int, problem: str) -> None:
        """Report a faulty worker to be replaced."""
        if self._peer is not None:
            self._peer.notify(control.ReportFault(generation, slot, problem))

    async def render_metrics(self) -> bytes:
        """Return the metrics of all processes."""
        found: bytes = await self._call(control.Scrape())
        return found

    async def _call(self, body: Body) -> Any:
        if self._peer is None:
            raise ReloadError("the service is starting")
        return await self._peer.call(body)

    def _handle(self, body: Body, peer: Peer) -> Awaitable[Any] | None:  # noqa: PLR0911
        """Handle a call of the parent."""
        client = self._client
        assert client is not None
        match body:
            case control.Load(generation, sources):
                return self._load(client, generation, sources)
            case control.Check(generation):
                return client.check_model(generation)
            case control.Switch(generation):
                return client.switch_model(generation)
            case control.Drop(generation, at_once):
                return client.drop_model(generation, at_once=at_once)
            case control.RefreshKeys():
                return client.refresh_keys()
            case control.Snapshot():
                return client.snapshot()
            case control.Ping():
                return asyncio.sleep(0)
            case control.Plan(generation, devices):
                client.plan_workers(generation, devices)
            case control.Add(generation, worker):
                connection = socket.socket(fileno=peer.take_descriptor())
                client.add_worker(generation, worker, connection)
            case control.Lost(generation, slot, problem, exhausted):
                client.drop_worker(generation, slot, problem, exhausted=exhausted)
        return None

    async def _load(self, client: SupervisorClient, generation: int, packed: bytes) -> str:
        sources = await asyncio.to_thread(Sources.unpack, packed)
        await client.load_model(generation, sources)
        return client.revision

"""Start, monitor and replace the decoding processes (workers) of one load of the artifacts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import InitVar, dataclass, field
from typing import Protocol

from tanger.model.artifact import Artifact
from tanger.model.decoding.engine import UNCOMPILED
from tanger.service.serving import processes, wire
from tanger.service.serving.networks import ArtifactStore
from tanger.service.serving.processes import Process, RestartPauses, StartError
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.serving.wire import (
    EXHAUSTED,
    Connect,
    DescriptorChannel,
    JoinedWorker,
    NotReady,
    Ready,
)

log = logging.getLogger("tanger.pool")

# Most bytes of a message from a worker's control connection (`Ready` or `NotReady`)
_LONGEST_MESSAGE = 1 << 20
# Most seconds between a process closing its end of the channel and its exit
_EXIT_GRACE = 0.5


# Environment variables by which libraries for linear algebra know their number of threads
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class PoolError(Exception):
    """No worker can start; the message is the reason given by the first one."""


class WorkerLostError(Exception):
    """The worker that was decoding a word died or hung."""


class PoolClient(Protocol):
    """An HTTP process that sends words to the workers; its methods do not raise.

    Attributes:
        row: its row in the `SharedCounts`.
    """

    row: int

    def plan_workers(self, generation: int, devices: list[str]) -> None:
        """Receive the devices of the planned workers."""

    def add_worker(self, generation: int, worker: JoinedWorker, connection: socket.socket) -> None:
        """Start to send batches to a worker; the client takes over the connection."""

    def drop_worker(self, generation: int, slot: int, problem: str, *, exhausted: bool) -> None:
        """Move the words of a lost worker to others."""


@dataclass(eq=False, kw_only=True)
class Pool:
    """Workers that decode with the same artifacts; `run` starts them.

    Attributes:
        generation: number of the load of the artifacts, for the clients.
        artifacts: one per language, the first language's first.
        counts: shared counts, in which each worker gets a slot.
        device: device to load it onto: auto, cpu, cuda or cuda:N.
        workers: their number; 0 for one per GPU, or one per core.
        threads: CPU threads of each; 0 divides the cores among them.
        cores: number of available cores.
        max_batch: most words that they decode together.
        language_memory: most bytes of the networks of other languages in each.
        start_timeout: seconds that a worker may take to be ready.
        on_loss: called for every worker that died or hung.
        on_exhausted: called for every worker that could not decode any more.
    """

    generation: int
    artifacts: InitVar[Sequence[Artifact]]
    counts: SharedCounts
    device: str
    workers: int
    threads: int
    cores: int
    max_batch: int
    language_memory: int
    start_timeout: float
    on_loss: Callable[[], None] = lambda: None
    on_exhausted: Callable[[], None] = lambda: None
    _devices: list[str] = field(default_factory=list, init=False)
    _clients: list[PoolClient] = field(default_factory=list, init=False)
    # Ready workers by slot
    _working: dict[int, _Worker] = field(default_factory=dict, init=False)
    _store: ArtifactStore = field(init=False)

    def __post_init__(self, artifacts: Sequence[Artifact]) -> None:
        """Pack the artifacts for the workers."""
        self._store = ArtifactStore(artifacts)

    def attach(self, client: PoolClient) -> None:
        """Connect an HTTP process with all current and future workers."""
        self._clients.append(client)
        if self._devices:
            client.plan_workers(self.generation, self._devices)
        for worker in self._working.values():
            worker.connect(client, self.generation)

    def detach(self, client: PoolClient) -> None:
        """Remove an HTTP process that has ended; workers notice the closed connection."""
        if client in self._clients:
            self._clients.remove(client)

    def report_fault(self, slot: int, problem: str) -> None:
        """Replace a worker that, as a client found, hangs or sends invalid messages."""
        if (worker := self._working.get(slot)) is not None:
            worker.lose(problem)

    async def run(self) -> None:
        """Keep the workers running until cancelled.

        Raises:
            PoolError: if the first worker cannot start, since later ones could not either.
        """
        first, ready = await self._start(self.device)
        devices = self._plan(ready)
        log.info("decoding on %s with %s", ", ".join(devices), ready.engine)
        if ready.device == "cpu" and ready.engine.startswith("torch"):
            log.warning("%s", UNCOMPILED)
        for client in self._clients:
            client.plan_workers(self.generation, devices)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(devices[0], (first, ready)))
            for device in devices[1:]:
                group.create_task(self._keep(device, None))

    def _plan(self, first: Ready) -> list[str]:
        """Return each worker's device, based on the GPUs that the first worker sees."""
        if first.device == "cpu":
            count, places = self.workers or self.cores, ["cpu"]
        elif self.device == "auto":
            count, places = self.workers or first.gpus, [f"cuda:{n}" for n in range(first.gpus)]
        else:
            count, places = self.workers or 1, [first.device]
        self._devices = [places[number % len(places)] for number in range(count)]
        return self._devices

    async def _keep(self, device: str, started: tuple[_Worker, Ready] | None) -> None:
        """Keep one worker running on `device`, and replace it whenever it is lost."""
        pauses = RestartPauses()
        while True:
            try:
                worker, ready = started or await self._start(device)
            except PoolError as e:
                pause = pauses.next()
                log.error("a worker did not start, next try in %.1f s: %s", pause, e)
                await asyncio.sleep(pause)
                continue
            started = None
            since = asyncio.get_running_loop().time()
            try:
                self._join(worker, ready)
                await worker.lost
            except WorkerLostError as e:
                log.error("%s; starting another", e)
                self.on_loss()
                if worker.exhausted:
                    self.on_exhausted()
                pauses.ran(asyncio.get_running_loop().time() - since)
            finally:
                self._leave(worker)
                await worker.stop()
            if worker.exhausted:  # the next one may be too, and would restart in a loop
                await asyncio.sleep(pauses.next())

    def _join(self, worker: _Worker, ready: Ready) -> None:
        """Connect a worker with every client."""
        worker.joined = JoinedWorker(worker.slot, worker.pid, ready)
        self._working[worker.slot] = worker
        for client in self._clients:
            worker.connect(client, self.generation)

    def _leave(self, worker: _Worker) -> None:
        """Remove a worker; its clients move their words to others."""
        del self._working[worker.slot]
        # First, so that it cannot start a batch that its clients count as not started
        worker.kill()
        for client in self._clients:
            client.drop_worker(
                self.generation, worker.slot, worker.problem, exhausted=worker.exhausted
            )

    async def _start(self, device: str) -> tuple[_Worker, Ready]:
        threads = str(self.threads or max(1, self.cores // (self.workers or self.cores)))
        slot = self.counts.take_slot()
        try:
            process = await processes.start(
                "tanger.service.serving.worker",
                *(self.counts.descriptor, self.counts.rows, slot, self.max_batch),
                *(device, self.threads, self.workers, self.cores),
                *(self._store.descriptor, self.language_memory),
                descriptors=[self.counts.descriptor, self._store.descriptor],
                environment={**_environment(), **dict.fromkeys(_THREADS, threads)},
            )
        except StartError as e:
            self.counts.free_slot(slot)
            raise PoolError(f"no worker: {e}") from e
        worker = _Worker(self.counts, slot, process)
        try:
            async with asyncio.timeout(self.start_timeout):
                ready = await worker.ready
        except (TimeoutError, WorkerLostError) as e:
            exit_reason = await worker.exit_reason()
            await worker.stop()
            raise PoolError(f"the worker {exit_reason} before it was ready") from e
        except asyncio.CancelledError:
            await worker.stop()
            raise
        if isinstance(ready, NotReady):
            await worker.stop()
            raise PoolError(ready.reason)
        return worker, ready


def _environment() -> dict[str, str]:
    """Return this process's environment without the API keys."""
    return {name: value for name, value in os.environ.items() if name.upper() != "TANGER_API_KEYS"}


class _Worker:
    """One decoding process, as seen by the process that started it.

    Attributes:
        slot: its slot in the `SharedCounts`.
        ready: a future of its `Ready` message.
        lost: a future that fails with a `WorkerLostError` when it dies, hangs or sends invalid
            messages.
        problem: why it was lost.
        exhausted: whether it ended because it could not decode any more.
        joined: its description for clients.
    """

    joined: JoinedWorker
    problem = "the service is stopping"
    exhausted = False

    def __init__(self, counts: SharedCounts, slot: int, process: Process) -> None:
        loop = asyncio.get_running_loop()
        self.slot = slot
        self.ready: asyncio.Future[Ready | NotReady] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._counts = counts
        self._process = process
        process.exited.add_done_callback(lambda _: self.lose(f"ended with {process.status}"))
        self._channel = DescriptorChannel(
            process.control,
            on_message=self._on_message,
            on_fault=lambda error: self.lose(repr(error)),
            longest=_LONGEST_MESSAGE,
        )

    @property
    def pid(self) -> int:
        """Return its process ID."""
        return self._process.pid

    async def exit_reason(self) -> str:
        """Return its process ID and exit status, waiting shortly in case it is about to exit."""
        await asyncio.wait({self._process.exited}, timeout=_EXIT_GRACE)
        code = self._process.status
        return f"{self.pid} " + ("hung" if code is None else f"ended with {code}")

    def connect(self, client: PoolClient, generation: int) -> None:
        """Connect it with an HTTP process."""
        with ExitStack() as opened:
            try:
                ours, theirs = map(opened.enter_context, socket.socketpair())
                sent = os.dup(theirs.fileno())
            except OSError as e:  # too many open files
                self.lose(f"it cannot be connected: {e}")
                return
            theirs.close()
            self._send(wire.encode(Connect(client.row)), sent)
            opened.pop_all()
        client.add_worker(generation, self.joined, ours)

    def lose(self, problem: str) -> None:
        """Mark the worker as lost."""
        if self.lost.done():
            return
        self.exhausted = self._process.status == EXHAUSTED
        self.problem = problem
        error = WorkerLostError(f"worker {self.pid}: {problem}")
        for future in (self.ready, self.lost):
            if not future.done():
                future.set_exception(error)
                future.exception()  # mark as retrieved: nobody may be waiting

    def kill(self) -> None:
        """Kill the process."""
        self._process.send_signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Kill the process and wait until it has ended."""
        await self._process.kill()
        self._channel.close()
        self._counts.free_slot(self.slot)

    def _send(self, message: bytes, descriptor: int | None = None) -> None:
        with contextlib.suppress(OSError):  # it has just died, which its exit will report
            self._channel.send(message, descriptor)

    def _on_message(self, message: bytes) -> None:
        """Handle its first message: whether it is ready."""
        if self.ready.done():
            self.lose("it sent an unexpected second message")
            return
        try:
            self.ready.set_result(wire.decode_readiness(message))
        except ValueError as e:
            self.lose(repr(e))

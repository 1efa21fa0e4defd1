"""The decoding processes behind the queue: started, watched, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tanger.model import artifact as artifacts
from tanger.model.artifact import Artifact
from tanger.model.decoding.engine import UNCOMPILED
from tanger.service.serving import wire
from tanger.service.serving.batcher import Batch, Batcher
from tanger.service.serving.wire import EXHAUSTED, Answer, Channel, DecodeRequest, NotReady, Ready

log = logging.getLogger("tanger.pool")

# Longest answer of a worker, in bytes. Each of the queue's letters of work can make a kilobyte of
# attention at most: several times what it holds by default stay below.
_LONGEST_MESSAGE = 1 << 28
# How often a worker that is late is looked at in the time that it may be silent.
_CHECKS = 4
# How many times as long as a batch may take without a sign of life it may take with one.
_HARD_TIMEOUT_FACTOR = 10
# Seconds between a process' closing its end of the channel and its exit, at most.
_EXIT_GRACE = 0.5
# Seconds for which one that was killed is waited for: what a driver holds may stay for ever.
_KILL_TIMEOUT = 5.0
# Seconds after which one that is lost was not lost to what the one before it was lost to.
_SETTLED = 60.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class PoolError(Exception):
    """No worker can be had: what the first one said, or died of."""


class WorkerLostError(Exception):
    """The worker that held a word died or hung before it answered."""


@dataclass(eq=False, kw_only=True)
class Pool:
    """Workers that serve one `Batcher`; `run` starts them.

    Attributes:
        batcher: where their work comes from.
        artifact: what they decode with.
        device: what they load it onto: auto, cpu, cuda or cuda:N.
        workers: how many; 0 for one a GPU, or one a core.
        threads: CPU threads of each; 0 divides the cores among them.
        cores: how many cores there are to use.
        start_timeout: seconds that a worker may take to be ready.
        decode_timeout: seconds beyond those expected after which a worker that neither answers
            nor uses a processor is replaced.
        on_batch: is called with every batch's words, and the seconds that they took.
        on_loss: is called for every worker that died or hung.
        on_exhausted: is called for every worker that could decode no more, with the word that it
            had alone.
        restarts: how many workers were replaced.
        devices: each worker's, once the first one is ready.
        engine: what the workers decode with; None before any was ready.
    """

    batcher: Batcher[DecodeRequest, Answer]
    artifact: Artifact
    device: str
    workers: int
    threads: int
    cores: int
    start_timeout: float
    decode_timeout: float
    on_batch: Callable[[int, float], None] = lambda words, seconds: None
    on_loss: Callable[[], None] = lambda: None
    on_exhausted: Callable[[DecodeRequest | None], None] = lambda request: None
    restarts: int = field(default=0, init=False)
    devices: list[str] = field(default_factory=list, init=False)
    engine: str | None = field(default=None, init=False)
    _engines: dict[_Worker, str] = field(default_factory=dict, init=False)

    @property
    def step(self) -> float:
        """Seconds between two looks at a worker that is late."""
        return self.decode_timeout / _CHECKS

    @property
    def ready(self) -> int:
        """Workers that take batches."""
        return self.batcher.workers

    async def run(self) -> None:
        """Serve the queue until cancelled.

        Raises:
            PoolError: where the very first worker cannot start: no later one could either.
        """
        first = await self._start(self.device)
        devices = self._plan(first)
        log.info("decoding on %s with %s", ", ".join(devices), first.engine)
        if first.device == "cpu" and first.engine.startswith("torch"):
            log.warning("%s", UNCOMPILED)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(devices[0], first))
            for device in devices[1:]:
                group.create_task(self._keep(device, None))

    def _plan(self, first: _Worker) -> list[str]:
        """Each worker's device, now that the first one knows what the machine has."""
        if first.device == "cpu":
            count, places = self.workers or self.cores, ["cpu"]
        elif self.device == "auto":
            count, places = self.workers or first.gpus, [f"cuda:{n}" for n in range(first.gpus)]
        else:
            count, places = self.workers or 1, [first.device]
        self.devices = [places[number % len(places)] for number in range(count)]
        self.batcher.planned = count
        return self.devices

    async def _keep(self, device: str, worker: _Worker | None) -> None:
        """Keep one worker at work on `device`, and replace it whenever it is lost."""
        pause = _FIRST_PAUSE
        while True:
            try:
                worker = worker or await self._start(device)
            except PoolError as e:
                log.error("a worker did not start, next try in %.1f s: %s", pause, e)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            started = asyncio.get_running_loop().time()
            try:
                self._note_engine(worker, worker.engine)
                self.batcher.register(worker)
                self.batcher.mark_idle(worker)
                await worker.lost
            except WorkerLostError as e:
                log.error("%s; starting another", e)
                self.restarts += 1
                self.on_loss()
                if asyncio.get_running_loop().time() - started > _SETTLED:
                    pause = _FIRST_PAUSE
            except asyncio.CancelledError:
                worker.fail(WorkerLostError("the service is stopping"))
                raise
            finally:
                self.batcher.unregister(worker)
                self._note_engine(worker, None)
                await worker.stop()
            if worker.exhausted:  # the next one may be, too: it would start over and over
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            worker = None

    def _note_engine(self, worker: _Worker, engine: str | None) -> None:
        """Keep in mind what a worker decodes with; None for one that is gone."""
        if engine is None:
            self._engines.pop(worker, None)
        else:
            self._engines[worker] = engine
        if self._engines:  # what is answered from the cache is still of the last one
            self.engine = "; ".join(sorted(set(self._engines.values())))

    async def _start(self, device: str) -> _Worker:
        share = max(1, self.cores // (self.workers or self.cores))
        with contextlib.ExitStack() as ends:
            try:
                ours, theirs = map(ends.enter_context, socket.socketpair())
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "tanger.service.serving.worker", device),
                    *map(str, (self.threads, self.workers, self.cores)),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    env={**_environment(), "OMP_NUM_THREADS": str(self.threads or share)},
                    # Ctrl-C in a terminal is for the service, which then stops its workers in order
                    start_new_session=True,
                )
            except OSError as e:  # no memory, no process or no file left: for now, perhaps
                raise PoolError(f"no worker process can be made: {e}") from e
            theirs.close()  # else nobody would notice that the worker has closed its own
            ends.pop_all()
        worker = _Worker(self, process, ours)
        worker.load(self.artifact)
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
        worker.device, worker.gpus, worker.engine = ready.device, ready.gpus, ready.engine
        for letters, seconds in ready.pace:
            self.batcher.latency.note(letters, seconds)
        return worker


def _environment() -> dict[str, str]:
    """Ours, without the API keys, with which workers have no business."""
    return {name: value for name, value in os.environ.items() if name.upper() != "TANGER_API_KEYS"}


class _Worker:
    """One decoding process, seen from the service: at work on a batch, or free.

    An answer goes to who waits for it as soon as it is read, and the next batch back at once, where
    the process did not get it ahead of time.

    Attributes:
        ready: what it says when it is ready.
        lost: fails with a `WorkerLostError` once it died, hung or talked nonsense.
        device: where it decodes.
        gpus: how many it sees.
        engine: what it decodes with.
        exhausted: whether it ended because it could decode no more.
    """

    device = ""
    gpus = 0
    engine = ""
    exhausted = False

    def __init__(
        self, pool: Pool, process: asyncio.subprocess.Process, channel: socket.socket
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[Ready | NotReady] = self._loop.create_future()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._pool = pool
        self._process = process
        self._exited = asyncio.ensure_future(process.wait())
        self._exited.add_done_callback(lambda _: self._lose(f"ended with {process.returncode}"))
        self._channel = Channel(
            channel,
            on_message=self._on_message,
            on_fault=lambda error: self._lose(repr(error)),
            longest=_LONGEST_MESSAGE,
        )
        # The first is being decoded
        self._batches: deque[Batch[DecodeRequest, Answer]] = deque()
        self._watchdog: _Watchdog | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def exit_reason(self) -> str:
        """Who it is, and what became of it: if it has closed its end, it may be about to exit."""
        await asyncio.wait({self._exited}, timeout=_EXIT_GRACE)
        code = self._process.returncode
        return f"{self._process.pid} " + ("hung" if code is None else f"ended with {code}")

    def load(self, artifact: Artifact) -> None:
        """Have it load an artifact, before all else."""
        try:
            self._channel.send(artifacts.pack(artifact).encode())
        except OSError as e:  # it died at once
            self._lose(repr(e))

    def take(self, batch: Batch[DecodeRequest, Answer]) -> None:
        """Have a batch decoded (see `batcher.Worker`)."""
        try:
            self._channel.send(wire.encode(batch.words))
        except OSError as e:  # it died a moment ago, of something else
            self._lose(repr(e))
            batch.requeue()
            return
        self._batches.append(batch)
        if len(self._batches) == 1:
            self._begin(batch)

    def poll(self) -> None:
        """Hand in what is done (see `batcher.Worker`)."""
        self._channel.receive()

    def fail(self, error: Exception) -> None:
        """Fail the requests whose words it has."""
        for batch in self._drop():
            batch.fail(error)

    async def stop(self) -> None:
        """End the process, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        ended, _ = await asyncio.wait({self._exited}, timeout=_KILL_TIMEOUT)
        if not ended:
            log.error("worker %d does not end although it was killed", self._process.pid)
        self._channel.close()

    def _on_message(self, message: bytes) -> None:
        """Take its answers to the batch it is at; first of all it says whether it is ready."""
        try:
            if not self.ready.done():
                self.ready.set_result(wire.decode_readiness(message))
                return
            if not self._batches:
                self._lose("it answers what nobody asked")
                return
            batch = self._batches[0]
            seconds = batch.resolve(wire.decode_answers(message))
        except ValueError as e:
            self._lose(repr(e))
            return
        self._batches.popleft()
        self._rest()
        if self._batches:
            self._begin(self._batches[0])
        self._pool.on_batch(len(batch.words), seconds)
        self._pool.batcher.mark_idle(self)

    def _begin(self, batch: Batch[DecodeRequest, Answer]) -> None:
        """Count the time of a batch, and look after the worker when it should be done."""
        batch.begin()
        self._watchdog = watchdog = _Watchdog(self._loop.time(), batch.expected)
        self._watch = self._loop.call_later(
            watchdog.expected + self._pool.step, self._check_liveness, watchdog
        )

    def _rest(self) -> None:
        """Look after it no more: it is at no batch."""
        self._watchdog = None
        if self._watch is not None:
            self._watch.cancel()

    def _drop(self) -> list[Batch[DecodeRequest, Answer]]:
        """Its batches, which it has no more."""
        self._rest()
        batches = list(self._batches)
        self._batches.clear()
        return batches

    def _check_liveness(self, watchdog: _Watchdog) -> None:
        """See whether it is at work, now that its batch should be done.

        A machine that has other things to do is no reason to replace one: that would take yet more
        of its time. One that is late is waited for as long as it is at work, or could be if it had
        a processor. It may be done: then it was we who stood still.
        """
        self._channel.receive()
        if watchdog is not self._watchdog:
            return
        ticks, runnable = self._usage()
        seconds = watchdog.check(ticks, runnable=runnable, now=self._loop.time())
        limit = _HARD_TIMEOUT_FACTOR * (watchdog.expected + self._pool.decode_timeout)
        if watchdog.silent + 1 >= _CHECKS or watchdog.checks * self._pool.step > limit:
            self._lose(f"hung, {seconds:.2f} s beyond {watchdog.expected:.2f} s")
        else:
            self._watch = self._loop.call_later(self._pool.step, self._check_liveness, watchdog)

    def _lose(self, problem: str) -> None:
        """It is of no use any more: give its batches back."""
        batches = self._drop()
        if self._process.returncode == EXHAUSTED and not self.exhausted:
            self.exhausted = True
            words = batches[0].words if batches else []
            self._pool.on_exhausted(words[0] if len(words) == 1 else None)
        doing = "decoding" if batches else "idle"
        error = WorkerLostError(f"{doing} worker {self._process.pid}: {problem}")
        for future in (self.ready, self.lost):
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting
        self._pool.batcher.unregister(self)
        for batch in batches[1:]:
            batch.requeue()
        for batch in batches[:1]:
            batch.retry_or_fail(error)

    def _usage(self) -> tuple[int, bool]:
        """Processor time that it has used, and whether it runs or waits: for a processor or a disk.

        Nothing and no where the system does not tell.
        """
        try:
            return usage_of(Path(f"/proc/{self._process.pid}/stat").read_text())
        except OSError:
            return 0, False


def usage_of(stat: str) -> tuple[int, bool]:
    """What proc_pid_stat(5) tells: processor time used, and whether the process runs or waits.

    One that waits for a disk, swapped out say, is no worse than one that waits for a processor:
    another in its place would be swapped out, too.
    """
    # The command stands in parentheses and may hold anything
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), fields[0] in ("R", "D")


class _Watchdog:
    """How often a late batch was looked at, and at how many looks in a row its worker did nothing.

    Looks are counted, not seconds: in a second in which the whole machine stood still nobody has
    been silent.
    """

    def __init__(self, started: float, expected: float) -> None:
        self.expected = expected
        self.checks = 0
        self.silent = 0
        self._due = started + expected
        self._ticks = -1

    def check(self, ticks: int, *, runnable: bool, now: float) -> float:
        """Note what its worker does; the seconds beyond what was expected."""
        self.checks += 1
        self.silent = self.silent + 1 if ticks == self._ticks and not runnable else 0
        self._ticks = ticks
        return now - self._due

"""The decoding processes behind the queue: started, watched, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.ask import Ask
from service.batcher import Batch, Batcher
from service.interruption import InterruptedWaitError, interrupted_by

log = logging.getLogger("tanger.pool")

# Longest answer of a worker, in bytes. Each of the queue's letters of work can make a kilobyte of
# attention at most: several times what it holds by default stay below.
_LINE_LIMIT = 1 << 28
# How often a worker that is late is looked at in the time that it may be silent.
_LOOKS = 4
# How many times as long as a batch may take without a sign of life it may take with one.
_PATIENCE = 10
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class PoolError(Exception):
    """No worker can be had: what the first one said, or died of."""


class WorkerLostError(Exception):
    """The worker that held a word died or hung before it answered."""


class Pool:
    """Workers that serve one `Batcher`."""

    def __init__(
        self,
        batcher: Batcher[Ask, str],
        *,
        artifact: Path,
        device: str,
        workers: int,
        threads: int,
        cores: int,
        start_timeout: float,
        decode_timeout: float,
        on_batch: Callable[[int, float], None] = lambda words, seconds: None,
        on_loss: Callable[[], None] = lambda: None,
    ) -> None:
        """Describe the workers; `run` starts them.

        Args:
            batcher: where their work comes from.
            artifact: what they load.
            device: what they load it onto: auto, cpu, cuda or cuda:N.
            workers: how many; 0 for one a GPU, or one a core.
            threads: CPU threads of each; 0 divides the cores among them.
            cores: how many cores there are to use.
            start_timeout: seconds that a worker may take to be ready.
            decode_timeout: seconds beyond those expected after which a worker that neither answers
                nor uses a processor is replaced.
            on_batch: is told of every batch: its words, and the seconds that they took.
            on_loss: is told of every worker that died or hung.
        """
        self.batcher = batcher
        self.artifact = artifact
        self.device = device
        self.workers = workers
        self.threads = threads
        self.cores = cores
        self.start_timeout = start_timeout
        self.decode_timeout = decode_timeout
        self.on_batch = on_batch
        self.on_loss = on_loss
        self.restarts = 0
        self.devices: list[str] = []

    @property
    def ready(self) -> int:
        """Workers that take batches."""
        return self.batcher.workers

    async def run(self) -> None:
        """Serve the queue until cancelled.

        Raises:
            PoolError: where the very first worker cannot start: no later one could either.
        """
        expected = self.workers or (1 if self.device.startswith("cuda") else self.cores)
        first = await self._start(self.device, self.threads or max(1, self.cores // expected))
        devices = self._plan(first)
        log.info("decoding on %s", ", ".join(devices))
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
        threads = self.threads or max(1, self.cores // len(self.devices))
        pause = _FIRST_PAUSE
        while True:
            try:
                worker = worker or await self._start(device, threads)
            except PoolError as e:
                log.error("a worker did not start, next try in %.1f s: %s", pause, e)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            self.batcher.workers += 1
            try:
                await self._serve(worker)
            except WorkerLostError as e:
                log.error("%s; starting another", e)
                self.restarts += 1
                self.on_loss()
            finally:
                self.batcher.workers -= 1
                await worker.stop()
            worker = None

    async def _serve(self, worker: _Worker) -> None:
        """Feed one worker until it is lost, which its batch is then told of."""
        while True:
            try:
                # A worker that dies while idle is noticed at once, not with the next word.
                with interrupted_by(worker.exited):
                    batch = await self.batcher.take()
            except InterruptedWaitError as e:
                raise WorkerLostError(f"idle worker {worker.describe()}") from e
            await self._decode(worker, batch)

    async def _decode(self, worker: _Worker, batch: Batch[Ask, str]) -> None:
        try:
            answers = await self._answers(worker, batch)
            self.on_batch(len(batch.words), batch.resolve(answers))
        # RuntimeError is uvloop's, for a pipe that it has closed already
        except (TimeoutError, OSError, ValueError, LookupError, RuntimeError) as e:
            lost = WorkerLostError(f"worker {worker.describe()} while decoding ({e!r})")
            batch.lose(lost)
            raise lost from e
        except asyncio.CancelledError:
            batch.fail(WorkerLostError("the service is stopping"))
            raise

    async def _answers(self, worker: _Worker, batch: Batch[Ask, str]) -> list[str]:
        """What a worker says to a batch.

        A machine that has other things to do is no reason to replace one: that would take yet more
        of its time. One that is late is waited for as long as it is at work.

        Raises:
            TimeoutError: where it is not, or for far too long.
        """
        worker.ask(batch.words)
        started = time.monotonic()
        expected = batch.expected
        step = self.decode_timeout / _LOOKS
        wait, used, silent = expected + step, -1, 0
        while True:
            try:
                async with asyncio.timeout(wait):
                    return await worker.answers()
            except TimeoutError:
                # Looks are counted, not seconds: in a second in which the whole machine stood still
                # nobody has been silent
                before, used = used, worker.cpu_ticks()
                silent = silent + 1 if used == before else 0
                late = time.monotonic() - started - expected
                if silent + 1 >= _LOOKS or late > _PATIENCE * (expected + self.decode_timeout):
                    raise TimeoutError(f"{late:.2f} s beyond {expected:.2f} s") from None
                wait = step

    async def _start(self, device: str, threads: int) -> _Worker:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "service.worker", str(self.artifact), device, str(threads)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                # Ctrl-C in a terminal is for the service, which then stops its workers in order.
                start_new_session=True,
            )
        except OSError as e:  # no memory or no process left: for now, perhaps
            raise PoolError(f"no worker process can be made: {e}") from e
        worker = _Worker(process)
        try:
            async with asyncio.timeout(self.start_timeout):
                hello = await worker.receive()
        except (TimeoutError, OSError, ValueError) as e:
            described = worker.describe()
            await worker.stop()
            raise PoolError(f"the worker {described} before it was ready") from e
        except asyncio.CancelledError:
            await worker.stop()
            raise
        if "failed" in hello:
            await worker.stop()
            raise PoolError(hello["failed"])
        worker.device, worker.gpus = hello["device"], hello["gpus"]
        for letters, seconds in hello["pace"]:
            self.batcher.pace.note(letters, seconds)
        return worker


class _Worker:
    """One decoding process, seen from the service."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.device = ""
        self.gpus = 0
        self.exited = asyncio.ensure_future(process.wait())

    def describe(self) -> str:
        code = self.process.returncode
        return f"{self.process.pid} " + ("hung" if code is None else f"ended with {code}")

    def ask(self, asks: list[Ask]) -> None:
        """Send it work; nothing else waits to be sent, since it gets no more before it answers."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"asks": asks}).encode() + b"\n")

    async def answers(self) -> list[str]:
        """Its answers, in their lines of `service.answers`, which come with tabs between them.

        Where this is cancelled, it can be asked for again.
        """
        line = (await self._line()).decode().removesuffix("\n")
        return line.split("\t") if line else []

    def cpu_ticks(self) -> int:
        """Processor time that it has used; 0 where the system does not tell."""
        try:
            # proc_pid_stat(5): the command stands in parentheses and may hold anything
            stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(stat[11]) + int(stat[12])

    async def receive(self) -> dict[str, Any]:
        """What the worker's next line tells.

        Raises:
            ValueError: where its output ended, or is not a line of ours.
        """
        message: dict[str, Any] = json.loads(await self._line())
        return message

    async def _line(self) -> bytes:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            # Shielded: a time limit on this line must not take the watch on the process with it.
            await asyncio.shield(self.exited)
            raise ValueError("its output ended")
        return line

    async def stop(self) -> None:
        """End the process, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.exited

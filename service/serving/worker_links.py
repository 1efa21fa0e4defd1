"""Connections of an HTTP process to the decoding processes of one model.

The `pool` starts, replaces and connects these, in the same process or in its parent.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tanger.service.serving import wire
from tanger.service.serving.batcher import Batch, Batcher
from tanger.service.serving.pool import WorkerLostError
from tanger.service.serving.shared_counts import ClientCounts
from tanger.service.serving.watchdog import CHECKS, Watchdog
from tanger.service.serving.wire import Answer, Channel, DecodeBatch, DecodeRequest, JoinedWorker

# Most bytes of an answer of a worker. Each letter of work yields at most a kilobyte of attention
# weights, so several times the default queue fit.
_LONGEST_MESSAGE = 1 << 28
# Timeout of an active worker, as a multiple of that of an inactive one
_HARD_TIMEOUT_FACTOR = 10


@dataclass(eq=False, kw_only=True)
class WorkerLinks:
    """Connections to the workers that serve one `Batcher`.

    Attributes:
        batcher: the queue that their batches come from.
        counts: shared counts of the words that they have.
        decode_timeout: seconds beyond the expected time after which a worker that neither responds
            nor uses the CPU is replaced.
        report_fault: called with the slot of a faulty worker, and the problem.
        on_batch: called with the number of words of every batch, and the seconds that it took.
        on_exhausted: called for every worker that could not decode any more, with the request that
            it had alone, if any.
        restarts: number of lost workers.
        devices: the device of each worker, once the first one is ready.
        engine: the decode engine; None before any worker was ready.
    """

    batcher: Batcher[DecodeRequest, Answer]
    counts: ClientCounts
    decode_timeout: float
    report_fault: Callable[[int, str], None]
    on_batch: Callable[[int, float], None] = lambda words, seconds: None
    on_exhausted: Callable[[DecodeRequest | None], None] = lambda request: None
    restarts: int = field(default=0, init=False)
    devices: list[str] = field(default_factory=list, init=False)
    engine: str | None = field(default=None, init=False)
    _links: dict[int, _Link] = field(default_factory=dict, init=False)

    @property
    def ready(self) -> int:
        """Return the number of workers that accept batches."""
        return self.batcher.workers

    @property
    def step(self) -> float:
        """Return the seconds between two checks of an overdue worker."""
        return self.decode_timeout / CHECKS

    def plan(self, devices: list[str]) -> None:
        """Set the devices, and thereby the number, of the planned workers."""
        self.devices = devices
        self.batcher.planned = len(devices)

    def add(self, worker: JoinedWorker, connection: socket.socket) -> None:
        """Start to send batches to a worker."""
        for letters, seconds in worker.ready.pace:
            self.batcher.latency.add(letters, seconds)
        self._links[worker.slot] = link = _Link(self, worker, connection)
        self._note_engines()
        self.batcher.register(link)
        self.batcher.mark_idle(link)

    def drop(self, slot: int, problem: str, *, exhausted: bool) -> None:
        """Move the words of a lost worker to others."""
        if (link := self._links.pop(slot, None)) is None:
            return
        self.restarts += 1
        self._note_engines()
        link.lose(problem, exhausted=exhausted)

    def close(self) -> None:
        """Fail all batches of the workers, since the service or this model stops."""
        links = list(self._links.values())
        self._links.clear()
        for link in links:
            link.fail(WorkerLostError("the service is stopping"))

    def _note_engines(self) -> None:
        """Update the decode engine of the workers."""
        if self._links:  # otherwise keep the last one, from which cached answers are
            engines = {link.worker.ready.engine for link in self._links.values()}
            self.engine = "; ".join(sorted(engines))


class _Link:
    """The connection to one worker, which is decoding a batch of this process, or free.

    When answers are read, requests get them at once, and the worker its next batch, unless it has
    one already.
    """

    def __init__(self, links: WorkerLinks, worker: JoinedWorker, connection: socket.socket) -> None:
        self.worker = worker
        self._links = links
        self._loop = asyncio.get_running_loop()
        self._channel = Channel(
            connection,
            on_message=self._on_message,
            on_fault=lambda error: self._report(repr(error)),
            longest=_LONGEST_MESSAGE,
        )
        # The first one is being decoded, or is the next
        self._batches: deque[Batch[DecodeRequest, Answer]] = deque()
        self._answered = 0
        self._held = 0
        self._usable = True
        self._watchdog: Watchdog | None = None
        self._watch: asyncio.TimerHandle | None = None
        links.counts.hold(worker.slot, 0)

    @property
    def load(self) -> int:
        """Return the number of words that it has from all HTTP processes (see `batcher.Worker`)."""
        return self._links.counts.held(self.worker.slot)

    def take(self, batch: Batch[DecodeRequest, Answer]) -> None:
        """Send a batch to the worker (see `batcher.Worker`)."""
        try:
            self._channel.send(wire.encode(DecodeBatch(batch.words, batch.alone)))
        except OSError:  # it has just died, not of this batch
            self._give_up()
            batch.requeue()
            return
        self._batches.append(batch)
        self._hold(len(batch.words))
        if len(self._batches) == 1:
            self._begin(batch)

    def poll(self) -> None:
        """Process arrived answers (see `batcher.Worker`)."""
        self._channel.receive()

    def fail(self, error: Exception) -> None:
        """Fail the requests whose words it has, and close the connection."""
        self._give_up()
        for batch in self._end():
            batch.fail(error)

    def lose(self, problem: str, *, exhausted: bool) -> None:
        """Return its batches to the queue; those that it had begun may be the cause of the loss."""
        self._give_up()
        self._channel.receive()  # process its last answers
        begun = self._links.counts.begun(self.worker.slot) - self._answered
        batches = self._end()
        if exhausted:
            words = batches[0].words if batches and begun else []
            self._links.on_exhausted(words[0] if len(words) == 1 else None)
        for batch in batches[begun:]:
            batch.requeue()
        error = WorkerLostError(f"worker {self.worker.pid}: {problem}")
        for batch in batches[:begun]:
            batch.retry_or_fail(error)

    def _on_message(self, message: bytes) -> None:
        """Resolve the current batch with its answers."""
        if not self._batches:
            self._report("it answered without a batch")
            return
        batch = self._batches[0]
        try:
            seconds = batch.resolve(wire.decode_answers(message))
        except ValueError as e:
            self._report(repr(e))
            return
        self._batches.popleft()
        self._answered += 1
        self._hold(-len(batch.words))
        self._rest()
        if self._batches:
            self._begin(self._batches[0])
        self._links.on_batch(len(batch.words), seconds)
        if self._usable:
            self._links.batcher.mark_idle(self)

    def _hold(self, words: int) -> None:
        """Add to the count of words that it has."""
        self._held += words
        self._links.counts.hold(self.worker.slot, self._held)

    def _begin(self, batch: Batch[DecodeRequest, Answer]) -> None:
        """Start the timer of a batch, to check the worker when it should be done."""
        batch.begin()
        self._watchdog = watchdog = Watchdog(self._loop.time(), batch.expected)
        self._watch = self._loop.call_later(
            watchdog.expected + self._links.step, self._check_liveness, watchdog
        )

    def _rest(self) -> None:
        """Stop the timer, since the worker has no batch of this process."""
        self._watchdog = None
        if self._watch is not None:
            self._watch.cancel()

    def _end(self) -> list[Batch[DecodeRequest, Answer]]:
        """Close the connection; return the batches that the worker had."""
        self._rest()
        self._channel.close()
        self._links.counts.hold(self.worker.slot, 0)
        batches = list(self._batches)
        self._batches.clear()
        return batches

    def _check_liveness(self, watchdog: Watchdog) -> None:
        """Check whether the worker is active, since its batch should be done.

        The answer may have arrived while this process was stalled. A worker that decodes batches of
        other processes is active too.
        """
        self._channel.receive()
        if watchdog is not self._watchdog:
            return
        seconds = watchdog.check(self.worker.pid, self._loop.time())
        limit = _HARD_TIMEOUT_FACTOR * (watchdog.expected + self._links.decode_timeout)
        if watchdog.hangs or watchdog.checks * self._links.step > limit:
            self._rest()
            self._report(f"hung, {seconds:.2f} s beyond {watchdog.expected:.2f} s")
        else:
            self._watch = self._loop.call_later(self._links.step, self._check_liveness, watchdog)

    def _report(self, problem: str) -> None:
        """Report the worker to be replaced; `WorkerLinks.drop` will return its batches."""
        self._give_up()
        self._links.report_fault(self.worker.slot, problem)

    def _give_up(self) -> None:
        """Send it no further batches; it may still answer those that it has."""
        self._usable = False
        self._links.batcher.unregister(self)

"""The decoding processes of one model as an HTTP process sees them: connections that take batches.

The `pool` starts, replaces and connects them, in this process or in its parent.
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

# Longest answer of a worker, in bytes. Each of the queue's letters of work can make a kilobyte of
# attention at most: several times what it holds by default stay below.
_LONGEST_MESSAGE = 1 << 28
# How many times as long as a batch may take without a sign of life it may take with one.
_HARD_TIMEOUT_FACTOR = 10


@dataclass(eq=False, kw_only=True)
class WorkerLinks:
    """Connections with the workers that serve one `Batcher`.

    Attributes:
        batcher: where their work comes from.
        counts: where it is noted what they have.
        decode_timeout: seconds beyond those expected after which a worker that neither answers
            nor uses a processor is replaced.
        report_fault: is called with the slot of a worker that is of no use, and why.
        on_batch: is called with every batch's words, and the seconds that they took.
        on_exhausted: is called for every worker that could decode no more, with the word that it
            had alone.
        restarts: how many workers were lost.
        devices: each worker's, once the first one is ready.
        engine: what the workers decode with; None before any was ready.
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
        """Workers that take batches."""
        return self.batcher.workers

    @property
    def step(self) -> float:
        """Seconds between two looks at a worker that is late."""
        return self.decode_timeout / CHECKS

    def plan(self, devices: list[str]) -> None:
        """Take each worker's device, now that it is known how many there will be."""
        self.devices = devices
        self.batcher.planned = len(devices)

    def add(self, worker: JoinedWorker, connection: socket.socket) -> None:
        """Give a worker batches from now on."""
        for letters, seconds in worker.ready.pace:
            self.batcher.latency.note(letters, seconds)
        self._links[worker.slot] = link = _Link(self, worker, connection)
        self._note_engines()
        self.batcher.register(link)
        self.batcher.mark_idle(link)

    def drop(self, slot: int, problem: str, *, exhausted: bool) -> None:
        """Have decoded by others what a worker had, which is lost."""
        if (link := self._links.pop(slot, None)) is None:
            return
        self.restarts += 1
        self._note_engines()
        link.lose(problem, exhausted=exhausted)

    def close(self) -> None:
        """Fail what the workers have: the service stops, or this model."""
        links = list(self._links.values())
        self._links.clear()
        for link in links:
            link.fail(WorkerLostError("the service is stopping"))

    def _note_engines(self) -> None:
        """Keep in mind what the workers decode with."""
        if self._links:  # what is answered from the cache is still of the last one
            engines = {link.worker.ready.engine for link in self._links.values()}
            self.engine = "; ".join(sorted(engines))


class _Link:
    """The connection with one worker, which is at work on a batch of ours, or free.

    An answer goes to who waits for it as soon as it is read, and the next batch back at once, where
    the worker did not get it ahead of time.
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
        # The first is being decoded, or is the next
        self._batches: deque[Batch[DecodeRequest, Answer]] = deque()
        self._answered = 0
        self._held = 0
        self._usable = True
        self._watchdog: Watchdog | None = None
        self._watch: asyncio.TimerHandle | None = None
        links.counts.hold(worker.slot, 0)

    @property
    def load(self) -> int:
        """Words that the worker has of all HTTP processes (see `batcher.Worker`)."""
        return self._links.counts.held(self.worker.slot)

    def take(self, batch: Batch[DecodeRequest, Answer]) -> None:
        """Have a batch decoded (see `batcher.Worker`)."""
        try:
            self._channel.send(wire.encode(DecodeBatch(batch.words, batch.alone)))
        except OSError:  # it died a moment ago, of something else
            self._give_up()
            batch.requeue()
            return
        self._batches.append(batch)
        self._hold(len(batch.words))
        if len(self._batches) == 1:
            self._begin(batch)

    def poll(self) -> None:
        """Hand in what is done (see `batcher.Worker`)."""
        self._channel.receive()

    def fail(self, error: Exception) -> None:
        """Fail the requests whose words it has, and end the connection."""
        self._give_up()
        for batch in self._end():
            batch.fail(error)

    def lose(self, problem: str, *, exhausted: bool) -> None:
        """Give its batches back: those that it had begun may be what it was lost to."""
        self._give_up()
        self._channel.receive()  # what it had answered
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
        """Take its answers to the batch that it is at."""
        if not self._batches:
            self._report("it answers what nobody asked")
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
        """Note that it has so many words more."""
        self._held += words
        self._links.counts.hold(self.worker.slot, self._held)

    def _begin(self, batch: Batch[DecodeRequest, Answer]) -> None:
        """Count the time of a batch, and look after the worker when it should be done."""
        batch.begin()
        self._watchdog = watchdog = Watchdog(self._loop.time(), batch.expected)
        self._watch = self._loop.call_later(
            watchdog.expected + self._links.step, self._check_liveness, watchdog
        )

    def _rest(self) -> None:
        """Look after it no more: it is at no batch of ours."""
        self._watchdog = None
        if self._watch is not None:
            self._watch.cancel()

    def _end(self) -> list[Batch[DecodeRequest, Answer]]:
        """Its batches, which it has no more, as it is no more."""
        self._rest()
        self._channel.close()
        self._links.counts.hold(self.worker.slot, 0)
        batches = list(self._batches)
        self._batches.clear()
        return batches

    def _check_liveness(self, watchdog: Watchdog) -> None:
        """See whether it is at work, now that its batch should be done.

        It may be done: then it was we who stood still. It may be at the words of others: then it is
        at work.
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
        """Have it replaced: what it has comes back by `WorkerLinks.drop`."""
        self._give_up()
        self._links.report_fault(self.worker.slot, problem)

    def _give_up(self) -> None:
        """Give it nothing more; what it has may still come back."""
        self._usable = False
        self._links.batcher.unregister(self)

"""A bounded queue of words that turns concurrent requests into shared batches.

Requests put words in at one end (`Batcher.submit`), free workers get batches out of it at the other
(`Batcher.mark_idle`). What comes while one is free it gets within the same call, for a turn of a
busy event loop is longer than a decode; batches grow by themselves while all workers are busy. A
full one goes to a busy worker ahead of time, so that none is idle while we have other things to do.
A word that several requests wait for is decoded once. Nothing here knows of HTTP or of the network.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from tanger.service.serving.admission import (
    DeadlineError,
    OwnWaiting,
    QueueFullError,
    Waiting,
)
from tanger.service.serving.pricing import LatencyEstimator

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

# Free workers of which the one with the least to do gets a batch
_CANDIDATES = 4


class Worker(Protocol):
    """Who decodes batches."""

    @property
    def load(self) -> int:
        """Words that it has of all who give it any."""

    def take(self, batch: Batch[Any, Any]) -> None:
        """Start on a batch, or keep it until the one at work is done; never raises.

        It is to be begun, and then resolved, lost or failed some time, or else given back.
        """

    def poll(self) -> None:
        """Resolve the batch now if it is done, without waiting to be told of it; never raises."""


@dataclass(frozen=True)
class DecodeResult(Generic[A]):
    """A request's answers, and what they took.

    Attributes:
        answers: one a word, in their order.
        queued: seconds that its last word waited for a worker.
        decoding: seconds that the batch of its last word took.
        batch: words in that batch.
    """

    answers: list[A]
    queued: float = 0.0
    decoding: float = 0.0
    batch: int = 0


class Batcher(Generic[K, A]):
    """Words in, answers of type `A` out, in the order of each request.

    What is called a word here is whatever the decoder is asked, of type `K`: the same is decoded
    once.

    Attributes:
        planned: how many workers there should be.
    """

    def __init__(
        self,
        *,
        capacity: int,
        max_batch: int,
        weigh: Callable[[K], int],
        max_wait: float = 0.0,
        letters: Waiting | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty queue.

        Args:
            capacity: the most letters that wait: what decoding takes grows with them.
            max_batch: the most words in a batch.
            weigh: how many letters of work a word is.
            max_wait: seconds that a worker waits for a batch to fill, from when it could have
                started.
            letters: counts those that wait, here and in the queues of other processes, where there
                are any.
            clock: seconds, from whenever.
        """
        self.capacity = capacity
        self.max_batch = max_batch
        self.max_wait = max_wait
        self.weigh = weigh
        self.clock = clock
        self.latency = LatencyEstimator()
        self.planned = 1
        # By word: all that no answer has come for
        self._pending: dict[K, _Pending[K, A]] = {}
        # In order of arrival. A word leaves when it is taken, or when the last request that waits
        # for it gives up, so that what nobody waits for any more takes no room.
        self._queue: dict[_Pending[K, A], None] = {}
        # What lost workers held. Each goes alone, so that a word that kills harms no other again,
        # and while one worker of several is left it waits for another, so that it kills not both.
        self._retry_queue: dict[_Pending[K, A], None] = {}
        # That wait here, and in all
        self._letters = 0
        self._count: Waiting = OwnWaiting() if letters is None else letters
        # The last to come is the first to go: others may sleep while there is little to do
        self._free: list[Worker] = []
        self._busy: list[Worker] = []
        # Busy, and with the next batch at hand
        self._prefetching: list[Worker] = []
        self._workers: set[Worker] = set()
        self._filling: asyncio.TimerHandle | None = None
        self._polling = False

    @property
    def workers(self) -> int:
        """How many are at work."""
        return len(self._workers)

    @property
    def waiting(self) -> int:
        """Words that wait for a worker."""
        return len(self._queue) + len(self._retry_queue)

    @property
    def waiting_letters(self) -> int:
        """Letters of work in the words that wait, which `capacity` bounds."""
        return self._letters

    @property
    def age(self) -> float:
        """Seconds that the oldest word has been waiting."""
        oldest = next(iter(self._retry_queue or self._queue), None)
        return 0.0 if oldest is None else self.clock() - oldest.arrived

    @property
    def busy(self) -> bool:
        """Whether any word waits or is being decoded."""
        return bool(self._pending)

    def drained_in(self, letters: int = 0, words: int = 0) -> float:
        """Seconds until all that waits, and so much more, should be decoded; 0 where unknown.

        What workers have already, ahead of time or not, is not in it.
        """
        batches = math.ceil((self.waiting + words) / self.max_batch)
        return self.latency.seconds(self._letters + letters, batches) / max(1, self.workers)

    async def submit(self, words: Sequence[K], *, timeout: float) -> DecodeResult[A]:
        """Queue a request's words, all or none, and wait for all their answers.

        Cancelling the wait gives up the words that no worker has taken yet.

        Args:
            words: none empty; one that already waits or is being decoded joins it.
            timeout: seconds until the answers are of no use.

        Raises:
            QueueFullError: at once, where those that are new do not all fit.
            DeadlineError: after `timeout` seconds, or at once where the pace of late says so.
            Exception: what a worker failed their batch with.
        """
        if not words:
            return DecodeResult([])
        arrived = self.clock()
        entries: dict[K, _Pending[K, A]] = {}
        new: list[_Pending[K, A]] = []
        for word in words:
            entry = self._pending.get(word) or entries.get(word)
            if entry is None:
                entry = _Pending(word, self.weigh(word), arrived)
                new.append(entry)
            entries[word] = entry
        self._admit(new, timeout)
        loop = asyncio.get_running_loop()
        request = _Request(len(entries), loop.create_future())
        for entry in new:
            self._pending[entry.word] = entry
            self._queue[entry] = None
        self._count_letters(sum(entry.letters for entry in new))
        for entry in entries.values():
            entry.requests.append(request)
        if new:
            self._dispatch_or_wait()
        timer = loop.call_later(timeout, request.fail, TimeoutError())
        try:
            batch = await request.done
        except TimeoutError as e:
            raise self._deadline_error(words, timeout) from e
        finally:
            timer.cancel()
            if request.remaining:
                self._give_up(request, entries.values())
        if batch.resolved - arrived > timeout:  # the timer counts in milliseconds
            raise self._deadline_error(words, timeout)
        return DecodeResult(
            [entries[word].answer for word in words],  # type: ignore[misc]  # none remains
            queued=max(0.0, batch.taken - arrived),
            decoding=batch.resolved - batch.taken,
            batch=len(batch.words),
        )

    def register(self, worker: Worker) -> None:
        """Count on a worker from now on."""
        self._workers.add(worker)

    def mark_idle(self, worker: Worker) -> None:
        """Give a worker that is new, or done with a batch, another as soon as words wait.

        Words are shared equally among those that are free. Who has a batch is free no more, until
        this is called again; as long as it has one only, it gets another if that is full.
        """
        rest = self._busy if worker in self._prefetching else self._free
        self._forget(worker)
        rest.append(worker)
        if self._filling is None and not self._polling:
            self._dispatch()

    def poll(self) -> None:
        """Take the answers that are there, and hand out what waits: before what takes long."""
        self._polling = True  # so that those who are done share what there is
        try:
            for worker in (*self._busy, *self._prefetching):
                worker.poll()
        finally:
            self._polling = False
        if self._filling is None:
            self._dispatch()

    def unregister(self, worker: Worker) -> None:
        """Count on a worker no more, and give it nothing.

        Before it gives its batch back: who is left may be risked for it or not.
        """
        self._workers.discard(worker)
        self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        for some in (self._free, self._busy, self._prefetching):
            if worker in some:
                some.remove(worker)

    @property
    def _may_retry(self) -> bool:
        """Whether there is a word that a lost worker held, and who may be risked for it."""
        return bool(self._retry_queue) and (self.workers > 1 or self.planned == 1)

    def _dispatch_or_wait(self) -> None:
        """Hand out what came just now, or begin to wait for more where that is wanted."""
        if not self._free:
            self.poll()
        if self.waiting >= self.max_batch or not self.max_wait:
            self._dispatch()
        elif self._free and self.waiting and self._filling is None:
            loop = asyncio.get_running_loop()
            self._filling = loop.call_later(self.max_wait, self._dispatch)

    def _dispatch(self) -> None:
        """Give free workers what waits, and full batches to busy ones ahead of time."""
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        while self._free and (self._queue or self._may_retry):
            share = math.ceil(self.waiting / len(self._free))
            worker = self._idlest()
            self._free.remove(worker)
            self._busy.append(worker)
            worker.take(self._next_batch(min(share, self.max_batch)))
        # What a lost worker held is for who is free: nobody would be if all went on getting more
        while self._busy and not self._retry_queue and len(self._queue) >= self.max_batch:
            worker = self._busy.pop(0)
            self._prefetching.append(worker)
            worker.take(self._next_batch(self.max_batch))

    def _idlest(self) -> Worker:
        """The last that became free of those that nobody else gave words either, if there is one.

        Few are looked at: that takes its time, too.
        """
        found, least = self._free[-1], self._free[-1].load
        for worker in self._free[-2 : -1 - _CANDIDATES : -1]:
            if not least:
                break
            if (load := worker.load) < least:
                found, least = worker, load
        return found

    def _admit(self, new: Sequence[_Pending[K, A]], timeout: float) -> None:
        letters = sum(entry.letters for entry in new)
        waiting = self._count.waiting_in_all
        if new and waiting + letters > self.capacity:
            excess = waiting + letters - self.capacity
            seconds = self.latency.seconds(excess) / max(1, self.workers)
            raise QueueFullError(waiting, self.capacity, retry_after=seconds)
        expected = self.drained_in(letters, len(new))
        # Behind an empty queue it may always try: else one slow batch could shut the door for good
        if new and self.waiting and expected > timeout:
            raise DeadlineError(
                f"{len(new)} words behind {self.waiting} that wait would take {expected:.2g} s, "
                f"longer than the {timeout:.3g} s that are left to this request",
                expected - timeout,
            )

    def _deadline_error(self, words: Sequence[K], timeout: float) -> DeadlineError:
        problem = f"{len(words)} words took longer than {timeout:.3g} s"
        if timeout <= 0:
            problem = "its time was over before decoding began: its body was too long in coming"
        return DeadlineError(problem, self.drained_in())

    def _give_up(self, request: _Request[K, A], entries: Iterable[_Pending[K, A]]) -> None:
        """Forget the words that only this request waits for, but those that a worker has."""
        for entry in entries:
            if request in entry.requests:
                entry.requests.remove(request)
            if not entry.requests and self._dequeue(entry):
                del self._pending[entry.word]

    def _dequeue(self, entry: _Pending[K, A]) -> bool:
        """Take a word out of the queue; whether it was in it."""
        for queue in (self._queue, self._retry_queue):
            if entry in queue:
                del queue[entry]
                self._count_letters(-entry.letters)
                return True
        return False

    def _count_letters(self, letters: int) -> None:
        """Count so many more that wait, or fewer."""
        self._letters += letters
        self._count.waiting += letters

    def _next_batch(self, room: int) -> Batch[K, A]:
        if self._may_retry:
            entries = list(islice(self._retry_queue, 1))
        else:
            entries = list(islice(self._queue, room))
        for entry in entries:
            self._dequeue(entry)
        return Batch(self, entries)

    def _requeue(self, entries: Sequence[_Pending[K, A]]) -> None:
        """Queue words once more, before all others, that no worker has looked at."""
        for entry in entries:
            if entry.requests:
                self._count_letters(entry.letters)
            else:
                del self._pending[entry.word]
        wanted = {entry: None for entry in entries if entry.requests}
        if any(entry.lost for entry in entries):  # one, that goes alone
            self._retry_queue = {**wanted, **self._retry_queue}
        else:
            self._queue = {**wanted, **self._queue}

    def _retry_or_fail(self, entry: _Pending[K, A], error: Exception) -> None:
        """Queue a word once more that a lost worker held, unless it was lost before."""
        if entry.lost or not entry.requests:
            del self._pending[entry.word]
            for request in entry.requests:
                request.fail(error)
            return
        entry.lost = True
        self._retry_queue[entry] = None
        self._count_letters(entry.letters)

    def _resolve(self, entry: _Pending[K, A], answer: A, batch: Batch[K, A]) -> None:
        del self._pending[entry.word]
        entry.answer = answer
        for request in entry.requests:
            request.remaining -= 1
            if not request.remaining and not request.done.done():
                request.done.set_result(batch)
        entry.requests.clear()  # else a cycle by way of their batch would stay until it is found


@dataclass(eq=False, slots=True)
class _Request(Generic[K, A]):
    """Somebody who waits for words; `done` is set to the batch of the last of them."""

    remaining: int
    done: asyncio.Future[Batch[K, A]]

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(eq=False, slots=True)
class _Pending(Generic[K, A]):
    """A word on its way, and who waits for it."""

    word: K
    letters: int
    arrived: float
    requests: list[_Request[K, A]] = field(default_factory=list)
    lost: bool = False
    answer: A | None = None


class Batch(Generic[K, A]):
    """Words of one or several requests, to be answered together.

    Attributes:
        words: what to decode, in order.
        letters: in all of them.
        alone: whether no other batch may be decoded together with it: a lost worker held it.
        taken: when a worker began, by the batcher's clock.
        resolved: when the answers were handed out.
    """

    def __init__(self, batcher: Batcher[K, A], entries: Sequence[_Pending[K, A]]) -> None:
        self._batcher = batcher
        self._entries = entries
        self.words = [entry.word for entry in entries]
        self.letters = sum(entry.letters for entry in entries)
        self.alone = any(entry.lost for entry in entries)
        self.taken = 0.0
        self.resolved = 0.0

    @property
    def expected(self) -> float:
        """Seconds that it should take, by the pace of late; 0 where none is known."""
        return self._batcher.latency.seconds(self.letters)

    def begin(self) -> None:
        """Say that a worker is at it now."""
        self.taken = self._batcher.clock()

    def resolve(self, answers: Sequence[A]) -> float:
        """Hand out the answers, one a word, in the order of the words; the seconds they took.

        Raises:
            ValueError: where they are too few or too many; none is handed out then.
        """
        if len(answers) != len(self.words):
            raise ValueError(f"{len(answers)} answers for {len(self.words)} words")
        self.resolved = self._batcher.clock()
        for entry, answer in zip(self._entries, answers, strict=True):
            self._batcher._resolve(entry, answer, self)
        seconds = self.resolved - self.taken
        self._batcher.latency.note(self.letters, seconds)
        return seconds

    def requeue(self) -> None:
        """Give the words back that nobody has looked at: to the next who is free."""
        self._batcher._requeue(self._entries)
        self._batcher._dispatch()

    def retry_or_fail(self, error: Exception) -> None:
        """Give the words back, to be decoded once more; `error` is for those lost twice."""
        for entry in self._entries:
            self._batcher._retry_or_fail(entry, error)
        self._batcher._dispatch()

    def fail(self, error: Exception) -> None:
        """Fail every request that has a word in this batch."""
        for entry in self._entries:
            entry.lost = True
        self.retry_or_fail(error)

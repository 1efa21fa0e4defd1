"""A bounded queue of words that turns concurrent requests into shared batches.

Requests add words (`Batcher.submit`), and free workers receive batches (`Batcher.mark_idle`). New
words go to a free worker within the same call, since an iteration of a busy event loop takes longer
than a decode; batches grow while all workers are busy. A busy worker gets a full batch ahead of
time, so that it need not wait for the event loop. A word that several requests wait for is decoded
once. This module is independent of HTTP and of the network.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from tanger.service.serving.pricing import LatencyEstimator
from tanger.service.serving.queue_items import (
    DeadlineError,
    DecodeResult,
    OwnWaiting,
    Pending,
    QueueFullError,
    Request,
    Waiting,
)

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

# Number of free workers from which the least loaded is chosen
_CANDIDATES = 4


class Worker(Protocol):
    """A worker that decodes batches."""

    @property
    def load(self) -> int:
        """Return the number of words that it has from all HTTP processes."""

    def take(self, batch: Batch[Any, Any]) -> None:
        """Start a batch, or queue it after the current one; does not raise.

        The worker later begins the batch and resolves, retries or fails it, or requeues it.
        """

    def poll(self) -> None:
        """Resolve the batch at once if its answers have arrived; does not raise."""


class Batcher(Generic[K, A]):
    """A queue that returns answers of type `A` in the order of each request's words.

    A "word" here is any decode request, of type `K`; equal ones are decoded once.

    Attributes:
        planned: planned number of workers.
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
        """Create an empty queue.

        Args:
            capacity: most letters in the queue; the time of decoding is proportional to them.
            max_batch: most words in a batch.
            weigh: returns the work of a word, in letters.
            max_wait: seconds that a free worker waits for a batch to fill.
            letters: counts the waiting letters of this and other processes, if there are several.
            clock: returns a monotonic time in seconds.
        """
        self.capacity = capacity
        self.max_batch = max_batch
        self.max_wait = max_wait
        self.weigh = weigh
        self.clock = clock
        self.latency = LatencyEstimator()
        self.planned = 1
        # All unanswered words
        self._pending: dict[K, Pending[K, A]] = {}
        # In order of arrival. A word is removed when a worker takes it, or when the last request
        # that waits for it gives up, so that it does not use up capacity.
        self._queue: dict[Pending[K, A], None] = {}
        # Words of lost workers. Each is retried alone, so that a word that crashes workers affects
        # no other, and not on the last of several workers, so that it cannot crash them all.
        self._retry_queue: dict[Pending[K, A], None] = {}
        # Waiting letters in this queue, and their count over all queues
        self._letters = 0
        self._count: Waiting = OwnWaiting() if letters is None else letters
        # A stack: with little work, the other workers can sleep
        self._free: list[Worker] = []
        self._busy: list[Worker] = []
        # Busy workers that have their next batch already
        self._prefetching: list[Worker] = []
        self._workers: set[Worker] = set()
        self._filling: asyncio.TimerHandle | None = None
        self._polling = False

    @property
    def workers(self) -> int:
        """Return the number of workers."""
        return len(self._workers)

    @property
    def waiting(self) -> int:
        """Return the number of words that wait for a worker."""
        return len(self._queue) + len(self._retry_queue)

    @property
    def waiting_letters(self) -> int:
        """Return the letters of work in waiting words, which `capacity` bounds."""
        return self._letters

    @property
    def age(self) -> float:
        """Return the seconds that the oldest word has been waiting."""
        oldest = next(iter(self._retry_queue or self._queue), None)
        return 0.0 if oldest is None else self.clock() - oldest.arrived

    @property
    def busy(self) -> bool:
        """Return whether any word waits or is being decoded."""
        return bool(self._pending)

    def drained_in(self, letters: int = 0, words: int = 0) -> float:
        """Estimate the seconds to decode all waiting words and so many more; 0 if unknown.

        Words that workers have already are not included.
        """
        batches = math.ceil((self.waiting + words) / self.max_batch)
        return self.latency.seconds(self._letters + letters, batches) / max(1, self.workers)

    async def submit(self, words: Sequence[K], *, timeout: float) -> DecodeResult[A]:
        """Queue a request's words, all or none, and wait for all their answers.

        Cancelling the wait gives up the words that no worker has taken yet.

        Args:
            words: none empty; words that already wait or are being decoded are shared.
            timeout: seconds to wait for the answers.

        Raises:
            QueueFullError: at once, if the new words do not all fit.
            DeadlineError: after `timeout` seconds, or at once if the estimated time exceeds it.
            Exception: the error with which a worker failed a batch.
        """
        if not words:
            return DecodeResult([])
        arrived = self.clock()
        pending, weigh = self._pending, self.weigh
        entries: list[Pending[K, A]] = []
        new: list[Pending[K, A]] = []
        loop = asyncio.get_running_loop()
        request: Request[K, A] = Request(0, loop.create_future())
        for word in words:
            entry = pending.get(word)
            if entry is None:
                entry = pending[word] = Pending(word, weigh(word), arrived, [request])
                new.append(entry)
            entries.append(entry)
        self._admit(new, timeout)
        distinct: Collection[Pending[K, A]] = entries
        if len(new) < len(entries):  # some are shared, or come twice
            distinct = dict.fromkeys(entries)
            for entry in distinct:
                if request not in entry.requests:
                    entry.requests.append(request)
        request.remaining = len(distinct)
        if new:
            self._dispatch_or_wait()
        timer = loop.call_later(timeout, request.fail, TimeoutError())
        try:
            batch: Batch[K, A] = await request.done
        except TimeoutError as e:
            raise self._deadline_error(words, timeout) from e
        finally:
            timer.cancel()
            if request.remaining:
                self._give_up(request, distinct)
        if batch.resolved - arrived > timeout:  # the timer has a resolution of milliseconds
            raise self._deadline_error(words, timeout)
        return DecodeResult(
            [entry.answer for entry in entries],  # type: ignore[misc]  # none remains
            queued=max(0.0, batch.taken - arrived),
            decoding=batch.resolved - batch.taken,
            batch=len(batch.words),
            decoded=request.decoded,
        )

    def register(self, worker: Worker) -> None:
        """Add a worker."""
        self._workers.add(worker)

    def mark_idle(self, worker: Worker) -> None:
        """Mark a worker as ready for a batch, when it is new or has finished one.

        Waiting words are divided equally among free workers. A worker with a batch is busy until
        this is called again; while it has only one, it may get a second one if that is full.
        """
        rest = self._busy if worker in self._prefetching else self._free
        self._forget(worker)
        rest.append(worker)
        if self._filling is None and not self._polling:
            self._dispatch()

    def poll(self) -> None:
        """Process arrived answers and dispatch waiting words; to be called before long work."""
        self._polling = True  # so that all workers that are done share the waiting words
        try:
            for worker in (*self._busy, *self._prefetching):
                worker.poll()
        finally:
            self._polling = False
        if self._filling is None:
            self._dispatch()

    def unregister(self, worker: Worker) -> None:
        """Remove a worker.

        To be called before its batch is retried, which depends on the number of workers left.
        """
        self._workers.discard(worker)
        self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        for some in (self._free, self._busy, self._prefetching):
            if worker in some:
                some.remove(worker)

    @property
    def _may_retry(self) -> bool:
        """Return whether a word of a lost worker may be retried on the workers there are."""
        return bool(self._retry_queue) and (self.workers > 1 or self.planned == 1)

    def _dispatch_or_wait(self) -> None:
        """Dispatch new words, or start the `max_wait` timer."""
        if not self._free:
            self.poll()
        if self.waiting >= self.max_batch or not self.max_wait:
            self._dispatch()
        elif self._free and self.waiting and self._filling is None:
            loop = asyncio.get_running_loop()
            self._filling = loop.call_later(self.max_wait, self._dispatch)

    def _dispatch(self) -> None:
        """Give waiting words to free workers, and full batches to busy ones ahead of time."""
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        while self._free and (self._queue or self._may_retry):
            share = math.ceil(self.waiting / len(self._free))
            worker = self._idlest()
            self._free.remove(worker)
            self._busy.append(worker)
            worker.take(self._next_batch(min(share, self.max_batch)))
        # Retries need a free worker, so there is no prefetching while any are waiting
        while self._busy and not self._retry_queue and len(self._queue) >= self.max_batch:
            worker = self._busy.pop(0)
            self._prefetching.append(worker)
            worker.take(self._next_batch(self.max_batch))

    def _idlest(self) -> Worker:
        """Return the last free worker without words from other processes, or else the least loaded.

        Only a few are compared, since each comparison takes time.
        """
        found, least = self._free[-1], self._free[-1].load
        for worker in self._free[-2 : -1 - _CANDIDATES : -1]:
            if not least:
                break
            if (load := worker.load) < least:
                found, least = worker, load
        return found

    def _admit(self, new: Sequence[Pending[K, A]], timeout: float) -> None:
        """Queue new entries of `_pending`, or remove them all.

        Raises:
            QueueFullError, DeadlineError: see `submit`.
        """
        letters = sum(entry.letters for entry in new)
        try:
            self._check_room(new, letters, timeout)
        except (QueueFullError, DeadlineError):
            for entry in new:
                del self._pending[entry.word]
            raise
        self._queue.update(dict.fromkeys(new))
        self._count_letters(letters)

    def _check_room(self, new: Sequence[Pending[K, A]], letters: int, timeout: float) -> None:
        waiting = self._count.waiting_in_all
        if new and waiting + letters > self.capacity:
            excess = waiting + letters - self.capacity
            seconds = self.latency.seconds(excess) / max(1, self.workers)
            raise QueueFullError(waiting, self.capacity, retry_after=seconds)
        expected = self.drained_in(letters, len(new))
        # With an empty queue it is always admitted: else one slow batch could block all requests
        if new and self.waiting and expected > timeout:
            raise DeadlineError(
                f"{len(new)} words behind {self.waiting} that wait would take {expected:.2g} s, "
                f"longer than the {timeout:.3g} s that are left to this request",
                expected - timeout,
            )

    def _deadline_error(self, words: Sequence[K], timeout: float) -> DeadlineError:
        problem = f"{len(words)} words took longer than {timeout:.3g} s"
        if timeout <= 0:
            problem = "its time was over before decoding began: send it again, or in parts"
        return DeadlineError(problem, self.drained_in())

    def _give_up(self, request: Request[K, A], entries: Iterable[Pending[K, A]]) -> None:
        """Drop the words that only this request waits for, except those that a worker has."""
        for entry in entries:
            if request in entry.requests:
                entry.requests.remove(request)
            if not entry.requests and self._dequeue(entry):
                del self._pending[entry.word]

    def _dequeue(self, entry: Pending[K, A]) -> bool:
        """Remove a word from the queue; return whether it was there."""
        for queue in (self._queue, self._retry_queue):
            if entry in queue:
                del queue[entry]
                self._count_letters(-entry.letters)
                return True
        return False

    def _count_letters(self, letters: int) -> None:
        """Add to the count of waiting letters."""
        self._letters += letters
        self._count.waiting += letters

    def _next_batch(self, room: int) -> Batch[K, A]:
        queue, room = (self._retry_queue, 1) if self._may_retry else (self._queue, room)
        entries = list(islice(queue, room))
        for entry in entries:
            del queue[entry]
        batch = Batch(self, entries)
        self._count_letters(-batch.letters)
        return batch

    def _requeue(self, entries: Sequence[Pending[K, A]]) -> None:
        """Return words that no worker has started to the head of the queue."""
        for entry in entries:
            if entry.requests:
                self._count_letters(entry.letters)
            else:
                del self._pending[entry.word]
        wanted = {entry: None for entry in entries if entry.requests}
        if any(entry.lost for entry in entries):  # a single word, to be retried alone
            self._retry_queue = {**wanted, **self._retry_queue}
        else:
            self._queue = {**wanted, **self._queue}

    def _retry_or_fail(self, entry: Pending[K, A], error: Exception) -> None:
        """Queue a word of a lost worker to be retried, or fail it if it was lost before."""
        if entry.lost or not entry.requests:
            del self._pending[entry.word]
            for request in entry.requests:
                request.fail(error)
            return
        entry.lost = True
        self._retry_queue[entry] = None
        self._count_letters(entry.letters)

    def _resolve(self, batch: Batch[K, A], answers: Sequence[A]) -> None:
        for entry, answer in zip(batch._entries, answers, strict=True):
            del self._pending[entry.word]
            entry.answer = answer
            if entry.requests:
                entry.requests[0].decoded += 1
            for request in entry.requests:
                request.remaining -= 1
                if not request.remaining and not request.done.done():
                    request.done.set_result(batch)
            entry.requests.clear()  # breaks a reference cycle through their batch


class Batch(Generic[K, A]):
    """Words of one or several requests that are decoded together.

    Attributes:
        words: what to decode, in order.
        letters: of all words.
        alone: whether it must not be merged with other batches, since a lost worker had it.
        taken: time when a worker began, by the batcher's clock.
        resolved: time when the requests got the answers.
    """

    def __init__(self, batcher: Batcher[K, A], entries: Sequence[Pending[K, A]]) -> None:
        self._batcher = batcher
        self._entries = entries
        self.words = [entry.word for entry in entries]
        self.letters = sum(entry.letters for entry in entries)
        self.alone = any(entry.lost for entry in entries)
        self.taken = 0.0
        self.resolved = 0.0

    @property
    def expected(self) -> float:
        """Return the estimated seconds of decoding; 0 if unknown."""
        return self._batcher.latency.seconds(self.letters)

    def begin(self) -> None:
        """Mark the start of decoding."""
        self.taken = self._batcher.clock()

    def resolve(self, answers: Sequence[A]) -> float:
        """Distribute the answers, one per word, in order; return the seconds that they took.

        Raises:
            ValueError: if their number is wrong; none is distributed then.
        """
        if len(answers) != len(self.words):
            raise ValueError(f"{len(answers)} answers for {len(self.words)} words")
        self.resolved = self._batcher.clock()
        self._batcher._resolve(self, answers)
        seconds = self.resolved - self.taken
        self._batcher.latency.add(self.letters, seconds)
        return seconds

    def requeue(self) -> None:
        """Return the words, which were not started, to the queue."""
        self._batcher._requeue(self._entries)
        self._batcher._dispatch()

    def retry_or_fail(self, error: Exception) -> None:
        """Return the words to be retried; those lost twice fail with `error`."""
        for entry in self._entries:
            self._batcher._retry_or_fail(entry, error)
        self._batcher._dispatch()

    def fail(self, error: Exception) -> None:
        """Fail every request that has a word in this batch."""
        for entry in self._entries:
            entry.lost = True
        self.retry_or_fail(error)

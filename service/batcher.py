"""A bounded queue of words that turns concurrent requests into shared batches.

Requests put words in at one end (`Batcher.submit`), decoding workers take batches out at the
other (`Batcher.take`). A free worker takes what waits at once; batches grow by themselves while
all workers are busy. Nothing here knows of HTTP or of the network.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

A = TypeVar("A")


class QueueFullError(Exception):
    """The queue has no room for all of a request's words; none of them was taken.

    Attributes:
        retry_after: seconds after which to try again.
    """

    def __init__(self, waiting: int, capacity: int, retry_after: float) -> None:
        super().__init__(f"{waiting} words are waiting, of at most {capacity}")
        self.retry_after = retry_after


class DeadlineError(Exception):
    """A request's time ran out before its last word was decoded."""


class Batcher(Generic[A]):
    """Words in, answers of type `A` out, in the order of each request."""

    def __init__(self, *, capacity: int, max_batch: int, max_wait: float = 0.0) -> None:
        """Make an empty queue.

        Args:
            capacity: the most words that wait.
            max_batch: the most words in a batch.
            max_wait: seconds that a worker waits for a batch to fill, from when it could have
                started.
        """
        self.capacity = capacity
        self.max_batch = max_batch
        self.max_wait = max_wait
        # In order of arrival. A request leaves when its last word is taken, or when it is given
        # up, so that what nobody waits for any more takes no room.
        self._requests: dict[int, _Request[A]] = {}
        self._count = 0
        self._waiting = 0
        self._idle = 0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Words that wait for a worker."""
        return self._waiting

    async def submit(self, words: Sequence[str], *, timeout: float) -> list[A]:
        """Queue a request's words, all or none, and wait for all their answers.

        Cancelling the wait gives up the words that no worker has taken yet.

        Raises:
            QueueFullError: at once, where they do not all fit.
            DeadlineError: after `timeout` seconds.
            Exception: what a worker failed their batch with.
        """
        if not words:
            return []
        if self._waiting + len(words) > self.capacity:
            raise QueueFullError(self._waiting, self.capacity, retry_after=1.0)
        loop = asyncio.get_running_loop()
        request = _Request[A](tuple(words), loop.create_future())
        number = self._count = self._count + 1
        self._requests[number] = request
        self._waiting += len(words)
        self._arrived.set()
        if self._waiting >= self.max_batch:
            self._full.set()
        try:
            async with asyncio.timeout(timeout):
                return await request.answered
        except TimeoutError as e:
            raise DeadlineError(f"{len(words)} words took longer than {timeout:g} s") from e
        finally:
            if self._requests.pop(number, None):
                self._waiting -= len(request.words) - request.taken

    async def take(self) -> Batch[A]:
        """Wait for words and take them: an equal share for each worker that is idle with us."""
        self._idle += 1
        try:
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
                if self.max_wait:
                    await self._fill()
            share = math.ceil(self._waiting / self._idle)
        finally:
            self._idle -= 1
        return self._take(min(share, self.max_batch))

    async def _fill(self) -> None:
        if self._waiting < self.max_batch:
            self._full.clear()
            try:
                await asyncio.wait_for(self._full.wait(), self.max_wait)
            except TimeoutError:
                return

    def _take(self, room: int) -> Batch[A]:
        batch = Batch[A]()
        for number, request in list(self._requests.items()):
            if not room:
                break
            last = min(request.taken + room, len(request.words))
            room -= last - request.taken
            for index in range(request.taken, last):
                batch._places.append((request, index))
                batch.words.append(request.words[index])
            self._waiting -= last - request.taken
            request.taken = last
            if last == len(request.words):
                del self._requests[number]
        return batch


@dataclass
class _Request(Generic[A]):
    words: tuple[str, ...]
    answered: asyncio.Future[list[A]]
    taken: int = 0
    answers: dict[int, A] = field(default_factory=dict)


@dataclass
class Batch(Generic[A]):
    """Words of one or several requests, to be answered together.

    Attributes:
        words: what to decode, in order.
    """

    words: list[str] = field(default_factory=list)
    _places: list[tuple[_Request[A], int]] = field(default_factory=list)

    def resolve(self, answers: Sequence[A]) -> None:
        """Hand out the answers, one a word, in the order of the words."""
        for (request, index), answer in zip(self._places, answers, strict=True):
            request.answers[index] = answer
            if len(request.answers) == len(request.words) and not request.answered.done():
                request.answered.set_result(
                    [request.answers[place] for place in range(len(request.words))]
                )

    def fail(self, error: Exception) -> None:
        """Fail every request that has a word in this batch."""
        for request, _ in self._places:
            if not request.answered.done():
                request.answered.set_exception(error)

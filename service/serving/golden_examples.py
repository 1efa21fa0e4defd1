"""Readiness that cannot lie: words whose answers are known, sent through the real queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from tanger.model.text.candidates import Failure
from tanger.service.serving import rendering
from tanger.service.serving.admission import DeadlineError, QueueFullError
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.pool import WorkerLostError
from tanger.service.serving.wire import Answer, DecodeRequest

log = logging.getLogger("tanger.check")


class SelfCheck:
    """Sends pinned words through the queue at the start, and again while nobody else sends any.

    Attributes:
        passed: set while the last answers were right. One time without any does not count: the
            next, which comes at once, tells whether it was a worker or the queue.
        answered: set once there were any, right or wrong: the same weights say the same again.
        proven: whether they were ever right.
        failure: what was wrong with them, else None.
    """

    def __init__(
        self,
        batcher: Batcher[DecodeRequest, Answer],
        pinned: Mapping[str, Sequence[str]],
        *,
        letter: str,
        interval: float,
        timeout: float,
    ) -> None:
        """Describe the check; `run` makes it.

        Args:
            batcher: the queue.
            pinned: words and the phonemes that they should get.
            letter: what the artifact reads: where nothing is pinned, it has to get any answer.
            interval: seconds between two checks.
            timeout: seconds that an answer may take.
        """
        self.batcher = batcher
        self.pinned = {word: " ".join(phonemes) for word, phonemes in pinned.items()}
        self.requests = [DecodeRequest(word) for word in self.pinned] or [DecodeRequest(letter)]
        self.interval = interval
        self.timeout = timeout
        self.passed = asyncio.Event()
        self.answered = asyncio.Event()
        self.proven = False
        self.failure: str | None = None
        self._unanswered = False
        self._suspect: DecodeRequest | None = None
        self._letter = letter

    def suspect(self, request: DecodeRequest | None) -> None:
        """Check as well what a worker could not do, at once and until it is done.

        Args:
            request: what it failed on; None where that is not known.
        """
        if request is not None:
            word = next(iter(self.pinned), self._letter)
            self._suspect = DecodeRequest(word, request.n, request.alignment)

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            doubted = self._unanswered or self._suspect is not None
            if doubted or not self.passed.is_set() or not self.batcher.busy:
                await self.check()
            # At the start it is checked as soon as there is a worker
            waits = self.passed.is_set() and not self._unanswered and self._suspect is None
            await asyncio.sleep(self.interval if waits else min(0.1, self.interval))

    async def check(self) -> None:
        """Ask once, and note how it went. Too much other work is no failure."""
        if not self.batcher.workers:
            return
        suspect = self._suspect
        requests = [*self.requests, suspect] if suspect is not None else self.requests
        try:
            answers = (await self.batcher.submit(requests, timeout=self.timeout)).answers
        except QueueFullError:
            return
        except (DeadlineError, WorkerLostError) as e:
            if self._unanswered or not self.passed.is_set():
                self._note(f"the pinned words got no answer: {e}")
            self._unanswered = True
            return
        self._unanswered = False
        wrong = [
            f"{word} is {_phonemes(answer)}, not {expected}"
            for (word, expected), answer in zip(self.pinned.items(), answers, strict=False)
            if _phonemes(answer) != expected
        ]
        if suspect is not None and isinstance(answers[-1], Failure):
            wrong.append(f"{suspect.word} got no answer as it was asked: {answers[-1].error}")
        elif self._suspect is suspect:
            self._suspect = None
        if not self.pinned:
            wrong += [answer.error for answer in answers[:1] if isinstance(answer, Failure)]
        self._note("; ".join(wrong) or None)
        self.answered.set()

    def _note(self, failure: str | None) -> None:
        if failure is None:
            self.passed.set()
            self.proven = True
        else:
            self.passed.clear()
            if failure != self.failure:
                log.error("not ready: %s", failure)
        self.failure = failure


def _phonemes(answer: Answer) -> str:
    """The phonemes of the first pronunciation; or the error, which no phonemes look like."""
    if isinstance(answer, Failure):
        return answer.error
    return " ".join(rendering.candidates(answer)[0].phonemes)

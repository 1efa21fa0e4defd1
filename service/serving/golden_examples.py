"""Check readiness by sending words with known pronunciations through the real queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from tanger.model.text.candidates import Failure
from tanger.service.serving import rendering
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.pool import WorkerLostError
from tanger.service.serving.queue_items import DeadlineError, QueueFullError
from tanger.service.serving.wire import Answer, DecodeRequest

log = logging.getLogger("tanger.check")


class SelfCheck:
    """Sends pinned words through the queue at the start, and again while it is idle.

    Attributes:
        passed: set while the last answers were correct. A single check without an answer does not
            clear it: the next one, which follows at once, shows whether the service is at fault.
        answered: set once there were answers, correct or not; the same weights repeat them.
        proven: whether answers were ever correct.
        failure: what was wrong with the last answers, or None.
    """

    def __init__(
        self,
        batcher: Batcher[DecodeRequest, Answer],
        pinned: Mapping[str, Sequence[str]],
        *,
        letter: str,
        interval: float,
        timeout: float,
        language: int = 0,
        marks: bool = False,
    ) -> None:
        """Configure the check; `run` starts it.

        Args:
            batcher: the queue.
            pinned: words and their expected phonemes.
            letter: a grapheme of the artifact, which has to get an answer if no word is pinned.
            interval: seconds between two checks.
            timeout: seconds for an answer.
            language: index of the artifact.
            marks: whether the artifact's own phonemes carry stress.
        """
        self.batcher = batcher
        self.pinned = {word: " ".join(phonemes) for word, phonemes in pinned.items()}
        self.requests = [
            DecodeRequest(word, language=language, marks=marks) for word in self.pinned or (letter,)
        ]
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
        """Check at once, and until it works, the kind of request that exhausted a worker.

        Args:
            request: the request; None if unknown.
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
            # At the start, check as soon as there is a worker
            waits = self.passed.is_set() and not self._unanswered and self._suspect is None
            await asyncio.sleep(self.interval if waits else min(0.1, self.interval))

    async def check(self) -> None:
        """Check once and record the outcome. A full queue is not a failure."""
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
    """Return the phonemes of the first pronunciation, or the error, which never equals any."""
    if isinstance(answer, Failure):
        return answer.error
    return " ".join(rendering.candidates(answer)[0].phonemes)

"""What counts for the pinned words, and what does not."""

import asyncio

import pytest

from tanger.model.text.candidates import Candidate, Failure
from tanger.service.serving import rendering
from tanger.service.serving.golden_examples import SelfCheck
from tanger.service.serving.pool import WorkerLostError
from tanger.service.serving.queue_items import DeadlineError, DecodeResult, QueueFullError

LATE = DeadlineError("late", 1.0)


def spoken(*phonemes):
    return rendering.pronunciations([Candidate(phonemes, 0.9, complete=True)], "native")


class Queue:
    """Answers as it is told to."""

    workers = 1

    def __init__(self):
        self.outcome = spoken("A0")

    async def submit(self, asks, *, timeout):
        assert [ask.word for ask in asks] == ["A"]
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return DecodeResult([self.outcome])


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def check(queue):
    return SelfCheck(queue, {"A": ["A0"]}, letter="A", interval=1, timeout=1)


def passed(check, queue, outcome):
    queue.outcome = outcome
    asyncio.run(check.check())
    return check.passed.is_set()


@pytest.mark.parametrize("wrong", [spoken("B"), Failure("ValueError: no")])
def test_a_wrong_answer_counts_at_once(check, queue, wrong):
    assert passed(check, queue, spoken("A0"))
    assert not passed(check, queue, wrong)
    assert check.failure.startswith("A is ")
    assert passed(check, queue, spoken("A0"))
    assert check.failure is None


@pytest.mark.parametrize("missing", [LATE, WorkerLostError("gone")])
def test_no_answer_counts_the_second_time(check, queue, missing):
    assert passed(check, queue, spoken("A0"))
    for _ in range(2):  # an answer in between is a new beginning
        assert passed(check, queue, missing)
        assert passed(check, queue, spoken("A0"))
    assert passed(check, queue, missing)
    assert not passed(check, queue, missing)
    assert "no answer" in check.failure


def test_who_was_never_ready_is_not_by_no_answer(check, queue):
    assert not passed(check, queue, LATE)
    assert not check.answered.is_set()
    assert not passed(check, queue, spoken("B"))
    assert check.answered.is_set()


def test_too_much_other_work_is_no_failure(check, queue):
    assert passed(check, queue, spoken("A0"))
    for _ in range(3):
        assert passed(check, queue, QueueFullError(1, 1, 1.0))

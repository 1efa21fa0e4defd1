import asyncio
import gc
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanger.service.serving.batcher import Batcher
from tanger.service.serving.queue_items import DeadlineError, QueueFullError

LONG = 60.0


class BrokenError(Exception):
    pass


class Hand:
    """A worker that takes one batch, and keeps what it gets ahead of time."""

    load = 0

    def __init__(self):
        self.batch = asyncio.get_running_loop().create_future()
        self.ahead = []

    def take(self, batch):
        if self.batch.done():
            self.ahead.append(batch)
        else:
            batch.begin()
            self.batch.set_result(batch)

    def poll(self):
        pass


async def taken(batcher):
    hand = Hand()
    batcher.mark_idle(hand)
    try:
        return await hand.batch
    finally:
        batcher.unregister(hand)
        for batch in hand.ahead:
            batch.requeue()


def staffed(batcher, count):
    """Workers that are counted on, and never free."""
    hands = [Hand() for _ in range(count)]
    for hand in hands:
        batcher.register(hand)
    return hands


class Decoder:
    """Workers that answer a word with its lower case, and keep count of their batches.

    A batch that holds BAD fails. While `gate` is closed, workers are busy with what they took.
    """

    def __init__(self, batcher, *, busy=False):
        self.batcher = batcher
        self.batches = []
        self.gate = asyncio.Event()
        if not busy:
            self.gate.set()

    @property
    def words(self):
        return [word for batch in self.batches for word in batch]

    async def work(self):
        while True:
            batch = await taken(self.batcher)
            self.batches.append(list(batch.words))
            await self.gate.wait()
            if "BAD" in batch.words:
                batch.fail(BrokenError("broken"))
            else:
                batch.resolve([word.lower() for word in batch.words])


@asynccontextmanager
async def decoding(batcher, *, workers=1, busy=False):
    decoder = Decoder(batcher, busy=busy)
    tasks = [asyncio.create_task(decoder.work()) for _ in range(workers)]
    await turns()
    try:
        yield decoder
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def turns(count=5):
    """Let the event loop go round, so that whoever can run has run."""
    for _ in range(count):
        await asyncio.sleep(0)


def queue(*, capacity=100, max_batch=4, max_wait=0.0):
    return Batcher(capacity=capacity, max_batch=max_batch, max_wait=max_wait, weigh=len)


def submitted(batcher, *words, timeout=LONG):
    return asyncio.create_task(ask(batcher, words, timeout=timeout))


async def ask(batcher, words, *, timeout):
    return (await batcher.submit(words, timeout=timeout)).answers


def assert_empty(batcher):
    assert batcher.waiting == 0
    assert not batcher.busy
    assert batcher._letters == 0
    assert not batcher._free


def test_answers_come_in_the_order_of_the_words():
    async def run():
        batcher = queue()
        async with decoding(batcher, workers=2):
            requests = [submitted(batcher, f"A{n}", f"B{n}", f"C{n}") for n in range(10)]
            answers = await asyncio.gather(*requests)
        assert answers == [[f"a{n}", f"b{n}", f"c{n}"] for n in range(10)]
        assert_empty(batcher)

    asyncio.run(run())


def test_a_lone_word_does_not_wait_and_what_comes_meanwhile_shares_a_batch():
    async def run():
        batcher = queue(capacity=200, max_batch=64)
        async with decoding(batcher, busy=True) as decoder:
            first = submitted(batcher, "FIRST")
            await turns()
            assert decoder.batches == [["FIRST"]]
            others = [submitted(batcher, f"W{n}") for n in range(40)]
            await turns()
            assert batcher.waiting == 40
            decoder.gate.set()
            assert await first == ["first"]
            assert await asyncio.gather(*others) == [[f"w{n}"] for n in range(40)]
            assert [len(batch) for batch in decoder.batches] == [1, 40]
        assert_empty(batcher)

    asyncio.run(run())


def test_what_is_answered_leaves_nothing_to_the_garbage_collector():
    async def run():
        batcher = queue()
        async with decoding(batcher):
            await ask(batcher, ["A", "B"], timeout=LONG)
            await turns()
            gc.collect()
            gc.set_debug(gc.DEBUG_SAVEALL)
            await ask(batcher, ["A", "B"], timeout=LONG)
            await turns()
            gc.collect()

    gc.disable()
    try:
        asyncio.run(run())
        left = [
            each for each in gc.garbage if type(each).__module__ == "tanger.service.serving.batcher"
        ]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not left


def test_a_request_longer_than_a_batch_is_cut_and_put_together_again():
    async def run():
        batcher = queue(max_batch=4)
        async with decoding(batcher) as decoder:
            words = [f"W{n}" for n in range(10)]
            assert await ask(batcher, words, timeout=LONG) == [f"w{n}" for n in range(10)]
            assert [len(batch) for batch in decoder.batches] == [4, 4, 2]
            assert decoder.words == words
        assert_empty(batcher)

    asyncio.run(run())


def test_first_come_first_served():
    async def run():
        batcher = queue(max_batch=4)
        requests = [submitted(batcher, *"ABCDEF"), submitted(batcher, "G"), submitted(batcher, "H")]
        await turns()
        async with decoding(batcher) as decoder:
            await asyncio.gather(*requests)
            assert decoder.batches == [["A", "B", "C", "D"], ["E", "F", "G", "H"]]

    asyncio.run(run())


def test_no_words_are_answered_at_once():
    async def run():
        assert await ask(queue(), [], timeout=LONG) == []

    asyncio.run(run())


def test_a_request_is_admitted_whole_or_not_at_all():
    async def run():
        batcher = queue(capacity=4)
        kept = submitted(batcher, "A", "B", "C")
        await turns()
        with pytest.raises(QueueFullError, match="3 letters are waiting, of at most 4") as caught:
            await ask(batcher, ["D", "E"], timeout=LONG)
        assert caught.value.retry_after == 0  # nothing is known of the pace yet
        assert batcher.waiting == 3
        fits = submitted(batcher, "F")
        await turns()
        async with decoding(batcher) as decoder:
            assert await kept == ["a", "b", "c"]
            assert await fits == ["f"]
            assert decoder.words == ["A", "B", "C", "F"]

    asyncio.run(run())


def test_a_request_larger_than_the_queue_is_never_admitted():
    async def run():
        with pytest.raises(QueueFullError):
            await ask(queue(capacity=2), ["A", "B", "C"], timeout=LONG)

    asyncio.run(run())


def test_words_that_are_being_decoded_take_no_room():
    async def run():
        batcher = queue(capacity=4)
        async with decoding(batcher, busy=True) as decoder:
            first = submitted(batcher, *"ABCD")
            await turns()
            second = submitted(batcher, *"EFGH")
            await turns()
            assert batcher.waiting == 4
            decoder.gate.set()
            assert await asyncio.gather(first, second) == [list("abcd"), list("efgh")]

    asyncio.run(run())


def test_a_missed_deadline_gives_the_room_back():
    async def run():
        batcher = queue(capacity=3)
        async with decoding(batcher, busy=True) as decoder:
            first = submitted(batcher, "A")
            await turns()
            with pytest.raises(DeadlineError, match=r"3 words took longer than 0\.01 s"):
                await ask(batcher, ["B", "C", "D"], timeout=0.01)
            with pytest.raises(DeadlineError, match="time was over before decoding began"):
                await ask(batcher, ["B", "C", "D"], timeout=0.0)
            assert batcher.waiting == 0
            late = submitted(batcher, "E", "F", "G")
            decoder.gate.set()
            assert await first == ["a"]
            assert await late == ["e", "f", "g"]
            assert decoder.words == ["A", "E", "F", "G"], "the decoder never saw the late words"
        assert_empty(batcher)

    asyncio.run(run())


def test_a_deadline_is_missed_while_decoding_too():
    async def run():
        batcher = queue()
        async with decoding(batcher, busy=True) as decoder:
            with pytest.raises(DeadlineError):
                await ask(batcher, ["A"], timeout=0.01)
            decoder.gate.set()
            assert await ask(batcher, ["B"], timeout=LONG) == ["b"]
        assert_empty(batcher)

    asyncio.run(run())


def test_the_time_limit_of_a_caller_is_not_ours():
    async def run():
        batcher = queue()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ask(batcher, ["A"], timeout=LONG)
        assert_empty(batcher)

    asyncio.run(run())


def test_a_cancelled_request_never_reaches_the_decoder():
    async def run():
        batcher = queue(capacity=6)
        async with decoding(batcher, busy=True) as decoder:
            first = submitted(batcher, "A")
            await turns()
            gone = submitted(batcher, "B", "C", "D")
            stays = submitted(batcher, "E", "F")
            await turns()
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert batcher.waiting == 2
            decoder.gate.set()
            assert await asyncio.gather(first, stays) == [["a"], ["e", "f"]]
            assert decoder.words == ["A", "E", "F"]
        assert_empty(batcher)

    asyncio.run(run())


def test_what_is_left_of_a_cancelled_request_is_given_up():
    async def run():
        batcher = queue(max_batch=4)
        async with decoding(batcher, busy=True) as decoder:
            gone = submitted(batcher, *"ABCDEFGHIJ")
            await turns()
            assert batcher.waiting == 6
            gone.cancel()
            await turns()
            assert batcher.waiting == 0
            decoder.gate.set()
            assert await ask(batcher, ["K"], timeout=LONG) == ["k"]
            assert decoder.batches == [list("ABCD"), ["K"]]
        assert_empty(batcher)

    asyncio.run(run())


def test_idle_workers_take_equal_shares():
    async def run():
        batcher = queue(max_batch=8)
        async with decoding(batcher, workers=3, busy=True) as decoder:
            request = submitted(batcher, *"ABCDEFG")
            await turns()
            assert [len(batch) for batch in decoder.batches] == [3, 2, 2]
            decoder.gate.set()
            assert await request == list("abcdefg")

    asyncio.run(run())


def test_a_worker_that_has_left_gets_no_share():
    async def run():
        batcher = queue(max_batch=8)
        leaving = asyncio.create_task(taken(batcher))
        await turns()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        async with decoding(batcher) as decoder:
            await ask(batcher, "ABCD", timeout=LONG)
            assert decoder.batches == [list("ABCD")]

    asyncio.run(run())


def test_a_free_worker_has_a_word_before_the_event_loop_turns():
    async def run():
        batcher = queue()
        free, busy = Hand(), Hand()
        batcher.mark_idle(busy)
        batcher.mark_idle(free)
        first, second = (ask(batcher, [word], timeout=LONG) for word in "AB")
        waiting = asyncio.create_task(first)
        await asyncio.sleep(0)  # it runs as far as it can
        assert free.batch.result().words == ["A"]
        assert not busy.batch.done()
        batcher.unregister(busy)
        following = asyncio.create_task(second)
        await asyncio.sleep(0)
        free.batch.result().resolve(["a"])
        free.batch = asyncio.get_running_loop().create_future()
        batcher.mark_idle(free)
        assert free.batch.result().words == ["B"]
        free.batch.result().resolve(["b"])
        assert await asyncio.gather(waiting, following) == [["a"], ["b"]]
        assert_empty(batcher)

    asyncio.run(run())


def test_a_full_batch_goes_to_who_is_busy_ahead_of_time():
    async def run():
        batcher = queue(max_batch=2)
        hand = Hand()
        batcher.register(hand)
        batcher.mark_idle(hand)
        requests = [submitted(batcher, word) for word in "ABCDEF"]
        await turns()
        first = hand.batch.result()
        assert first.words == ["A"]
        assert [batch.words for batch in hand.ahead] == [["B", "C"]], "a full one, and one only"
        assert batcher.waiting == 3
        first.resolve(["a"])
        second = hand.ahead.pop(0)
        second.begin()
        batcher.mark_idle(hand)
        assert [batch.words for batch in hand.ahead] == [["D", "E"]]
        second.resolve(["b", "c"])
        third = hand.ahead.pop(0)
        third.begin()
        batcher.mark_idle(hand)
        assert hand.ahead == [], "one word is no full batch"
        third.resolve(["d", "e"])
        hand.batch = asyncio.get_running_loop().create_future()
        batcher.mark_idle(hand)
        assert hand.batch.result().words == ["F"]
        hand.batch.result().resolve(["f"])
        assert await asyncio.gather(*requests) == [[word] for word in "abcdef"]
        batcher.unregister(hand)
        assert_empty(batcher)

    asyncio.run(run())


def test_the_time_of_a_batch_begins_when_the_one_before_it_is_done():
    async def run():
        now = 0.0
        batcher = Batcher(capacity=100, max_batch=2, weigh=len, clock=lambda: now)
        hand = Hand()
        batcher.register(hand)
        batcher.mark_idle(hand)
        requests = [asyncio.create_task(batcher.submit([word], timeout=LONG)) for word in "ABC"]
        await turns()
        now = 3.0
        assert hand.batch.result().resolve(["a"]) == 3.0
        (ahead,) = hand.ahead
        ahead.begin()
        batcher.mark_idle(hand)
        now = 5.0
        assert ahead.resolve(["b", "c"]) == 2.0
        batcher.mark_idle(hand)
        took = [(one.queued, one.decoding) for one in await asyncio.gather(*requests)]
        assert took == [(0.0, 3.0), (3.0, 2.0), (3.0, 2.0)]
        batcher.unregister(hand)
        assert_empty(batcher)

    asyncio.run(run())


def test_nobody_gets_more_ahead_of_time_while_a_lost_word_waits():
    async def run():
        batcher = queue(max_batch=2)
        hands = [Hand(), Hand()]
        for hand in hands:
            batcher.register(hand)
            batcher.mark_idle(hand)
        requests = [submitted(batcher, word) for word in ("KILLS", "A")]
        await turns()
        gone, left = sorted(hands, key=lambda hand: hand.batch.result().words == ["A"])
        batcher.unregister(gone)
        gone.batch.result().retry_or_fail(BrokenError("lost"))
        requests += [submitted(batcher, word) for word in "BCDE"]
        await turns()
        assert left.ahead == []
        left.batch.result().resolve(["a"])
        left.batch = asyncio.get_running_loop().create_future()
        batcher.planned = 1
        batcher.mark_idle(left)
        assert left.batch.result().words == ["KILLS"]
        assert [batch.words for batch in left.ahead] == [["B", "C"]]
        for batch in (left.batch.result(), *left.ahead):
            batch.resolve([word.lower() for word in batch.words])
            batcher.mark_idle(left)
        assert [batch.words for batch in left.ahead] == [["B", "C"], ["D", "E"]]
        left.ahead[-1].resolve(["d", "e"])
        assert await asyncio.gather(*requests) == [[w] for w in ("kills", "a", "b", "c", "d", "e")]
        batcher.unregister(left)
        assert_empty(batcher)

    asyncio.run(run())


def test_a_failing_batch_fails_its_own_requests_alone():
    async def run():
        batcher = queue(max_batch=4)
        requests = [
            submitted(batcher, "A", "BAD"),
            submitted(batcher, "C"),
            submitted(batcher, "D", "E"),  # cut: D shares the batch that fails
            submitted(batcher, "F", "G"),
        ]
        await turns()
        async with decoding(batcher) as decoder:
            answers = await asyncio.gather(*requests, return_exceptions=True)
            assert [type(answer) for answer in answers] == [BrokenError] * 3 + [list]
            assert answers[3] == ["f", "g"]
            assert decoder.batches[0] == ["A", "BAD", "C", "D"]
        assert_empty(batcher)

    asyncio.run(run())


def test_a_failed_request_leaves_the_queue():
    async def run():
        batcher = queue(max_batch=2)
        async with decoding(batcher, busy=True) as decoder:
            request = submitted(batcher, "BAD", "B", "C", "D", "E", "F")
            await turns()
            assert batcher.waiting == 4
            decoder.gate.set()
            with pytest.raises(BrokenError):
                await request
            assert batcher.waiting == 0
        assert_empty(batcher)

    asyncio.run(run())


def test_answers_that_are_too_few_are_noticed():
    async def run():
        batcher = queue()
        request = submitted(batcher, "A", "B")
        await turns()
        batch = await taken(batcher)
        with pytest.raises(ValueError, match="1 answers for 2 words"):
            batch.resolve(["a"])
        batch.fail(BrokenError("broken"))
        with pytest.raises(BrokenError):
            await request

    asyncio.run(run())


def test_a_word_that_several_wait_for_is_decoded_once():
    async def run():
        batcher = queue(max_batch=2)
        async with decoding(batcher, busy=True) as decoder:
            requests = [submitted(batcher, "A", "B", "A"), submitted(batcher, "C", "B")]
            await turns()
            requests.append(submitted(batcher, "B", "A", "C"))  # taken, taken, waiting
            await turns()
            decoder.gate.set()
            assert await asyncio.gather(*requests) == [list("aba"), list("cb"), list("bac")]
            assert decoder.words == ["A", "B", "C"]
            assert await ask(batcher, ["A"], timeout=LONG) == ["a"]
            assert decoder.words == ["A", "B", "C", "A"], "the queue keeps no answers"
        assert_empty(batcher)

    asyncio.run(run())


def test_who_shares_a_word_does_not_lose_it_when_the_other_leaves():
    async def run():
        batcher = queue()
        async with decoding(batcher, busy=True) as decoder:
            first = submitted(batcher, "A")
            await turns()
            gone, stays = submitted(batcher, "B", "C"), submitted(batcher, "C")
            await turns()
            gone.cancel()
            await turns()
            assert batcher.waiting == 1
            decoder.gate.set()
            assert await asyncio.gather(first, stays) == [["a"], ["c"]]
            assert decoder.words == ["A", "C"]
        assert_empty(batcher)

    asyncio.run(run())


def test_a_shared_word_counts_as_decoded_once():
    async def run():
        batcher = queue()
        async with decoding(batcher, busy=True) as decoder:
            first = asyncio.create_task(batcher.submit(["A", "A", "B"], timeout=LONG))
            await turns()
            gone = submitted(batcher, "C")
            later = asyncio.create_task(batcher.submit(["C", "B", "D"], timeout=LONG))
            await turns()
            gone.cancel()
            await turns()
            decoder.gate.set()
            assert [(await each).decoded for each in (first, later)] == [2, 2]
            assert decoder.words == ["A", "B", "C", "D"]
            assert (await batcher.submit(["A"], timeout=LONG)).decoded == 1
        assert_empty(batcher)

    asyncio.run(run())


def test_shared_words_take_no_room():
    async def run():
        batcher = queue(capacity=3)
        requests = [submitted(batcher, "A", "B", "C") for _ in range(5)]
        await turns()
        assert batcher.waiting == 3
        async with decoding(batcher):
            assert await asyncio.gather(*requests) == [list("abc")] * 5

    asyncio.run(run())


def test_what_a_lost_worker_held_is_decoded_again_each_word_alone():
    async def run():
        batcher = queue(max_batch=8)
        requests = [submitted(batcher, "A", "KILLS", "C"), submitted(batcher, "D")]
        await turns()
        batch = await taken(batcher)
        assert batch.words == ["A", "KILLS", "C", "D"]
        batch.retry_or_fail(BrokenError("lost"))
        requests.append(submitted(batcher, "E"))
        await turns()
        assert batcher.waiting == 5
        words = []
        while batcher.waiting:
            batch = await taken(batcher)
            words.append(batch.words)
            if "KILLS" in batch.words:
                batch.retry_or_fail(BrokenError("lost again"))
            else:
                batch.resolve([word.lower() for word in batch.words])
        assert words == [["A"], ["KILLS"], ["C"], ["D"], ["E"]]
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert [str(answers[0]), *answers[1:]] == ["lost again", ["d"], ["e"]]
        assert_empty(batcher)

    asyncio.run(run())


def test_the_last_worker_of_several_is_not_risked_for_a_word_that_was_lost():
    async def run():
        batcher = queue()
        batcher.planned = 2
        dying, _ = staffed(batcher, 2)
        request = submitted(batcher, "KILLS")
        await turns()
        batch = await taken(batcher)
        batcher.unregister(dying)
        batch.retry_or_fail(BrokenError("lost"))
        other = submitted(batcher, "A")
        batch = await taken(batcher)
        assert batch.words == ["A"]
        batch.resolve(["a"])
        left = asyncio.create_task(taken(batcher))
        await turns()
        assert not left.done()
        staffed(batcher, 1)  # a successor
        batch = await taken(batcher)
        assert batch.words == ["KILLS"]
        batch.resolve(["kills"])
        assert await asyncio.gather(request, other) == [["kills"], ["a"]]
        left.cancel()
        await turns()
        assert_empty(batcher)

    asyncio.run(run())


def test_a_word_that_was_lost_still_goes_alone_where_nobody_looked_at_it():
    async def run():
        batcher = queue()
        requests = [submitted(batcher, "KILLS")]
        await turns()
        (await taken(batcher)).retry_or_fail(BrokenError("lost"))
        requests.append(submitted(batcher, "A"))
        await turns()
        batch = await taken(batcher)
        assert batch.words == ["KILLS"]
        batch.requeue()  # who took it was dead already
        for words in (["KILLS"], ["A"]):
            batch = await taken(batcher)
            assert batch.words == words
            batch.resolve([word.lower() for word in words])
        assert await asyncio.gather(*requests) == [["kills"], ["a"]]
        assert_empty(batcher)

    asyncio.run(run())


def test_words_that_no_worker_has_looked_at_come_first_and_are_not_lost():
    async def run():
        batcher = queue(max_batch=2)
        requests = [submitted(batcher, "A", "B"), submitted(batcher, "C")]
        await turns()
        for _ in range(2):  # two that were dead already
            batch = await taken(batcher)
            assert batch.words == ["A", "B"]
            batch.requeue()
        assert batcher.waiting == 3
        gone = await taken(batcher)
        requests[0].cancel()
        await turns()
        gone.requeue()
        assert batcher.waiting == 1
        async with decoding(batcher) as decoder:
            assert await requests[1] == ["c"]
            assert decoder.batches == [["C"]]
        assert_empty(batcher)

    asyncio.run(run())


def test_those_who_are_done_share_what_waits():
    async def run():
        batcher = queue(max_batch=4)

        class Quick(Hand):
            def poll(self):
                self.batch.result().resolve([word.lower() for word in self.batch.result().words])
                self.batch = asyncio.get_running_loop().create_future()
                batcher.mark_idle(self)

        hands = [Quick(), Quick()]
        for hand in hands:
            batcher.mark_idle(hand)
        first = submitted(batcher, "A", "B")
        await turns()
        assert [len(hand.batch.result().words) for hand in hands] == [1, 1]
        second = submitted(batcher, "C", "D")
        await turns()
        assert sorted(word for hand in hands for word in hand.batch.result().words) == ["C", "D"]
        batcher.poll()
        assert await asyncio.gather(first, second) == [["a", "b"], ["c", "d"]]
        assert_empty_but_free(batcher, hands)

    asyncio.run(run())


def assert_empty_but_free(batcher, hands):
    assert sorted(map(id, batcher._free)) == sorted(map(id, hands))
    for hand in hands:
        batcher.unregister(hand)
    assert_empty(batcher)


def test_words_that_nobody_waits_for_are_not_decoded_again():
    async def run():
        batcher = queue()
        request = submitted(batcher, "A", "B")
        await turns()
        batch = await taken(batcher)
        request.cancel()
        await turns()
        batch.retry_or_fail(BrokenError("lost"))
        assert_empty(batcher)

    asyncio.run(run())


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_a_request_took_is_reported():
    async def run():
        clock = Clock()
        batcher = Batcher(capacity=100, max_batch=4, weigh=len, clock=clock)
        request = asyncio.create_task(batcher.submit(["A", "B"], timeout=LONG))
        await turns()
        assert batcher.age == 0
        clock.now = 2.0
        assert batcher.age == 2
        batch = await taken(batcher)
        assert batcher.age == 0
        clock.now = 5.0
        assert batch.resolve(["a", "b"]) == 3
        answered = await request
        assert (answered.queued, answered.decoding, answered.batch) == (2, 3, 2)

    asyncio.run(run())


def test_a_deadline_that_the_pace_cannot_meet_is_refused_at_once():
    async def run():
        batcher = queue(max_batch=4)
        staffed(batcher, 2)
        batcher.latency.add(10, 20.0)  # two seconds a letter
        first = submitted(batcher, "AAAA")
        await turns()
        with pytest.raises(DeadlineError, match="1 words behind 1 that wait would take 6 s") as no:
            await ask(batcher, ["BB"], timeout=5)
        assert no.value.retry_after == pytest.approx(1)
        fits = submitted(batcher, "CC", timeout=7)
        joins = submitted(batcher, "AAAA", timeout=5)
        async with decoding(batcher):
            assert await asyncio.gather(first, fits, joins) == [["aaaa"], ["cc"], ["aaaa"]]
        batcher.latency.add(10, 1e6)
        empty = submitted(batcher, "D", timeout=5)  # whoever is first may try
        async with decoding(batcher):
            assert await empty == ["d"]

    asyncio.run(run())


def test_how_long_to_wait_for_room_follows_from_the_pace():
    async def run():
        batcher = queue(capacity=10)
        staffed(batcher, 2)
        batcher.latency.add(10, 20.0)
        kept = submitted(batcher, "A" * 8)
        await turns()
        with pytest.raises(QueueFullError) as caught:
            await ask(batcher, ["B" * 5], timeout=LONG)
        assert caught.value.retry_after == pytest.approx(3)  # three letters too many
        kept.cancel()
        await turns()
        assert_empty(batcher)

    asyncio.run(run())


def test_with_max_wait_a_worker_waits_for_company():
    async def run():
        batcher = queue(max_batch=64, max_wait=0.2)
        async with decoding(batcher) as decoder:
            first = submitted(batcher, "A")
            await asyncio.sleep(0.01)
            assert decoder.batches == []
            second = submitted(batcher, "B")
            assert await asyncio.gather(first, second) == [["a"], ["b"]]
            assert decoder.batches == [["A", "B"]]

    asyncio.run(run())


def test_max_wait_ends_when_the_batch_is_full():
    async def run():
        batcher = queue(max_batch=4, max_wait=LONG)
        async with decoding(batcher) as decoder, asyncio.timeout(LONG / 2):
            first = submitted(batcher, "A")
            await turns()
            second = submitted(batcher, "B", "C", "D")
            await asyncio.gather(first, second)
            assert decoder.batches == [["A", "B", "C", "D"]]
            assert await ask(batcher, "EFGH", timeout=LONG) == list("efgh")

    asyncio.run(run())


def test_max_wait_does_not_hold_up_what_waited_before():
    async def run():
        batcher = queue(max_batch=4, max_wait=LONG)
        request = submitted(batcher, "A")
        await turns()
        async with decoding(batcher) as decoder, asyncio.timeout(LONG / 2):
            assert await request == ["a"]
            assert decoder.batches == [["A"]]

    asyncio.run(run())


def test_max_wait_outlives_the_request_that_began_it():
    async def run():
        batcher = queue(max_batch=4, max_wait=0.05)
        async with decoding(batcher) as decoder:
            with pytest.raises(DeadlineError):
                await ask(batcher, ["A"], timeout=0.01)
            await asyncio.sleep(0.06)
            assert decoder.batches == []
            assert await ask(batcher, ["B"], timeout=LONG) == ["b"]

    asyncio.run(run())


REQUESTS = st.lists(
    st.tuples(
        st.integers(1, 7),  # words
        st.sampled_from(["wait", "wait", "same", "cancel", "deadline", "fail"]),
        st.integers(0, 4),  # turns of the event loop before the next request
        st.integers(0, 6),  # turns until it is cancelled
    ),
    max_size=25,
)


@given(
    requests=REQUESTS,
    workers=st.integers(1, 3),
    max_batch=st.integers(1, 8),
    capacity=st.integers(40, 100),
    max_wait=st.sampled_from([0.0, 0.0005]),
)
@settings(deadline=None, max_examples=60)
def test_in_a_storm_nothing_is_lost_and_nothing_is_kept(
    requests, workers, max_batch, capacity, max_wait
):
    async def request(batcher, number, size, fate, patience):
        words = [f"W{number}.{place}" for place in range(size)]
        if fate == "same":
            words = [f"SAME{place}" for place in range(size)]
        if fate == "fail":
            words[-1] = "BAD"
        task = submitted(batcher, *words, timeout=0.0005 if fate == "deadline" else LONG)
        if fate == "cancel":
            await turns(patience)
            task.cancel()
        try:
            assert await task == [word.lower() for word in words]
        except asyncio.CancelledError:
            assert fate == "cancel"
        except DeadlineError:
            assert fate == "deadline"
        except (QueueFullError, BrokenError):
            pass  # anybody may find the queue full, or share a batch with BAD

    async def run():
        faults = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        batcher = queue(capacity=capacity, max_batch=max_batch, max_wait=max_wait)
        tasks = []
        async with decoding(batcher, workers=workers) as decoder, asyncio.timeout(LONG):
            for number, (size, fate, pause, patience) in enumerate(requests):
                tasks.append(asyncio.create_task(request(batcher, number, size, fate, patience)))
                assert 0 <= batcher._letters <= capacity
                await turns(pause)
            await asyncio.gather(*tasks)
            good = [word for word in decoder.words if word.startswith("W")]
            assert len(good) == len(set(good)), "a word was decoded twice"
            assert all(1 <= len(batch) <= max_batch for batch in decoder.batches)
        assert_empty(batcher)
        gc.collect(1)
        assert not faults

    asyncio.run(run())

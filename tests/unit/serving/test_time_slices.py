import asyncio
import itertools
import time

from tanger.service.serving.time_slices import TimeSlices


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return seconds


def test_results_come_in_order():
    async def run():
        return await TimeSlices(0.001).map(lambda n: (spin(0.0005), n)[1], range(20))

    assert asyncio.run(run()) == list(range(20))


def test_short_work_does_not_wait_for_anybody():
    async def run():
        slices = TimeSlices(0.01)
        long = asyncio.create_task(slices.map(spin, [0.02] * 3))
        await asyncio.sleep(0)
        assert await slices.map(str, [1, 2]) == ["1", "2"]
        assert not long.done()
        await long

    asyncio.run(run())


def test_others_have_their_turn_however_many_take_long():
    """Between two turns of the loop lies one slice, and the first of each that has just come."""

    async def run():
        slices, turns = TimeSlices(0.002), 0
        long = [
            asyncio.create_task(slices.map(lambda _: spin(0.0005), range(40))) for _ in range(10)
        ]
        while not all(task.done() for task in long):
            await asyncio.sleep(0)
            turns += 1
        return turns

    # 10 x 40 x 0.5 ms of work in slices of at least 2 ms and at most 2.5
    assert asyncio.run(run()) >= 10 * 40 * 0.5 / 2.5 / 2


def test_one_that_is_cancelled_gives_its_turn_to_the_next():
    async def run():
        slices = TimeSlices(0.001)
        first = asyncio.create_task(slices.map(lambda _: spin(0.001), range(1000)))
        second = asyncio.create_task(slices.map(lambda n: (spin(0.001), n)[1], range(5)))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second

    assert asyncio.run(run()) == list(range(5))


def test_what_a_task_does_by_several_calls_is_one_slice():
    """Steps of a request follow each other without a pause: each would have a slice of its own."""

    async def run():
        slices, loop, worked, held = TimeSlices(0.002), asyncio.get_running_loop(), [], []

        def work(step):
            worked.append(spin(0.0005))

        def watch():
            held.append(len(worked))
            loop.call_soon(watch)

        watch()
        for _ in range(10):
            await slices.map(work, range(3))
        return max(after - before for before, after in itertools.pairwise(held))

    # Five make a slice; without more time than one, a step that has just begun may add one item
    assert asyncio.run(run()) <= 6

import asyncio

import pytest

from tanger.service.request_body import InterruptedWaitError, interrupted_by


def test_what_comes_first_counts():
    async def run():
        never = asyncio.get_running_loop().create_future()
        with interrupted_by(never):
            assert await asyncio.sleep(0, "done") == "done"
        never.set_result(None)
        await asyncio.sleep(0)  # and nobody is cancelled afterwards
        return "through"

    assert asyncio.run(run()) == "through"


@pytest.mark.parametrize("soon", [True, False])
def test_it_is_left_when_the_event_comes(soon):
    async def run():
        event = asyncio.get_running_loop().create_future()
        if soon:
            event.set_result(None)
        else:
            asyncio.get_running_loop().call_later(0.01, event.set_result, None)
        with pytest.raises(InterruptedWaitError), interrupted_by(event):
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        assert asyncio.current_task().cancelling() == 0

    asyncio.run(run())


def test_who_is_cancelled_by_others_is_cancelled():
    async def wait(event):
        with interrupted_by(event):
            await asyncio.Event().wait()

    async def run():
        event = asyncio.get_running_loop().create_future()
        for both in (False, True):
            task = asyncio.create_task(wait(event))
            await asyncio.sleep(0)
            if both:
                event.set_result(None)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_a_fault_inside_comes_through():
    async def run():
        with interrupted_by(asyncio.get_running_loop().create_future()):
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        asyncio.run(run())


def test_an_event_that_comes_as_the_wait_ends_harms_nobody():
    async def run():
        event = asyncio.get_running_loop().create_future()
        event.set_result(None)  # its callback is due in the next turn of the loop
        with interrupted_by(event):
            pass
        await asyncio.sleep(0.01)
        return "through"

    assert asyncio.run(run()) == "through"

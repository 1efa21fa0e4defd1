"""Reloads on request: none is lost to another one, and many at once are one."""

import asyncio

import pytest

from tanger.service.serving import reloading
from tanger.service.serving.reloading import ReloadBusyError, ReloadError, RequestedReloads


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch):
    monkeypatch.setattr(reloading, "_PAUSE_SECONDS", 0.001)


def run(fates, requests):
    """Request reloads, some of them during a reload; return how many reloads began."""
    begun = 0

    async def reload():
        nonlocal begun
        begun += 1
        for _ in range(requests.pop(0) if requests else 0):
            reloads.request()
        await asyncio.sleep(0)
        if fates and (fate := fates.pop(0)) is not None:
            raise fate

    async def main():
        nonlocal reloads
        reloads = RequestedReloads(reload)
        for _ in range(requests.pop(0)):
            reloads.request()
        await reloads._task

    reloads = None
    asyncio.run(main())
    return begun


@pytest.mark.parametrize(
    ("fates", "requests", "begun"),
    [
        ([None], [1], 1),
        ([None], [3], 1),
        ([None, None], [1, 2], 2),
        ([ReloadBusyError("wait"), ReloadBusyError("wait"), None], [1], 3),
        ([ReloadError("damaged")], [1], 1),
        ([ReloadError("damaged"), None], [1, 1], 2),
    ],
    ids=["one", "at once", "meanwhile", "busy", "refused", "refused and again"],
)
def test_requests_lead_to_reloads(fates, requests, begun):
    assert run(fates, requests) == begun


def test_a_request_after_a_reload_leads_to_another():
    async def main():
        begun = []

        async def reload():
            begun.append(1)

        reloads = RequestedReloads(reload)
        for _ in range(2):
            reloads.request()
            await reloads._task
        reloads.cancel()
        return len(begun)

    assert asyncio.run(main()) == 2

"""Waiting for one thing unless another comes first, without a task for either."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class InterruptedWaitError(Exception):
    """What was waited for did not come before something else did."""


@contextmanager
def interrupted_by(event: asyncio.Future[Any]) -> Iterator[None]:
    """Leave what is inside as soon as `event` is done, as `asyncio.timeout` does when time is up.

    `asyncio.wait` for two tasks does the same at several times the price.

    Raises:
        InterruptedWaitError: where it was left so.
    """
    task = asyncio.current_task()
    assert task is not None
    others = task.cancelling()
    inside, came = True, False

    def interrupt(_: asyncio.Future[Any]) -> None:
        nonlocal came
        if inside:
            came = True
            task.cancel()

    event.add_done_callback(interrupt)
    try:
        yield
    except asyncio.CancelledError as e:
        # Somebody else may have cancelled it, too
        if came and task.uncancel() <= others:
            raise InterruptedWaitError from e
        raise
    finally:
        inside = False
        event.remove_done_callback(interrupt)

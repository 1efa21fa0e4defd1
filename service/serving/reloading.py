"""Reloads on request, of which no request is lost to a reload that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

# Seconds between two looks at whether another reload is over
_PAUSE_SECONDS = 0.2


class ReloadError(Exception):
    """A reload failed; the previous model stays in use."""


class ReloadBusyError(ReloadError):
    """Another reload is under way."""


class RequestedReloads:
    """Reloads whenever it is asked to, as by a signal, once for all requests of a moment.

    A request during a reload leads to another one after it, because files that were read already
    may have changed since.
    """

    def __init__(self, reload: Callable[[], Awaitable[object]]) -> None:
        """Create it without a request.

        Args:
            reload: reloads, and logs its failures; raises `ReloadError`.
        """
        self._reload = reload
        self._requested = False
        self._task: asyncio.Task[None] | None = None

    def request(self) -> None:
        """Reload soon."""
        self._requested = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def cancel(self) -> None:
        """Forget all requests."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while self._requested:
            self._requested = False
            try:
                await self._reload()
            except ReloadBusyError:
                self._requested = True
                await asyncio.sleep(_PAUSE_SECONDS)
            except ReloadError:
                pass  # logged already

"""A response that is held in pieces and sent as its client reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tanger.service.connections.limits import SMALL


class PiecewiseResponse(Response):
    """A body of many parts, never joined: a large one takes up its own size and no more.

    The server takes the next piece when the client has read enough of those before it.
    """

    def __init__(
        self,
        parts: Iterable[bytes],
        *,
        headers: Mapping[str, str],
        media_type: str,
        reservations: ExitStack,
    ) -> None:
        """Make one with status 200.

        Args:
            parts: of the body, in order.
            headers: besides its type and length.
            media_type: its type.
            reservations: what is kept for it; closed when it is sent, or cannot be.
        """
        self._pieces = _joined(parts)
        size = sum(map(len, self._pieces))
        # Starlette's own length would be that of a body in one piece
        super().__init__(
            None, headers={**headers, "Content-Length": f"{size}"}, media_type=media_type
        )
        self._reservations = reservations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._reservations:
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            self._pieces.reverse()
            while self._pieces:
                piece = self._pieces.pop()  # sent, it is held no longer
                more = bool(self._pieces)
                await send({"type": "http.response.body", "body": piece, "more_body": more})


def _joined(parts: Iterable[bytes]) -> list[bytes]:
    """The parts in pieces of a size that is sent together; at least one."""
    pieces: list[bytes] = []
    some = bytearray()
    for part in parts:
        some += part
        if len(some) >= SMALL:
            whole = len(some) // SMALL * SMALL
            pieces += [bytes(some[first : first + SMALL]) for first in range(0, whole, SMALL)]
            del some[:whole]
    if some or not pieces:
        pieces.append(bytes(some))
    return pieces

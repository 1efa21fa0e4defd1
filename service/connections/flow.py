"""What steers the reading of a connection: how far it goes, and past offers of other protocols."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Flow(FlowControl):
    """Reads on where that is allowed, after what has been received and is not parsed yet."""

    def __init__(
        self,
        transport: asyncio.Transport,
        may_read_on: Callable[[], bool],
        resume: Callable[[], bool],
    ) -> None:
        """Steer a transport.

        Args:
            transport: of the connection.
            may_read_on: whether more may be parsed.
            resume: parses what has been received already, and resumes the transport then; false
                where nothing has.
        """
        super().__init__(transport)
        self._may_read_on = may_read_on
        self._resume = resume

    def resume_reading(self) -> None:
        """Read on."""
        if not self.read_paused or not self._may_read_on():
            return
        if self._resume():
            self.read_paused = False  # the transport stays as it is
        else:
            super().resume_reading()


class KnownHead:
    """What a parser tells to a protocol that knows of its first head already."""

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._known = True
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete

    def on_message_begin(self) -> None:
        """The next request begins."""
        if not self._known:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Its target."""
        if not self._known:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its header fields."""
        if not self._known:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is read: the known one, or the next request's."""
        if not self._known:
            self._protocol.on_headers_complete()
        self._known = False


class LingeringClose:
    """What an answer is written to where more may come than is read.

    Closed at once, the connection would be reset by what still comes, and the answer lost.
    """

    def __init__(self, transport: asyncio.Transport, leave: Callable[[], None]) -> None:
        """Write to `transport`, and call `leave` in place of closing it."""
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = leave

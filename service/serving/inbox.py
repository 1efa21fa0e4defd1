"""The connections of a decoding process: batches from several HTTP processes, decoded together.

Each HTTP process has a connection of its own (see `wire`). What lies in all of them goes into one
batch, message by message, as many as fit; each is answered to its own. An answer that its client
does not take waits here, so that nobody else waits for that client.
"""

from __future__ import annotations

import select
import socket
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tanger.service.serving import wire
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.serving.wire import Answer, DecodeBatch, DecodeRequest, FrameReader

# A message of requests has a word's few hundred bytes for each, and is of our own making.
_LONGEST_MESSAGE = 1 << 28
# Of more, Python asks the system for memory each time, which takes longer than all else here
_PIECE = 1 << 16
# Messages of the control connection have a few bytes each
_CONTROL_PIECE = 1 << 12
# Both have the same methods, and the same names of events
_Poll = select.epoll if sys.platform == "linux" else select.poll


@dataclass(eq=False, slots=True)
class _Client:
    """An HTTP process' connection."""

    socket: socket.socket
    row: int
    frames: FrameReader = field(default_factory=lambda: FrameReader(_LONGEST_MESSAGE))
    batches: deque[DecodeBatch] = field(default_factory=deque)
    unsent: bytes = b""
    open: bool = True


class Inbox:
    """Takes batches out of all connections, and answers them.

    A lone word is decoded in a fifth of a millisecond: nothing here may take long.
    """

    def __init__(
        self, control: socket.socket, counts: SharedCounts, slot: int, *, max_batch: int
    ) -> None:
        """Wait for connections.

        Args:
            control: brings them; its end is the end of all.
            counts: where batches are counted that are begun.
            slot: this process' place in them.
            max_batch: the most words to decode together, where a single message has not more.
        """
        self.closed = False
        self._control = control
        self._counts = counts
        self._slot = slot
        self._max_batch = max_batch
        self._control_frames = FrameReader(_LONGEST_MESSAGE)
        self._descriptors: deque[int] = deque()
        self._clients: dict[int, _Client] = {}
        # Those with batches, the one whose turn it is first
        self._laden: deque[_Client] = deque()
        self._taken: list[tuple[_Client, DecodeBatch]] = []
        self._poll = _Poll()
        control.setblocking(False)
        self._poll.register(control.fileno(), select.POLLIN)

    def take(self) -> list[DecodeRequest] | None:
        """What to decode next, waiting for it; None where the control connection has ended."""
        self._communicate(0 if self._laden else -1)
        while not self._laden:
            if self.closed:
                return None
            self._communicate(-1)
        if self.closed:
            return None
        self._choose()
        for client, _ in self._taken:
            self._counts.begin(client.row, self._slot)
        if len(self._taken) == 1:
            return self._taken[0][1].requests
        return [request for _, batch in self._taken for request in batch.requests]

    def answer(self, answers: Sequence[Answer]) -> None:
        """Answer what was taken last, a word each, in their order."""
        start = 0
        for client, batch in self._taken:
            end = start + len(batch.requests)
            message = wire.frame(wire.encode(answers[start:end]))
            if client.open:
                self._send(client, message)
            start = end
        self._taken.clear()

    def close(self) -> None:
        """End all connections."""
        for client in list(self._clients.values()):
            self._disconnect(client)
        self._control.close()

    def _choose(self) -> None:
        """Take from each connection in turn what fits; what is to be alone, alone."""
        words, passed = 0, 0
        laden = self._laden
        while passed < len(laden):
            client = laden.popleft()
            batch = client.batches[0]
            if self._taken and (batch.alone or words + len(batch.requests) > self._max_batch):
                passed += 1
            else:
                passed = 0
                words += len(batch.requests)
                self._taken.append((client, client.batches.popleft()))
            if client.batches:
                laden.append(client)
            if batch.alone and not passed:
                return

    def _communicate(self, milliseconds: int) -> None:
        """Receive what has come, and send what is not sent, once any of it can be."""
        for descriptor, events in self._poll.poll(milliseconds):
            client = self._clients.get(descriptor)
            if client is None:
                self._connect()
                continue
            if events & select.POLLOUT:
                self._send(client, b"")
            if events & ~select.POLLOUT and client.open:
                self._receive(client)

    def _connect(self) -> None:
        """Take a new connection."""
        piece, descriptors, _, _ = socket.recv_fds(self._control, _CONTROL_PIECE, 16)
        if not piece:
            self.closed = True
            return
        self._descriptors.extend(descriptors)
        for message in self._control_frames.feed(piece):
            connection = socket.socket(fileno=self._descriptors.popleft())
            connection.setblocking(False)
            row = wire.decode_connect(message).row
            self._clients[connection.fileno()] = _Client(connection, row)
            self._poll.register(connection.fileno(), select.POLLIN)

    def _receive(self, client: _Client) -> None:
        try:
            piece = client.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._disconnect(client)
            return
        messages = client.frames.feed(piece)
        if messages and not client.batches:
            self._laden.append(client)
        for message in messages:
            client.batches.append(wire.decode_batch(message))

    def _send(self, client: _Client, message: bytes) -> None:
        """Send a message, behind what has to go before it; what does not go now, later."""
        content = client.unsent + message if client.unsent else message
        try:
            sent = client.socket.send(content)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._disconnect(client)
            return
        waited, client.unsent = bool(client.unsent), content[sent:]
        if bool(client.unsent) != waited:
            wanted = select.POLLIN | (select.POLLOUT if client.unsent else 0)
            self._poll.modify(client.socket.fileno(), wanted)

    def _disconnect(self, client: _Client) -> None:
        """Forget who has ended, and what nobody waits for any more."""
        descriptor = client.socket.fileno()
        del self._clients[descriptor]
        self._poll.unregister(descriptor)
        client.socket.close()
        client.open = False
        if client.batches:
            client.batches.clear()
            self._laden.remove(client)

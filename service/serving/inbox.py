"""The connections of a decoding process: batches from several HTTP processes, decoded together.

Each HTTP process has its own connection (see `wire`). The messages that have arrived on all of them
are merged into one batch, as many as fit, and answered on their connections. Answers that a client
does not read are buffered here, so that no other client is delayed.
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

# Most bytes of a message of requests, which has a few hundred bytes per word
_LONGEST_MESSAGE = 1 << 28
# Bytes of one read; for larger buffers, Python allocates from the system each time, which is slow
_PIECE = 1 << 16
# Bytes of one read from the control connection, whose messages are small
_CONTROL_PIECE = 1 << 12
# Both have the same methods and event constants
_Poll = select.epoll if sys.platform == "linux" else select.poll


@dataclass(eq=False, slots=True)
class _Client:
    """The connection of an HTTP process."""

    socket: socket.socket
    row: int
    frames: FrameReader = field(default_factory=lambda: FrameReader(_LONGEST_MESSAGE))
    batches: deque[DecodeBatch] = field(default_factory=deque)
    unsent: bytes = b""
    open: bool = True


class Inbox:
    """Receives batches from all connections, and sends their answers.

    Its overhead has to be small, since a single word is decoded in a fifth of a millisecond.
    """

    def __init__(
        self, control: socket.socket, counts: SharedCounts, slot: int, *, max_batch: int
    ) -> None:
        """Start to listen for connections.

        Args:
            control: brings the connections; this process stops when it is closed.
            counts: shared counts, in which started batches are counted.
            slot: this process's slot in them.
            max_batch: most words to decode together, unless a single message has more.
        """
        self.closed = False
        self._control = control
        self._counts = counts
        self._slot = slot
        self._max_batch = max_batch
        self._control_frames = FrameReader(_LONGEST_MESSAGE)
        self._descriptors: deque[int] = deque()
        self._clients: dict[int, _Client] = {}
        # Clients with pending batches, in order of their turns
        self._laden: deque[_Client] = deque()
        self._taken: list[tuple[_Client, DecodeBatch]] = []
        self._poll = _Poll()
        control.setblocking(False)
        self._poll.register(control.fileno(), select.POLLIN)

    def take(self) -> list[DecodeRequest] | None:
        """Wait for the next batch; return None if the control connection was closed."""
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
        """Send the answers to the last batch, one per word, in order."""
        start = 0
        for client, batch in self._taken:
            end = start + len(batch.requests)
            message = wire.frame(wire.encode(answers[start:end]))
            if client.open:
                self._send(client, message)
            start = end
        self._taken.clear()

    def close(self) -> None:
        """Close all connections."""
        for client in list(self._clients.values()):
            self._disconnect(client)
        self._control.close()

    def _choose(self) -> None:
        """Select messages that fit from each connection in turn; `alone` ones by themselves."""
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
        """Wait until data can be received or sent, and do so."""
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
        """Accept a new connection."""
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
        """Send a message, buffering what cannot be sent now."""
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
        """Remove a client that has ended, and its pending batches."""
        descriptor = client.socket.fileno()
        del self._clients[descriptor]
        self._poll.unregister(descriptor)
        client.socket.close()
        client.open = False
        if client.batches:
            client.batches.clear()
            self._laden.remove(client)

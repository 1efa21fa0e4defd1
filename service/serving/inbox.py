"""The connections of a decoding process: batches from several HTTP processes, decoded together.

Each HTTP process has a connection of its own (see `wire`). What lies in all of them goes into one
batch, message by message, as many as fit; each is answered to its own. An answer that its client
does not take waits here, so that nobody else waits for that client.
"""

from __future__ import annotations

import selectors
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tanger.service.serving import wire
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.serving.wire import Answer, DecodeBatch, DecodeRequest, FrameReader

# A message of requests has a word's few hundred bytes for each, and is of our own making.
_LONGEST_MESSAGE = 1 << 28
_PIECE = 1 << 18
# Messages of the control connection have a few bytes each
_CONTROL_PIECE = 1 << 12


@dataclass(eq=False)
class _Client:
    """An HTTP process' connection."""

    socket: socket.socket
    row: int
    frames: FrameReader = field(default_factory=lambda: FrameReader(_LONGEST_MESSAGE))
    batches: deque[DecodeBatch] = field(default_factory=deque)
    unsent: bytearray = field(default_factory=bytearray)


class Inbox:
    """Takes batches out of all connections, and answers them."""

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
        # The one whose turn it is first comes first
        self._clients: deque[_Client] = deque()
        self._taken: list[tuple[_Client, DecodeBatch]] = []
        self._selector = selectors.DefaultSelector()
        control.setblocking(False)
        self._selector.register(control, selectors.EVENT_READ)

    def take(self) -> list[DecodeRequest] | None:
        """What to decode next, waiting for it; None where the control connection has ended."""
        waiting = any(client.batches for client in self._clients)
        while True:
            self._communicate(None if not waiting else 0)
            if self.closed:
                return None
            if any(client.batches for client in self._clients):
                break
        self._clients.rotate(-1)
        self._choose()
        for client, _ in self._taken:
            self._counts.begin(client.row, self._slot)
        return [request for _, batch in self._taken for request in batch.requests]

    def answer(self, answers: Sequence[Answer]) -> None:
        """Answer what was taken last, a word each, in their order."""
        start = 0
        for client, batch in self._taken:
            end = start + len(batch.requests)
            client.unsent += wire.frame(wire.encode(answers[start:end]))
            self._send(client)
            start = end
        self._taken = []

    def _choose(self) -> None:
        """Take from each connection in turn what fits; what is to be alone, alone."""
        words = 0
        chosen = True
        while chosen:
            chosen = False
            for client in self._clients:
                if not client.batches:
                    continue
                batch = client.batches[0]
                size = len(batch.requests)
                if self._taken and (batch.alone or words + size > self._max_batch):
                    continue
                self._taken.append((client, client.batches.popleft()))
                if batch.alone:
                    return
                words += size
                chosen = True

    def _communicate(self, seconds: float | None) -> None:
        """Receive what has come, and send what is not sent, once any of it can be."""
        for key, events in self._selector.select(seconds):
            client: _Client | None = key.data
            if client is None:
                self._connect()
                continue
            if events & selectors.EVENT_WRITE:
                self._send(client)
            if events & selectors.EVENT_READ:
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
            client = _Client(connection, wire.decode_connect(message).row)
            self._clients.append(client)
            self._selector.register(connection, selectors.EVENT_READ, client)

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
        client.batches.extend(map(wire.decode_batch, client.frames.feed(piece)))

    def _send(self, client: _Client) -> None:
        if client not in self._clients:
            return
        try:
            sent = client.socket.send(client.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._disconnect(client)
            return
        del client.unsent[:sent]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        if self._selector.get_key(client.socket).events != wanted:
            self._selector.modify(client.socket, wanted, client)

    def _disconnect(self, client: _Client) -> None:
        """Forget who has ended, and what nobody waits for any more."""
        if client in self._clients:
            self._clients.remove(client)
            self._selector.unregister(client.socket)
            client.socket.close()

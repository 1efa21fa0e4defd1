"""Counts that the processes of a service share: an array in shared memory, one row per client.

A client is an HTTP process. It writes the letters waiting in its queue and the words that it has
given to each worker; a worker writes how many of a client's batches it has begun. Each cell has one
writer, so no locks are needed. Admission reads the sum over all rows; processes that admit within
the same microseconds may miss each other's words.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from collections import deque

# Slots for workers: of two models during a reload, and for a while of lost workers
SLOTS = 1024
_BYTES = 8
# Cells of a row: waiting letters, then two for each slot
_WIDTH = 1 + 2 * SLOTS


class SharedCounts:
    """The shared array, as opened in one process.

    Attributes:
        descriptor: of the memory, for child processes to inherit.
        rows: most clients.
    """

    def __init__(self, rows: int, descriptor: int | None = None) -> None:
        """Create an array of zeros, or open that of a descriptor."""
        size = rows * _WIDTH * _BYTES
        if descriptor is None:
            descriptor = memory("tanger-counts")
            os.ftruncate(descriptor, size)
        self.rows = rows
        self.descriptor = descriptor
        self._cells = memoryview(mmap.mmap(descriptor, size)).cast("q")
        # The slot that has been free longest is reused first: by then, all clients know that its
        # last worker is lost
        self._free = deque(range(SLOTS))

    def client(self, row: int) -> ClientCounts:
        """Return one client's view of the array."""
        return ClientCounts(self._cells, row)

    def begin(self, row: int, slot: int) -> None:
        """Count a batch of a client as begun by the worker of a slot."""
        self._cells[row * _WIDTH + 2 + 2 * slot] += 1

    def clear_row(self, row: int) -> None:
        """Clear the row of a client that has ended."""
        for column in range(_WIDTH):
            self._cells[row * _WIDTH + column] = 0

    def take_slot(self) -> int:
        """Return a cleared slot for a worker; only for the process that created the array."""
        slot = self._free.popleft()
        for row in range(self.rows):
            self._cells[row * _WIDTH + 1 + 2 * slot] = 0
            self._cells[row * _WIDTH + 2 + 2 * slot] = 0
        return slot

    def free_slot(self, slot: int) -> None:
        """Release the slot of a worker that has ended."""
        self._free.append(slot)


class ClientCounts:
    """One client's row, and sums over the others'."""

    def __init__(self, cells: memoryview, row: int) -> None:
        self.row = row
        self._cells = cells
        self._start = row * _WIDTH

    @property
    def waiting(self) -> int:
        """Return the letters waiting in this client's queue."""
        return self._cells[self._start]

    @waiting.setter
    def waiting(self, letters: int) -> None:
        self._cells[self._start] = letters

    @property
    def waiting_in_all(self) -> int:
        """Return the letters waiting in the queues of all clients."""
        return sum(self._cells[::_WIDTH])

    def hold(self, slot: int, words: int) -> None:
        """Set how many words of this client a worker has."""
        self._cells[self._start + 1 + 2 * slot] = words

    def held(self, slot: int) -> int:
        """Return the number of words of all clients that a worker has."""
        return sum(self._cells[1 + 2 * slot :: _WIDTH])

    def begun(self, slot: int) -> int:
        """Return the number of this client's batches that a worker has begun."""
        return self._cells[self._start + 2 + 2 * slot]


def memory(name: str) -> int:
    """Return the descriptor of an empty anonymous file, which child processes can inherit.

    Args:
        name: shown by the system.
    """
    if sys.platform == "linux":
        return os.memfd_create(name)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())

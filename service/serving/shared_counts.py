"""Counts that several processes of a service see: an array in shared memory, a row a client.

A client is an HTTP process: it writes what waits in its queue and what it has given to each worker;
a worker writes how many of a client's batches it has begun. Each cell has one writer, so that
nothing is locked. Admission reads the sum over all rows: of several processes that admit within the
same microseconds each may count the others' words too late.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from collections import deque

# Places for workers: those of two models during a reload, and of lost ones for a while
SLOTS = 1024
_BYTES = 8
# Cells of a row: letters that wait, then two for each slot
_WIDTH = 1 + 2 * SLOTS


class SharedCounts:
    """The array, in every process that has its descriptor.

    Attributes:
        descriptor: of its memory, for processes that are started.
        rows: how many clients there may be.
    """

    def __init__(self, rows: int, descriptor: int | None = None) -> None:
        """Make an array of zeros, or open the one of a descriptor."""
        size = rows * _WIDTH * _BYTES
        if descriptor is None:
            descriptor = _memory()
            os.ftruncate(descriptor, size)
        self.rows = rows
        self.descriptor = descriptor
        self._cells = memoryview(mmap.mmap(descriptor, size)).cast("q")
        # The slot that is free for the longest time goes first: who still believes in its last
        # worker has long been told of the loss
        self._free = deque(range(SLOTS))

    def client(self, row: int) -> ClientCounts:
        """What one client reads and writes."""
        return ClientCounts(self._cells, row)

    def begin(self, row: int, slot: int) -> None:
        """Count a batch of a client as begun by the worker of a slot."""
        self._cells[row * _WIDTH + 2 + 2 * slot] += 1

    def clear_row(self, row: int) -> None:
        """Forget a client that has ended."""
        for column in range(_WIDTH):
            self._cells[row * _WIDTH + column] = 0

    def take_slot(self) -> int:
        """A place for a worker, empty; only the process that made the array gives them."""
        slot = self._free.popleft()
        for row in range(self.rows):
            self._cells[row * _WIDTH + 1 + 2 * slot] = 0
            self._cells[row * _WIDTH + 2 + 2 * slot] = 0
        return slot

    def free_slot(self, slot: int) -> None:
        """Give the place of a worker back that has ended."""
        self._free.append(slot)


class ClientCounts:
    """One client's row, and its view of the others'."""

    def __init__(self, cells: memoryview, row: int) -> None:
        self.row = row
        self._cells = cells
        self._start = row * _WIDTH

    @property
    def waiting(self) -> int:
        """Letters that wait in this client's queue."""
        return self._cells[self._start]

    @waiting.setter
    def waiting(self, letters: int) -> None:
        self._cells[self._start] = letters

    @property
    def waiting_in_all(self) -> int:
        """Letters that wait in the queues of all clients."""
        return sum(self._cells[::_WIDTH])

    def hold(self, slot: int, words: int) -> None:
        """Note how many words of this client a worker has."""
        self._cells[self._start + 1 + 2 * slot] = words

    def held(self, slot: int) -> int:
        """Words that a worker has, of all clients."""
        return sum(self._cells[1 + 2 * slot :: _WIDTH])

    def begun(self, slot: int) -> int:
        """Batches of this client that a worker has begun since it started."""
        return self._cells[self._start + 2 + 2 * slot]


def _memory() -> int:
    """The descriptor of an empty file that is nowhere else."""
    if sys.platform == "linux":
        return os.memfd_create("tanger-counts")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())

"""Advisory locks, so that two commands do not write the same result at the same time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tanger.model import TangerError


class LockedError(TangerError, RuntimeError):
    """Another process is at work on the same result.

    Attributes:
        path: what it works on.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is being written by another process: wait for it, or stop it")
        self.path = path


def acquire(descriptor: int, path: Path) -> None:
    """Lock an open file or folder until it is closed; a killed process holds no lock.

    Raises:
        LockedError: where another process holds it; the message names `path`.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        raise LockedError(path) from e


@contextmanager
def folder(path: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        LockedError: where another process holds it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        acquire(descriptor, path)
        yield
    finally:
        os.close(descriptor)

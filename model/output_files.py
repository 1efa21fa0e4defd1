"""Atomic replacement of output files, and locks against concurrent writers."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tanger.model import TangerError


class LockedError(TangerError, RuntimeError):
    """Another process is writing the same output.

    Attributes:
        path: the locked file or folder.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is being written by another process: wait for it, or stop it")
        self.path = path


def replace_file(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file atomically: at any time it is either the whole old file or the whole new one.

    A pipe or device is written to directly. A symbolic link is followed and stays a link.

    Args:
        path: the file.
        content: its content, whole or in pieces.

    Raises:
        OSError: if it cannot be written; the old file is unchanged.
    """
    target = path.resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    if target.exists() and not target.is_file():
        write_durably(target, content)
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write_durably(temporary, content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_durably(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file and flush it to the disk.

    Raises:
        OSError: if it cannot be written.
    """
    with path.open("wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)
        file.flush()
        if path.is_file():
            os.fsync(file.fileno())


def lock_file(descriptor: int, path: Path) -> None:
    """Lock an open file or folder until it is closed or the process ends.

    The lock is advisory: it only excludes processes that take it too.

    Raises:
        LockedError: if another process holds the lock; the message names `path`.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        raise LockedError(path) from e


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        LockedError: if another process holds the lock.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock_file(descriptor, path)
        yield
    finally:
        os.close(descriptor)

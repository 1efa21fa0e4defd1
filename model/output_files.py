"""Output that is written whole or not at all, by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tanger.model import TangerError


class LockedError(TangerError, RuntimeError):
    """Another process is at work on the same output.

    Attributes:
        path: what it works on.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is being written by another process: wait for it, or stop it")
        self.path = path


def replace_file(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that it is at every moment either the old one or the new one, whole.

    A pipe or a device is written through, never replaced; a symbolic link stays one.

    Args:
        path: the file.
        content: of the file, or its pieces.

    Raises:
        OSError: where it cannot be written; the old file still stands.
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
    """Write a file, and wait until it is on the disk.

    Raises:
        OSError: where it cannot be written.
    """
    with path.open("wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)
        file.flush()
        if path.is_file():
            os.fsync(file.fileno())


def lock_file(descriptor: int, path: Path) -> None:
    """Lock an open file or folder until it is closed; a killed process holds no lock.

    The lock is advisory: it keeps out only those who ask for it.

    Raises:
        LockedError: where another process holds it; the message names `path`.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        raise LockedError(path) from e


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        LockedError: where another process holds it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock_file(descriptor, path)
        yield
    finally:
        os.close(descriptor)

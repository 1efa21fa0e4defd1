"""Atomic replacement of output files and folders, checksums, locks against concurrent writers."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tanger.model import TangerError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


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


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class EditionError(TangerError, ValueError):
    """A source file is not of the required edition.

    Attributes:
        path: the file.
        expected, found: SHA-256; the first digits alone may be expected.
    """

    def __init__(self, path: Path, *, expected: str, found: str, origin: str) -> None:
        super().__init__(
            f"{path} is another edition: its sha256 is {found[:12]}..., not {expected[:12]}...; "
            f"it has to be {origin}"
        )
        self.path = path
        self.expected = expected
        self.found = found


def edition_sha256(path: Path, expected: str | None, *, origin: str) -> str:
    """Return the SHA-256 of a source file, in hexadecimal.

    Args:
        path: the file.
        expected: its SHA-256, or the first digits of it; None for any edition.
        origin: where the right edition comes from, for the message.

    Raises:
        EditionError: if it is another edition.
        OSError: if it cannot be read.
    """
    found = file_sha256(path)
    if expected is not None and not found.startswith(expected):
        raise EditionError(path, expected=expected, found=found, origin=origin)
    return found


def replace_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder atomically: at any time it is the whole old folder or the whole new one.

    (If the system cannot swap two folders in one step, `path` does not exist for a moment.)

    Args:
        path: the folder; its parent exists.
        files: contents by file name; nothing else of an old folder is kept.

    Raises:
        OSError: if it cannot be written; the old folder is unchanged.
    """
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        temporary.chmod(0o755)
        for file, content in files.items():
            write_durably(temporary / file, content)
        _swap_in(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap_in(temporary: Path, path: Path) -> None:
    """Rename the folder `temporary` to `path`; an existing folder at `path` is swapped with it."""
    if not path.exists():
        temporary.rename(path)
        return
    # Python does not wrap renameat2(2), the system call that swaps two folders in one step.
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (_AT_FDCWD, bytes(temporary), _AT_FDCWD, bytes(path), _RENAME_EXCHANGE)
    if hasattr(libc, "renameat2") and libc.renameat2(*arguments) == 0:
        return
    # This system or file system lacks renameat2: rename in two steps, keeping the old folder
    # complete under another name.
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old)


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

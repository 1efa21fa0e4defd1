"""Errors of the user lexicon, and their mapping from SQLite and operating system errors."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from tanger.model import TangerError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_FULL = "no room on the disk: nothing was changed; free some space and send it again"
# Advice for the operator, by SQLite's primary result code (sqlite.org/rescode.html)
_REMEDIES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: "the disk fails or is full: nothing was changed; see the system's log",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only: make both writable",
    sqlite3.SQLITE_PERM: "permission is missing: make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "the file or its folder is missing or cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: stop the service and restore a copy of it",
    sqlite3.SQLITE_NOTADB: "the file is damaged: stop the service and restore a copy of it",
}


class UserLexiconError(TangerError):
    """The user lexicon cannot be opened, read or written."""


class UserLexiconBusyError(UserLexiconError):
    """Another program or a long write has locked the user lexicon; nothing was changed."""


class UserLexiconStorageError(UserLexiconError):
    """The file or disk of the user lexicon failed; nothing was changed.

    Attributes:
        retry_after: seconds until a client should retry; long, since an operator has to act first.
    """

    retry_after = 10.0


class NoEntryError(Exception):
    """The word is not in the user lexicon."""

    def __init__(self, word: str) -> None:
        super().__init__(f"{word[:80]!r} is not in the user lexicon: PUT it there")


def file_error(path: Path, action: str, cause: sqlite3.Error | OSError) -> UserLexiconError:
    """Return the error to raise for an exception of SQLite or of the operating system.

    Args:
        path: file of the user lexicon.
        action: what failed, as a participle: "opened", "read", "written" or "exported".
        cause: the exception that was raised.
    """
    message = f"{path}: the user lexicon cannot be {action}: {cause}"
    if isinstance(cause, OSError):
        if cause.errno in _NO_ROOM:
            message += f" ({_FULL})"
        elif cause.errno in _READ_ONLY:
            message += f" ({_REMEDIES[sqlite3.SQLITE_READONLY]})"
        return UserLexiconStorageError(message)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return UserLexiconBusyError(f"{message} (another program holds the file: try again)")
    if code in _REMEDIES:
        return UserLexiconStorageError(f"{message} ({_REMEDIES[code]})")
    return UserLexiconError(message)

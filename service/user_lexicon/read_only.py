"""A read-only user lexicon, such as the copy of the file that each replica has.

The file may be on a read-only volume, where SQLite can create neither locks nor shared memory.
It is therefore opened as immutable (``immutable=1``, sqlite.org/uri.html).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from tanger.service.user_lexicon.errors import UserLexiconError
from tanger.service.user_lexicon.languages import check_language
from tanger.service.user_lexicon.store import UserLexicon


class ReadOnlyLexiconError(Exception):
    """The user lexicon is read-only in this service."""

    def __init__(self) -> None:
        super().__init__(
            "the user lexicon is read-only here (TANGER_USER_LEXICON_READ_ONLY), and nothing was "
            "changed: send this to the service that owns the file, and roll its copy out"
        )


class ReadOnlyLexicon(UserLexicon):
    """The entries of a file that must not change while it is open; a new file needs a restart."""

    def __init__(self, path: Path, language: str | None = None) -> None:
        """Open the file read-only.

        Raises:
            UserLexiconError: if it cannot be opened, is not a user lexicon, or is incomplete.
        """
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise UserLexiconError(
                f"{path}: a part of the user lexicon is still in {log.name}, which is not read "
                f"here: make a whole copy of it with sqlite3 {path.name} \"VACUUM INTO 'copy.db'\""
            )
        super().__init__(path, language)
        self.scratch = None

    def _connect(self, seconds: float) -> sqlite3.Connection:
        uri = f"file:{quote(str(self.path))}?mode=ro&immutable=1"
        return sqlite3.connect(
            uri, uri=True, timeout=seconds, isolation_level=None, check_same_thread=False
        )

    def _prepare(self) -> None:
        if not self._tables():
            raise UserLexiconError(f"{self.path} is empty: it is no user lexicon")
        if self.language is not None:
            check_language(self._writer, self.path, self.language)

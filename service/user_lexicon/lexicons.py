"""The user lexicons of all languages: a file for each, opened when it is first needed.

The file of the setting is that of the default language; those of others stand beside it (see
`languages.language_path`).
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from tanger.model.language_tags import UNDETERMINED
from tanger.service.user_lexicon.languages import language_path
from tanger.service.user_lexicon.read_only import ReadOnlyLexicon
from tanger.service.user_lexicon.store import UserLexicon


class UserLexicons:
    """User lexicons by language.

    Attributes:
        first: that of the default language; None if there are no user lexicons.
    """

    def __init__(self, path: Path | None, *, first: str, read_only: bool = False) -> None:
        """Open the lexicon of the default language, or create it.

        Args:
            path: its file; None for no user lexicons.
            first: tag of the default language.
            read_only: whether files are only read, and none is created.

        Raises:
            UserLexiconError: if it cannot be opened.
        """
        self._path = path
        self._first = first
        self._read_only = read_only
        self._opened: dict[str, UserLexicon] = {}
        self._opening = Lock()
        self.first = self.of(first)

    def of(self, code: str) -> UserLexicon | None:
        """Return the lexicon of a language, opening it if necessary; None if there is none.

        Any thread may call it; opening reads, and may create, a file.

        Args:
            code: tag of the language.

        Raises:
            UserLexiconError: if it cannot be opened.
        """
        if self._path is None:
            return None
        with self._opening:
            if (found := self._opened.get(code)) is None:
                path = self._path if code == self._first else language_path(self._path, code)
                if self._read_only and code != self._first and not path.exists():
                    return None
                kind = ReadOnlyLexicon if self._read_only else UserLexicon
                found = kind(path, None if code == UNDETERMINED else code)
                self._opened[code] = found
            return found

    def close(self) -> None:
        """Finish pending writes and close all files."""
        for each in self._opened.values():
            each.close()

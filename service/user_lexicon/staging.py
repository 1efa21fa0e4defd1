"""A temporary file for the entries of an import until all of them have been received."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress

from tanger.model.lexicon import Row
from tanger.model.lexicon.index import format_variant, lexicon_key, tidied
from tanger.service.user_lexicon.store import UserLexicon


class Staged:
    """Entries of an import in a temporary file, so that they take neither memory nor a lock."""

    def __init__(self, store: UserLexicon) -> None:
        """Create an empty file in the folder of the lexicon, which is known to be writable.

        Raises:
            UserLexiconError: if the file cannot be created.
        """
        self._store = store
        self.entries = 0
        with store.file_errors("written"):
            self._file = tempfile.TemporaryFile(  # noqa: SIM115  # until `close`
                "w+", dir=store.path.parent, prefix=".import-", encoding="utf-8", newline="\n"
            )

    def add(self, row: Row) -> None:
        """Add an entry; its word must not contain a tab or a line feed.

        Raises:
            UserLexiconError: if the disk is full.
        """
        with self._store.file_errors("written"):
            word = row.entry.word
            self._file.write(
                f"{lexicon_key(word)}\t{tidied(word)}\t{format_variant(row.variant)}\n"
            )
        self.entries += 1

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield key, word and variant (a line) of each entry."""
        self._file.seek(0)
        for line in self._file:
            key, word, variant = line.rstrip("\n").split("\t", 2)
            yield key, word, variant

    def close(self) -> None:
        """Delete the entries and the file."""
        # Closing flushes what could not be written to a full disk, and fails again
        with suppress(OSError):
            self._file.close()

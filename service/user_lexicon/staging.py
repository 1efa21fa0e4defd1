"""Entries on their way into the user lexicon, in a file until all of them are there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress

from tanger.model.lexicon import Row
from tanger.model.lexicon.index import lexicon_key, packed, tidied
from tanger.service.user_lexicon.store import UserLexicon


class Staged:
    """Entries on their way into a user lexicon, in a file: they need no memory and no lock."""

    def __init__(self, store: UserLexicon) -> None:
        """Make an empty one, beside the lexicon: where it is, there may be written.

        Raises:
            UserLexiconError: where not.
        """
        self._store = store
        self.entries = 0
        with store.file_errors("written"):
            self._file = tempfile.TemporaryFile(  # noqa: SIM115  # until `close`
                "w+", dir=store.path.parent, prefix=".import-", encoding="utf-8", newline="\n"
            )

    def add(self, row: Row) -> None:
        """Add one, whose word has no tab and no line feed in it.

        Raises:
            UserLexiconError: where there is no room.
        """
        with self._store.file_errors("written"):
            word = row.entry.word
            self._file.write(f"{lexicon_key(word)}\t{tidied(word)}\t{packed(row.variant)}\n")
        self.entries += 1

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Key, word and variant of each."""
        self._file.seek(0)
        for line in self._file:
            key, word, variant = line.rstrip("\n").split("\t", 2)
            yield key, word, variant

    def close(self) -> None:
        """Forget them."""
        # What a full disk did not take is written once more before the file is closed
        with suppress(OSError):
            self._file.close()

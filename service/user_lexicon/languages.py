"""The language of a user lexicon: each has a file of its own, which records it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tanger.service.user_lexicon.errors import UserLexiconError

# Not part of the schema: files from before languages lack it, and belong to whoever opens them
_TABLE = "CREATE TABLE IF NOT EXISTS language (code TEXT NOT NULL)"


class OtherLanguageError(UserLexiconError):
    """A user lexicon was opened for another language than that of its entries.

    Attributes:
        recorded: the language of its entries.
        wanted: the language that it was opened for.
    """

    def __init__(self, path: Path, recorded: str, wanted: str) -> None:
        super().__init__(
            f"{path} holds entries of the language {recorded}, not of {wanted}: name another file "
            "in TANGER_USER_LEXICON, or put the languages of TANGER_ARTIFACTS into their old order"
        )
        self.recorded = recorded
        self.wanted = wanted


def language_path(path: Path, code: str) -> Path:
    """Return the file of a further language, beside that of the first: ``lexicon.de.sqlite``."""
    return path.with_name(f"{path.stem}.{code.lower()}{path.suffix}")


def check_language(connection: sqlite3.Connection, path: Path, wanted: str) -> bool:
    """Return whether a file records its language.

    Raises:
        OtherLanguageError: if it records another than `wanted`.
    """
    found = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'language'"
    ).fetchone()
    row = connection.execute("SELECT code FROM language").fetchone() if found[0] else None
    if row is not None and row[0].lower() != wanted.lower():
        raise OtherLanguageError(path, row[0], wanted)
    return row is not None


def record_language(connection: sqlite3.Connection, path: Path, code: str) -> None:
    """Record the language of a file that has none yet; call it in a transaction.

    Raises:
        OtherLanguageError: see `check_language`.
    """
    if not check_language(connection, path, code):
        connection.execute(_TABLE)
        connection.execute("INSERT INTO language VALUES (?)", (code,))

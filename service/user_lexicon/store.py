"""The user lexicon: pronunciations that users have entered, in SQLite.

The file is never accessed on the event loop, since another program may have locked it and a disk
may stall. Reads share one thread and one connection, writes another; an acknowledged write
survives a loss of power. Both have a deadline, after which a request is refused as busy.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

from tanger.model import TangerError
from tanger.model.lexicon import Entry, LexiconFormat, Row, Variant, lines_of
from tanger.model.lexicon.index import (
    Found,
    SpelledVariant,
    choose,
    format_variant,
    lexicon_key,
    parse_variant,
    tidied,
)
from tanger.model.lexicon.phrases import Phrases
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.service.user_lexicon.errors import (
    UserLexiconBusyError,
    UserLexiconError,
    UserLexiconStorageError,
    file_error,
)
from tanger.service.user_lexicon.languages import record_language

T = TypeVar("T")

log = logging.getLogger("tanger")

# SQLite application_id, "tnge": identifies files of the user lexicon
_APPLICATION = 0x746E6765
_VERSION = 2  # version 1 had phonemes only, which version 2 reads unchanged
# Most bytes of all pronunciations of a word together
LONGEST = 16384
_SCHEMA = f"""
CREATE TABLE entries (
    key TEXT NOT NULL,            -- model.lexicon.index.lexicon_key(word)
    word TEXT NOT NULL,
    pronunciations TEXT NOT NULL  -- a line each, in order (model.lexicon.index.format_variant)
        CHECK (length(pronunciations) <= {LONGEST}),
    PRIMARY KEY (key, word)
) WITHOUT ROWID;
CREATE TABLE state (revision TEXT NOT NULL);
INSERT INTO state VALUES (lower(hex(randomblob(8))));
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""
_ADD = """
INSERT INTO entries VALUES (?, ?, ?)
ON CONFLICT (key, word) DO UPDATE
    SET pronunciations = pronunciations || char(10) || excluded.pronunciations
    WHERE NOT instr(char(10) || pronunciations || char(10),
                    char(10) || excluded.pronunciations || char(10))
"""
_PHRASES = "SELECT DISTINCT key FROM entries WHERE key GLOB '*[^a-z'']*'"
# Seconds that a statement waits for another program's lock
_READ_LOCK_SECONDS = 1.0
# Seconds that a read may take, including its wait for other reads
_READ_SECONDS = 2.0
# Seconds that a write waits for its turn and for the lock by default
_WRITE_SECONDS = 10.0


class FullEntryError(TangerError):
    """The pronunciations of a word together exceed the size limit of an entry."""

    def __init__(self, word: str) -> None:
        super().__init__(f"{word!r} has more pronunciations than an entry can hold")
        self.word = word


class UserLexicon:
    """A store of entries by `lexicon_key`. Several processes may open the same file."""

    def __init__(self, path: Path, language: str | None = None) -> None:
        """Open the file, or create it; `language` is the tag of its entries, if that is known.

        Raises:
            UserLexiconError: if that fails, or the file is not a user lexicon of the language.
        """
        self.path, self.language = path, language
        # Folder for the temporary files of exports; None for the system's default
        self.scratch: Path | None = path.parent
        with self.file_errors("opened"):
            self._writer = self._connect(_WRITE_SECONDS)
            self._prepare()
            self._reader = self._connect(_READ_LOCK_SECONDS)
            self._file_id = _file_id(path)
        self._phrases = "", Phrases(())
        self._writing = ThreadPoolExecutor(1, "user-lexicon-write")
        self._reading = ThreadPoolExecutor(1, "user-lexicon-read")

    def close(self) -> None:
        """Finish pending writes and close the file."""
        self._writing.shutdown()
        self._reading.shutdown(cancel_futures=True)
        self._reader.close()
        self._writer.close()

    # Reading: except for `read` itself, these methods run in the read thread

    async def read(self, read: Callable[[], T], *, timeout: float = _READ_SECONDS) -> T:
        """Call `read`, which uses the methods of this section, in the read thread.

        Args:
            read: a function whose result is returned.
            timeout: seconds to wait for the result.

        Raises:
            UserLexiconBusyError: if `timeout` expires; also if it is not above 0.
            UserLexiconError: if the file cannot be read.
        """
        timeout = min(max(timeout, 0.0), _READ_SECONDS)
        future = self._reading.submit(read)
        waiting = asyncio.wrap_future(future)
        try:
            done, _ = await asyncio.wait({waiting}, timeout=timeout)
        finally:
            waiting.cancel()  # if it has not started, it never will
        if not done:
            raise UserLexiconBusyError(
                f"{self.path}: the user lexicon could not be read within {timeout:g} s: try again"
            )
        return waiting.result()

    def revision(self) -> str:
        """Return a string that changes with every write.

        Raises:
            UserLexiconError: if the file cannot be read.
        """
        with self.file_errors("read"):
            row = self._reader.execute("SELECT revision FROM state").fetchone()
        if row is None:
            raise UserLexiconStorageError(
                f"{self.path}: the user lexicon cannot be read: its state is missing "
                "(the file is damaged: stop the service and restore a copy of it)"
            )
        return str(row[0])

    def get(self, word: str) -> Found | None:
        """Look up a word as requests do; return None if there is no entry.

        Raises:
            UserLexiconError: if the file cannot be read.
        """
        entries = self.find([lexicon_key(word)])
        return choose(tidied(word), *entries.values()) if entries else None

    def phrases(self) -> Phrases:
        """Return the words that contain other characters than letters, as of the last write.

        Raises:
            UserLexiconError: if the file cannot be read.
        """
        revision = self.revision()
        if self._phrases[0] != revision:
            with self.file_errors("read"):
                keys = self._reader.execute(_PHRASES)
                self._phrases = revision, Phrases(key for (key,) in keys)
        return self._phrases[1]

    def find(self, keys: Collection[str]) -> dict[str, list[SpelledVariant]]:
        """Return the entries with these keys, by key.

        Raises:
            UserLexiconError: if the file cannot be read.
        """
        found: dict[str, list[SpelledVariant]] = {}
        wanted = json.dumps([key for key in keys if "\0" not in key])
        with self.file_errors("read"):
            rows = self._reader.execute(
                "SELECT key, word, pronunciations FROM entries "
                "WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key, word",
                (wanted,),
            )
            for key, word, lines in rows:
                found.setdefault(key, []).extend(_entries(word, lines))
        return found

    def export(self, format: LexiconFormat, inventory: Inventory, alphabet: Alphabet) -> IO[bytes]:
        """Write the whole lexicon to a temporary file; blocks, so call it in a thread.

        A transaction held open for a slow client would keep SQLite from checkpointing its log.
        Also, an entry that the format cannot represent is found before anything is sent.

        Args:
            format: any except CTF.
            inventory: the phonemes that entries must consist of.
            alphabet: of the output; an entry with other phonemes is written unchanged.

        Raises:
            EntryError: for an entry that the format cannot represent.
            UserLexiconError: if the file cannot be read, or the disk is full.
        """
        self._check_file()
        with self.file_errors("exported"), ExitStack() as closing_on_failure:
            file = closing_on_failure.enter_context(
                tempfile.TemporaryFile(dir=self.scratch, prefix=".export-")
            )
            with closing(self._connect(_READ_LOCK_SECONDS)) as connection:
                rows = (_written(row, inventory, alphabet) for row in _rows(connection))
                lines = lines_of(rows, format, alphabet)
                file.writelines(f"{line}\n".encode() for line in lines)
            file.seek(0)
            closing_on_failure.pop_all()
        return file

    # Writing

    async def put(
        self,
        word: str,
        variants: Sequence[Variant],
        *,
        timeout: float = _WRITE_SECONDS,
    ) -> bool:
        """Store a word, replacing the entry that a lookup finds; return whether it is new.

        Raises:
            UserLexiconBusyError: if the write cannot start within `timeout` seconds.
            UserLexiconError: if the file cannot be written.
        """

        def write(connection: sqlite3.Connection) -> bool:
            removed = _remove(connection, word)
            lines = dict.fromkeys(map(format_variant, variants))
            _add(connection, [(lexicon_key(word), tidied(word), "\n".join(lines))])
            return not removed

        return await self._write(write, timeout)

    async def delete(self, word: str, *, timeout: float = _WRITE_SECONDS) -> bool:
        """Delete the entry that a lookup of a word finds; return whether there was one.

        Raises:
            UserLexiconBusyError: if the write cannot start within `timeout` seconds.
            UserLexiconError: if the file cannot be written.
        """
        return await self._write(lambda connection: bool(_remove(connection, word)), timeout)

    async def take(
        self,
        rows: Callable[[], Iterable[tuple[str, str, str]]],
        *,
        replace: bool,
        timeout: float = _WRITE_SECONDS,
    ) -> None:
        """Import a lexicon, replacing the entries of its words, or all entries.

        Args:
            rows: returns key, word and variant (a line) of each entry; may be called repeatedly.
            replace: whether to delete the entries of all other words.
            timeout: seconds within which the write has to start.

        Raises:
            FullEntryError: if a word has too many pronunciations; nothing is imported then.
            UserLexiconBusyError: if the write cannot start within `timeout` seconds; likewise.
            UserLexiconError: if the file cannot be written; likewise.
        """

        def write(connection: sqlite3.Connection) -> None:
            if replace:
                connection.execute("DELETE FROM entries")
            else:
                keys = ((key,) for key, _, _ in rows())
                connection.executemany("DELETE FROM entries WHERE key = ?", keys)
            _add(connection, rows())

        await self._write(write, timeout)

    async def _write(self, write: Callable[[sqlite3.Connection], T], timeout: float) -> T:
        """Run `write` in its own transaction in the write thread.

        `timeout` limits only the wait: a write that has started is completed.
        """
        due = time.monotonic() + timeout
        future = self._writing.submit(self._transact, write, due)
        waiting = asyncio.wrap_future(future)
        done, _ = await asyncio.wait({waiting}, timeout=timeout)
        if not done and future.cancel():
            raise UserLexiconBusyError(
                f"{self.path}: other writes to the user lexicon took over {timeout:g} s: nothing "
                "was changed; try again"
            )
        return await waiting

    def _transact(self, write: Callable[[sqlite3.Connection], T], due: float) -> T:
        """Run `write` in a transaction; wait for another program's lock until the time `due`."""
        self._check_file()
        connection = self._writer
        milliseconds = max(0, round(1e3 * (due - time.monotonic())))
        with self.file_errors("written"):
            connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            try:
                with _transaction(connection):
                    found = write(connection)
                    connection.execute("UPDATE state SET revision = lower(hex(randomblob(8)))")
            except (sqlite3.Error, OSError):
                self._release_log()
                raise
        return found

    def _release_log(self) -> None:
        """Free the space that a failed write took in the write-ahead log, if possible."""
        with suppress(sqlite3.Error):
            self._writer.execute("PRAGMA busy_timeout = 0")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _check_file(self) -> None:
        """Raise if the path no longer refers to the open file, since a write would be lost.

        Raises:
            UserLexiconStorageError: if the file was removed or replaced.
        """
        if _file_id(self.path) != self._file_id:
            raise UserLexiconStorageError(
                f"{self.path}: the user lexicon's file was removed or replaced while it was open: "
                "nothing was changed; put the file back, or restart the service"
            )

    # Opening

    def _connect(self, seconds: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=seconds, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _prepare(self) -> None:
        """Create the tables if missing; reject another program's file before writing to it."""
        self._tables()
        self._writer.execute("PRAGMA journal_mode = WAL")
        with _transaction(self._writer):
            if not self._tables():  # no other process has created them meanwhile
                for statement in _SCHEMA.split(";\n"):
                    self._writer.execute(statement)
            elif self._writer.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                self._writer.execute(f"PRAGMA user_version = {_VERSION}")
            if self.language is not None:
                record_language(self._writer, self.path, self.language)

    def _tables(self) -> int:
        """Return the number of tables; raise if they are not those of a user lexicon."""
        connection = self._writer
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != _APPLICATION:
            raise UserLexiconError(f"{self.path} is not a user lexicon of tanger's")
        if tables and version not in (1, _VERSION):
            problem = f"is of version {version}, this tanger reads {_VERSION}"
            raise UserLexiconError(f"{self.path} {problem}")
        return int(tables)

    @contextmanager
    def file_errors(self, action: str) -> Iterator[None]:
        """Convert errors of SQLite and of the operating system to `UserLexiconError`."""
        try:
            yield
        except (sqlite3.Error, OSError) as e:
            error = file_error(self.path, action, e)
            log.warning("%s", error)
            raise error from e


def _file_id(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a path, or None if it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _entries(word: str, lines: str) -> Iterator[SpelledVariant]:
    return ((word, parse_variant(line)) for line in lines.split("\n"))


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yield all entries; one statement reads a consistent snapshot."""
    number = 0
    for word, lines in connection.execute(
        "SELECT word, pronunciations FROM entries ORDER BY key, word"
    ):
        for _, variant in _entries(word, lines):
            number += 1
            yield variant.row(number, word)


def _written(row: Row, inventory: Inventory, alphabet: Alphabet) -> Row:
    phonemes = inventory.write(row.entry.phonemes, alphabet)
    return row._replace(entry=Entry(row.entry.word, phonemes))


def _remove(connection: sqlite3.Connection, word: str) -> int:
    """Delete the entries that a lookup of `word` finds; return the number of spellings."""
    key = lexicon_key(word)
    rows = connection.execute("SELECT word FROM entries WHERE key = ?", (key,)).fetchall()
    chosen = choose(tidied(word), [(spelling, Variant(())) for (spelling,) in rows]).spellings
    connection.executemany(
        "DELETE FROM entries WHERE key = ? AND word = ?", [(key, spelling) for spelling in chosen]
    )
    return len(chosen)


def _add(connection: sqlite3.Connection, rows: Iterable[tuple[str, str, str]]) -> None:
    word = ""

    def watched() -> Iterator[tuple[str, str, str]]:
        nonlocal word
        for row in rows:
            word = row[1]
            yield row

    try:
        connection.executemany(_ADD, watched())
    except sqlite3.IntegrityError as e:
        raise FullEntryError(word) from e


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

"""Import into the user lexicon: each entry is checked and staged, and all are stored or none."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tanger.model.lexicon import LexiconError, LexiconFormat, Reader, Row, Variant
from tanger.model.lexicon.aliases import AliasCheck
from tanger.model.lexicon.checks import hint_on_spaces, is_marker
from tanger.model.lexicon.index import format_variant, lexicon_key, tidied
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.service.errors import MAX_FAULTS, InvalidRequestError
from tanger.service.schemas import ProblemError
from tanger.service.user_lexicon.store import UserLexicon

_PHONEMES_A_LETTER = 4
_BODY = Path("body")
_SENSE = re.compile(r"[\w.-]{1,64}(?: [\w.-]{1,64}){0,7}")


def word_fault(word: str, *, longest: int) -> str | None:
    """Return why a word cannot be an entry (of at most `longest` characters); None if it can."""
    if not lexicon_key(word):
        return "there is no letter in it"
    if len(word) > longest:
        return f"the word has {len(word)} characters, at most {longest} are read"
    if any(unicodedata.category(character) == "Cc" for character in word):
        return "there is a control character in the word"
    return None


def variant_fault(variant: Variant, inventory: Inventory, *, longest: int) -> str | None:
    """Return why a variant cannot be stored for a word of at most `longest` letters, or None.

    The message names the first phoneme that the artifact does not have, and its position.
    """
    if variant.sense is not None and not _SENSE.fullmatch(variant.sense):
        return "a sense has letters, digits, _, - and ., a space between several"
    if variant.alias is not None:
        fault = word_fault(variant.alias, longest=longest)
        return fault and f"as an alias, {variant.alias[:80]!r} cannot be spoken: {fault}"
    phonemes = variant.phonemes
    limit = _PHONEMES_A_LETTER * longest
    if not 0 < len(phonemes) <= limit:
        return (
            f"a pronunciation has 1 to {limit} phonemes, with spaces between, not {len(phonemes)}"
        )
    if (symbol := inventory.misfit(phonemes)) is not None:
        hint = hint_on_spaces(phonemes)
        return f"{symbol} is none of this artifact's phonemes: {inventory}{hint}"
    return None


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


class Import:
    """An import that receives a lexicon in chunks. Its methods block: call them in a thread."""

    def __init__(
        self,
        store: UserLexicon,
        format: LexiconFormat,
        inventory: Inventory,
        *,
        alphabet: Alphabet | None = None,
        longest: int,
    ) -> None:
        """Begin an import.

        Args:
            store: the lexicon to import into.
            format: any except CTF.
            inventory: the phonemes that entries may contain.
            alphabet: of the input; by default the artifact's own.
            longest: most characters of a word.

        Raises:
            UserLexiconError: if no temporary file can be created.
        """
        self.staged = Staged(store)
        self.skipped = 0
        self._aliases = AliasCheck()
        self._reader = Reader(
            _BODY,
            format,
            alphabet=alphabet,
            parse=inventory.parse,
            aliases=True,
            on_fault=self._note_line,
            may_be_csv=True,
        )
        self._inventory = inventory
        self._longest = longest
        self._faults: list[ProblemError] = []

    def feed(self, content: bytes) -> None:
        """Parse and stage the next chunk.

        Raises:
            InvalidRequestError: if parsing cannot continue, or there are too many faults.
            UserLexiconError: if the disk is full.
        """
        self._read(content)

    def finish(self) -> None:
        """Parse the end of the input.

        Raises:
            InvalidRequestError: if any entry was invalid.
            UserLexiconError: if the disk is full.
        """
        self._read(None)
        try:
            self._aliases.raise_any(_BODY)
        except LexiconError as e:
            self._note_line(e)
        if self._faults:
            raise InvalidRequestError(*self._faults)

    def close(self) -> None:
        """Discard the staged entries."""
        self.staged.close()

    def _read(self, content: bytes | None) -> None:
        try:
            for row in self._reader.close() if content is None else self._reader.feed(content):
                self._take(row)
        except LexiconError as e:
            self._note_line(e)
            raise InvalidRequestError(*self._faults) from e

    def _take(self, row: Row) -> None:
        entry = row.entry
        if is_marker(entry.word) and entry.phonemes not in self._inventory:
            self.skipped += 1
            return
        fault = self._fault(row)
        if fault is None:
            self.staged.add(row)
            self._aliases.add(row)
            return
        self._note(row.number, f"{entry.word[:80]!r}: {fault}")

    def _fault(self, row: Row) -> str | None:
        longest = self._longest
        return word_fault(row.entry.word, longest=longest) or variant_fault(
            row.variant, self._inventory, longest=longest
        )

    def _note_line(self, error: LexiconError) -> None:
        self._note(error.line, f"expected {error.expected}, found {error.found[:80]!r}")

    def _note(self, line: int, message: str) -> None:
        self._faults.append(ProblemError(where=f"body:{line}", message=message))
        if len(self._faults) == MAX_FAULTS:
            raise InvalidRequestError(*self._faults)

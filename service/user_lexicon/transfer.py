"""Entries on their way into the user lexicon: checked one by one, taken in together or not."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from tanger.model.lexicon import Entry, LexiconError, LexiconFormat, Reader, Row
from tanger.model.lexicon.checks import hint_on_spaces, is_marker
from tanger.model.lexicon.index import lexicon_key
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.service.errors import MAX_FAULTS, InvalidRequestError
from tanger.service.schemas import ProblemError
from tanger.service.user_lexicon.store import Staged, UserLexicon

_PHONEMES_A_LETTER = 4
_BODY = Path("body")


def word_fault(word: str, *, longest: int) -> str | None:
    """Why this can be no word of one's own, of at most `longest` characters; None where it can."""
    if not lexicon_key(word):
        return "there is no letter in it"
    if len(word) > longest:
        return f"the word has {len(word)} characters, at most {longest} are read"
    if any(unicodedata.category(character) == "Cc" for character in word):
        return "there is a control character in the word"
    return None


def pronunciation_fault(
    phonemes: tuple[str, ...], inventory: Inventory, *, longest: int
) -> str | None:
    """Why this can be no pronunciation of a word of at most `longest` letters; None where it can.

    The first phoneme that is none of the artifact's is named with its place.
    """
    limit = _PHONEMES_A_LETTER * longest
    if not 0 < len(phonemes) <= limit:
        return (
            f"a pronunciation has 1 to {limit} phonemes, with spaces between, not {len(phonemes)}"
        )
    if (symbol := inventory.misfit(phonemes)) is not None:
        hint = hint_on_spaces(phonemes)
        return f"{symbol} is none of this artifact's phonemes: {inventory}{hint}"
    return None


class Import:
    """A lexicon that comes in pieces. Its methods take their time: they are for a thread."""

    def __init__(
        self,
        store: UserLexicon,
        format: LexiconFormat,
        inventory: Inventory,
        *,
        alphabet: Alphabet | None = None,
        longest: int,
    ) -> None:
        """Begin one.

        Args:
            store: where it is to go.
            format: any but CTF.
            inventory: the phonemes that its entries may have.
            alphabet: what these are written in; the artifact's own by default.
            longest: the most characters of a word.

        Raises:
            UserLexiconError: where nothing can be written.
        """
        self.staged = Staged(store)
        self.passed_over = 0
        self.without_probabilities = 0
        self._reader = Reader(
            _BODY,
            format,
            alphabet=alphabet,
            parse=inventory.parse,
            on_fault=self._note_line,
            may_be_csv=True,
        )
        self._inventory = inventory
        self._longest = longest
        self._faults: list[ProblemError] = []

    def feed(self, content: bytes) -> None:
        """Take the next piece.

        Raises:
            InvalidRequestError: where it cannot be read on, or enough is wrong.
            UserLexiconError: where there is no room.
        """
        self._read(content)

    def finish(self) -> None:
        """Take the end.

        Raises:
            InvalidRequestError: where anything was wrong.
            UserLexiconError: where there is no room.
        """
        self._read(None)
        if self._faults:
            raise InvalidRequestError(*self._faults)

    def close(self) -> None:
        """Forget what came."""
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
            self.passed_over += 1
            return
        fault = self._fault(entry)
        if fault is None:
            self.staged.add(entry)
            self.without_probabilities += bool(row.probabilities)
            return
        self._note(row.number, f"{entry.word[:80]!r}: {fault}")

    def _fault(self, entry: Entry) -> str | None:
        longest = self._longest
        return word_fault(entry.word, longest=longest) or pronunciation_fault(
            entry.phonemes, self._inventory, longest=longest
        )

    def _note_line(self, error: LexiconError) -> None:
        self._note(error.line, f"expected {error.expected}, found {error.found[:80]!r}")

    def _note(self, line: int, message: str) -> None:
        self._faults.append(ProblemError(where=f"body:{line}", message=message))
        if len(self._faults) == MAX_FAULTS:
            raise InvalidRequestError(*self._faults)

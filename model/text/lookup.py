"""Look up words in the lexicons: user entries first, then dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from tanger.model.lexicon import Variant
from tanger.model.lexicon.index import Found, SpelledVariant, choose, lexicon_key, tidied
from tanger.model.lexicon.phrases import Phrases
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.speller import Speller, Spelling, lookup_warnings
from tanger.model.text.variants import Order

# Rules that pronounce segments which are not in a lexicon as they stand.
Rule = Literal["number", "letters", "elision", "table", "weak_form", "derived"]
Pronunciations = tuple[tuple[str, ...], ...]


class Origin(NamedTuple):
    """Where a pronunciation comes from, for explanations.

    Attributes:
        lexicon: name of the lexicon.
        rank: position of the lexicon in the order of lookup, from 1.
        rule: rule that made the pronunciation, if the lexicon does not have the segment itself.
        stem: word that the rule was applied to.
        order: order of the lexicon's pronunciations.
    """

    lexicon: str | None = None
    rank: int | None = None
    rule: Rule | None = None
    stem: str | None = None
    order: Order | None = None


class UserEntries(Protocol):
    """A user lexicon, which takes precedence over all dictionaries."""

    @property
    def path(self) -> Path:
        """Path of the file that holds the entries."""

    def revision(self) -> str:
        """Return a revision that changes with every write."""

    def phrases(self) -> Phrases:
        """Return its entries that are phrases."""

    def find(self, keys: Collection[str]) -> Mapping[str, Sequence[SpelledVariant]]:
        """Return the entries with these keys (see `lexicon.index.lexicon_key`), by key."""


class KnownWord(NamedTuple):
    """A word that a lexicon has.

    Attributes:
        source: kind of lexicon.
        normalized: spelling under which it was found.
        variants: its variants, with stress digits if the lexicon has them.
        warnings: differences from the typed word that were ignored.
        origin: the lexicon.
    """

    source: Literal["lexicon", "user"]
    normalized: str
    variants: tuple[Variant, ...]
    warnings: tuple[str, ...]
    origin: Origin

    @property
    def alias(self) -> str | None:
        """Text that is pronounced in place of the word, if its first variant is an alias."""
        return self.variants[0].alias if self.variants else None

    @property
    def pronunciations(self) -> Pronunciations:
        """The phonemes of the variants that are not aliases."""
        return tuple(variant.phonemes for variant in self.variants if variant.phonemes)


class _Query(NamedTuple):
    """A lookup in progress: the word as sent, and as it is looked up."""

    word: str
    typed: str
    key: str


class WordLookup:
    """All lexicons of one artifact."""

    def __init__(
        self,
        speller: Speller,
        inventory: Inventory,
        dictionaries: Dictionaries,
        user: UserEntries | None = None,
    ) -> None:
        self.user = user
        self._speller = speller
        self._inventory = inventory
        self._dictionaries = dictionaries
        names = [name for name, _ in dictionaries.names]
        if user is not None:
            names.insert(0, user.path.name)
        origins = [Origin(name, rank, order="lexicon") for rank, name in enumerate(names, 1)]
        self._user_origin = origins.pop(0) if user is not None else Origin()
        self._origins = origins

    def revision(self) -> str:
        """Return a revision that changes whenever the content of any lexicon does.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        return self._dictionaries.revision + (self.user.revision() if self.user else "")

    def phrases(self) -> Phrases:
        """Return the entries that are searched for in texts; those of CMUdict are not.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        if self.user is None:
            return self._dictionaries.phrases
        return Phrases.of((self.user.phrases(), self._dictionaries.phrases))

    def has(self, word: str) -> bool:
        """Return whether a dictionary has a word; the user lexicon is not consulted."""
        return bool(self._dictionaries.pronunciations(word))

    def find(
        self, words: Iterable[str], bare: Callable[[str], Spelling]
    ) -> tuple[dict[str, KnownWord], dict[str, str]]:
        """Look up words as typed, else as spelt in the artifact's graphemes.

        If that spelling drops accents, only pronunciations that agree with them are used.

        Args:
            words: words as sent.
            bare: spells a word in the artifact's graphemes, as `Speller.bare` does.

        Returns:
            The known words; and, by word, messages about user entries that were ignored because
            the artifact lacks a phoneme of theirs.

        Raises:
            UserLexiconError: if the user lexicon cannot be read.
        """
        queries = [
            _Query(word, tidied(word), lexicon_key(word))
            for word in dict.fromkeys(words)
            if self._speller.readable(word)
        ]
        misfits: dict[str, str] = {}
        known = {
            query.word: KnownWord(
                source,
                self._speller.cased(query.key),
                found.variants,
                lookup_warnings(query.word, found.spellings),
                origin,
            )
            for query, source, found, origin in self._look_up(queries, misfits)
        }
        unmarked: list[_Query] = []
        for word, _, key in queries:
            if word not in known and (normalized := bare(word).normalized) is not None:
                bare_key = lexicon_key(normalized)
                if bare_key != key:
                    unmarked.append(_Query(word, normalized, bare_key))
        for query, source, found, origin in self._look_up(unmarked, misfits):
            marked = self._speller.accents.fitting(tidied(query.word), found.pronunciations)
            variants = tuple(
                each for each in found.variants if each.alias or each.phonemes in marked
            )
            if not variants:
                continue
            warnings = bare(query.word).warnings
            if len(variants) < len(found.variants):
                note = f"pronunciations of {query.typed} that do not say its marks are left out"
                warnings = (*warnings, note)
            known[query.word] = KnownWord(source, query.typed, variants, warnings, origin)
        return known, misfits

    def _look_up(
        self, queries: Collection[_Query], misfits: dict[str, str]
    ) -> Iterator[tuple[_Query, Literal["lexicon", "user"], Found, Origin]]:
        own = self.user.find({query.key for query in queries}) if self.user and queries else {}
        for query in queries:
            if (entries := own.get(query.key)) is not None:
                found = choose(query.typed, self._fitting(query.word, entries, misfits))
                if found.variants:
                    yield query, "user", found, self._user_origin
                    continue
            listed = self._dictionaries.get(query.typed, query.key)
            if listed is not None:
                origin = self._origins[listed.place]._replace(order=listed.order)
                yield query, "lexicon", listed.found, origin

    def _fitting(
        self, word: str, entries: Iterable[SpelledVariant], misfits: dict[str, str]
    ) -> list[SpelledVariant]:
        """Return entries whose phonemes the artifact has; report others in `misfits`."""
        fitting = []
        for entry in entries:
            if (symbol := self._inventory.misfit(entry[1].phonemes)) is None:
                fitting.append(entry)
            else:
                misfits[word] = f"an entry of the user lexicon does not fit this artifact: {symbol}"
        return fitting

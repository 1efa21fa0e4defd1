"""Words in the lexicons: people's own entries first, then dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from tanger.model.lexicon import Variant
from tanger.model.lexicon.index import Found, Spelt, choose, lexicon_key, tidied
from tanger.model.lexicon.phrases import Phrases
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.speller import Speller, Spelling, lookup_warnings
from tanger.model.text.variants import Order

# What pronounces a segment that is in no lexicon as it stands.
Rule = Literal["number", "letters", "table", "weak_form", "derived"]
Pronunciations = tuple[tuple[str, ...], ...]


class Origin(NamedTuple):
    """Where a pronunciation comes from, for those who ask for an explanation.

    Attributes:
        lexicon: its name.
        rank: its place in the order in which lexicons are looked up, from 1.
        rule: what made a segment that is in no lexicon as it stands.
        stem: what that rule made it of.
        order: of the lexicon's pronunciations.
    """

    lexicon: str | None = None
    rank: int | None = None
    rule: Rule | None = None
    stem: str | None = None
    order: Order | None = None


class UserEntries(Protocol):
    """Words that people wrote down themselves; they come before all dictionaries."""

    @property
    def path(self) -> Path:
        """The file that they are kept in."""

    def revision(self) -> str:
        """A text that changes with every write."""

    def phrases(self) -> Phrases:
        """Those of its words that are more than plain words."""

    def find(self, keys: Collection[str]) -> Mapping[str, Sequence[Spelt]]:
        """The entries with these keys (see `lexicon.index.lexicon_key`), by key."""


class KnownWord(NamedTuple):
    """A word that a lexicon has.

    Attributes:
        source: which kind of lexicon.
        normalized: the word as it was found.
        variants: with stress digits where the lexicon has them.
        warnings: what of the typed word did not count.
        origin: which lexicon.
    """

    source: Literal["lexicon", "user"]
    normalized: str
    variants: tuple[Variant, ...]
    warnings: tuple[str, ...]
    origin: Origin

    @property
    def alias(self) -> str | None:
        """What is spoken in place of the word, where an alias comes first."""
        return self.variants[0].alias if self.variants else None

    @property
    def pronunciations(self) -> Pronunciations:
        """The phonemes of the variants that are no aliases."""
        return tuple(variant.phonemes for variant in self.variants if variant.phonemes)


class _Query(NamedTuple):
    """A word on its way through the lexicons: as it was sent, and as it is looked up."""

    word: str
    typed: str
    key: str


class WordLookup:
    """All lexicons that there are for one artifact."""

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
        """Other lexicons, or other words in one, have another one.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        return self._dictionaries.revision + (self.user.revision() if self.user else "")

    def phrases(self) -> Phrases:
        """The entries that are looked for in longer texts; those of CMUdict are not.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        if self.user is None:
            return self._dictionaries.phrases
        return Phrases.of((self.user.phrases(), self._dictionaries.phrases))

    def has(self, word: str) -> bool:
        """Whether a dictionary has a word; people's own entries are not looked at."""
        return bool(self._dictionaries.pronunciations(word))

    def find(
        self, words: Iterable[str], bare: Callable[[str], Spelling]
    ) -> tuple[dict[str, KnownWord], dict[str, str]]:
        """What is known of words: each as it was typed, else as the artifact's letters have it.

        Where marks on letters are left out, only pronunciations that say them count.

        Args:
            words: as they were sent.
            bare: spells one in the artifact's letters, as `Speller.bare` does.

        Returns:
            what is known, by word; and by word what a person's own entry has that this artifact
            cannot pronounce, so that it does not count.

        Raises:
            UserLexiconError: where people's own words cannot be read.
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

    def _fitting(self, word: str, entries: Iterable[Spelt], misfits: dict[str, str]) -> list[Spelt]:
        """Entries that were written for an artifact of these phonemes."""
        fitting = []
        for entry in entries:
            if (symbol := self._inventory.misfit(entry[1].phonemes)) is None:
                fitting.append(entry)
            else:
                misfits[word] = f"an entry of the user lexicon does not fit this artifact: {symbol}"
        return fitting

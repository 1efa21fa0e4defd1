"""Where pronunciations come from that need no network: people's own words, then lexicons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from model.indexed_lexicon import Found, choose
from model.inventory import Inventory
from model.lexicon import Entry
from model.spelling import Speller, Spelling, lexicon_key, tidied, told_of_lookup
from service.lexicon_store import UserLexicon
from service.lexicons import Lexicons
from service.schemas import Answerer, Rule


class Place(NamedTuple):
    """Where a pronunciation comes from, for those who ask for an explanation.

    Attributes:
        lexicon: its name.
        rank: its place in the order in which lexicons are asked, from 1.
        rule: what made a part that is in no lexicon as it stands.
        stem: what that rule made it of.
    """

    lexicon: str | None = None
    rank: int | None = None
    rule: Rule | None = None
    stem: str | None = None


class Known(NamedTuple):
    """A word that a lexicon has.

    Attributes:
        source: which kind of lexicon.
        normalized: the word as it was found.
        pronunciations: with stress digits where the lexicon has them.
        warnings: what of the typed word did not count.
        place: which lexicon.
    """

    source: Answerer
    normalized: str
    pronunciations: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]
    place: Place


class _Asked(NamedTuple):
    """A word on its way through the lexicons: as it was sent, and as it is looked up."""

    word: str
    typed: str
    key: str


class Sources:
    """All lexicons that there are for one artifact."""

    def __init__(
        self, speller: Speller, inventory: Inventory, lexicons: Lexicons, user: UserLexicon | None
    ) -> None:
        self.speller = speller
        self.inventory = inventory
        self.lexicons = lexicons
        self.user = user
        names = [name for name, _ in lexicons.names]
        if user is not None:
            names.insert(0, user.path.name)
        places = [Place(name, rank) for rank, name in enumerate(names, 1)]
        self._user_place = places[0] if user is not None else Place()
        self._places = places[1:] if user is not None else places

    def revision(self) -> str:
        """Other lexicons, or other words in one, have another one.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        return self.lexicons.revision + (self.user.revision() if self.user else "")

    def find(
        self, words: Iterable[str], spell: Callable[[str], Spelling]
    ) -> tuple[dict[str, Known], dict[str, str]]:
        """What is known of words: each as it was typed, else as the artifact's letters have it.

        Args:
            words: as they were sent.
            spell: spells one in the artifact's letters.

        Returns:
            what is known, by word; and by word what a person's own entry has that this artifact
            cannot say, so that it does not count.

        Raises:
            UserLexiconError: where people's own words cannot be read.
        """
        asked = [
            _Asked(word, tidied(word), lexicon_key(word))
            for word in dict.fromkeys(words)
            if self.speller.readable(word)
        ]
        misfits: dict[str, str] = {}
        known = {
            each.word: Known(
                source,
                self.speller.cased(each.key),
                found.pronunciations,
                told_of_lookup(each.word, found.spellings),
                place,
            )
            for each, source, found, place in self._look_up(asked, misfits)
        }
        bare: list[_Asked] = []
        for word, _, key in asked:
            if word not in known and (normalized := spell(word).normalized) is not None:
                bare_key = lexicon_key(normalized)
                if bare_key != key:
                    bare.append(_Asked(word, normalized, bare_key))
        for each, source, found, place in self._look_up(bare, misfits):
            warnings = spell(each.word).warnings
            known[each.word] = Known(source, each.typed, found.pronunciations, warnings, place)
        return known, misfits

    def _look_up(
        self, asked: Collection[_Asked], misfits: dict[str, str]
    ) -> Iterable[tuple[_Asked, Answerer, Found, Place]]:
        own = self.user.find({each.key for each in asked}) if self.user and asked else {}
        for each in asked:
            if (entries := own.get(each.key)) is not None:
                found = choose(each.typed, self._fitting(each.word, entries, misfits))
                if found.pronunciations:
                    yield each, "user", found, self._user_place
                    continue
            listed = self.lexicons.get(each.typed, each.key)
            if listed is not None:
                found, place = listed
                yield each, "lexicon", found, self._places[place]

    def _fitting(self, word: str, entries: Iterable[Entry], misfits: dict[str, str]) -> list[Entry]:
        """Entries that were written for an artifact of these phonemes."""
        fitting = []
        for entry in entries:
            if (symbol := self.inventory.misfit(entry.phonemes)) is None:
                fitting.append(entry)
            else:
                misfits[word] = f"an entry of the user lexicon does not fit this artifact: {symbol}"
        return fitting

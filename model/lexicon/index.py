"""A lexicon to look words up in: a string a word, so that all of CMUdict takes some 25 MB."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tanger.model.lexicon.entry import Entry, Variant, by_probability
from tanger.model.phonology.stress import NO_VOWEL, split, strip

# What a variant has beside its phonemes, in their order, as lines call it.
_DETAILS = ("p", "sense", "alias")


class Found(NamedTuple):
    """What a lexicon holds for a word.

    Attributes:
        spellings: the word as the lexicon has it; several where only their case differs.
        variants: the different ones, the likeliest first where the lexicon tells, else in its
            order.
    """

    spellings: tuple[str, ...]
    variants: tuple[Variant, ...]

    @property
    def pronunciations(self) -> tuple[tuple[str, ...], ...]:
        """The phonemes of the variants that are no aliases."""
        return tuple(variant.phonemes for variant in self.variants if variant.phonemes)


# A word as it is spelt, and one of its variants.
Spelt = tuple[str, Variant]


def choose(word: str, entries: Sequence[Spelt]) -> Found:
    """Of entries with one key, those that are spelt as `word` is; where none is, all."""
    exact = [entry for entry in entries if entry[0] == word]
    chosen = exact or entries
    return Found(
        tuple(dict.fromkeys(spelling for spelling, _ in chosen)),
        by_probability(variant for _, variant in chosen),
    )


def packed(variant: Variant) -> str:
    """A variant as one line: phonemes with a space between, a tab and JSON for what else there is.

    The inverse of `unpacked`.
    """
    phonemes = " ".join(variant.phonemes)
    details = {name: value for name, value in zip(_DETAILS, variant[1:], strict=True) if value}
    if not details:
        return phonemes
    return f"{phonemes}\t{json.dumps(details, ensure_ascii=False, separators=(',', ':'))}"


def unpacked(line: str) -> Variant:
    """The variant that `packed` made a line of."""
    phonemes, _, details = line.partition("\t")
    found = json.loads(details) if details else {}
    return Variant(
        tuple(phonemes.split()),
        tuple(found.get("p", ())),
        found.get("sense"),
        found.get("alias"),
    )


class IndexedLexicon:
    """A lexicon by `lexicon_key`."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take words and their variants as `packed` makes them."""
        # By key, a line a variant; before it, and a tab, how the word is spelt, where that is not
        # as most are: as the key itself or, if the first word is in capitals, in capitals. What has
        # more than phonemes has its spelling, too.
        self._lines: dict[str, str] = {}
        self._capitals: bool | None = None
        for word, line in pairs:
            self._add(word, line)

    def __len__(self) -> int:
        """How many keys it has."""
        return len(self._lines)

    def get(self, word: str, key: str) -> Found | None:
        """What it holds for a word; None where it holds nothing.

        Args:
            word: as it was typed, without spaces around it, in Unicode's NFC.
            key: its `lexicon_key`.
        """
        lines = self._lines.get(key)
        if lines is None:
            return None
        usual = self._usual(key)
        if "\t" not in lines:
            variants = dict.fromkeys(tuple(line.split(" ")) for line in lines.split("\n"))
            return Found((usual,), tuple(map(Variant, variants)))
        entries = []
        for line in lines.split("\n"):
            spelling, tab, variant = line.partition("\t")
            entries.append((spelling, unpacked(variant)) if tab else (usual, unpacked(line)))
        return choose(word, entries)

    def _add(self, word: str, variant: str) -> None:
        key = lexicon_key(word)
        if self._capitals is None:
            self._capitals = word.isupper()
        plain = word == self._usual(key) and "\t" not in variant
        line = variant if plain else f"{word}\t{variant}"
        before = self._lines.get(key)
        self._lines[key] = line if before is None else f"{before}\n{line}"

    def _usual(self, key: str) -> str:
        return key.upper() if self._capitals else key


# What is typed for an apostrophe
APOSTROPHES = frozenset("’‘ʼʹ′`´＇ʻ‛")


def tidied(word: str) -> str:
    """The word in Unicode's NFC, without spaces around it: nobody sees a difference."""
    return unicodedata.normalize("NFC", word).strip()


def lexicon_key(word: str) -> str:
    """What lexicons keep a word under: neither case nor the apostrophe's form counts.

    Lower case, since capitals would make one of ``Maße`` and ``Masse``.
    """
    if word.isascii():
        return word.strip().lower().replace("`", "'")
    kept = (
        "'" if character in APOSTROPHES else character
        for character in tidied(word)
        if unicodedata.category(character) != "Cf"
    )
    return unicodedata.normalize("NFC", "".join(kept).lower())


class StressedLexicon:
    """A lexicon with stress digits, asked for pronunciations without them."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._stressed: dict[Entry, tuple[str, ...]] = {}
        for entry in entries:
            bare = Entry(entry.word, strip(entry.phonemes))
            self._stressed.setdefault(bare, entry.phonemes)

    def restore(self, entry: Entry) -> tuple[str, ...] | None:
        """The first pronunciation of this word that sounds like this one; None if there is none."""
        return self._stressed.get(entry)

    def classes(self, entry: Entry) -> list[int] | None:
        """The stress class of each phoneme of `entry`; None where nothing is known of it."""
        stressed = self.restore(entry)
        if stressed is None:
            return None
        digits = (split(phoneme)[1] for phoneme in stressed)
        return [NO_VOWEL if digit is None else digit + 1 for digit in digits]

"""An in-memory lexicon index that stores one string per word: CMUdict takes some 25 MB."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tanger.model.lexicon.entry import Entry, Variant, by_probability
from tanger.model.phonology.stress import NO_VOWEL, split, strip

# JSON keys of a variant's annotations in lines, in the order of its fields.
_DETAILS = ("p", "sense", "alias")


class Found(NamedTuple):
    """What a lexicon holds for a word.

    Attributes:
        spellings: spellings of the word in the lexicon, which differ in case or apostrophe.
        variants: distinct variants, the most probable first if the lexicon has probabilities,
            else in its order.
    """

    spellings: tuple[str, ...]
    variants: tuple[Variant, ...]

    @property
    def pronunciations(self) -> tuple[tuple[str, ...], ...]:
        """The phonemes of the variants that are not aliases."""
        return tuple(variant.phonemes for variant in self.variants if variant.phonemes)


# The spelling of a word in a lexicon, and one of its variants.
SpelledVariant = tuple[str, Variant]


def choose(word: str, entries: Sequence[SpelledVariant]) -> Found:
    """Choose from entries of one key those spelt exactly as `word`, or all if there are none."""
    exact = [entry for entry in entries if entry[0] == word]
    chosen = exact or entries
    return Found(
        tuple(dict.fromkeys(spelling for spelling, _ in chosen)),
        by_probability(variant for _, variant in chosen),
    )


def format_variant(variant: Variant) -> str:
    """Write a variant in one line: phonemes separated by spaces, then a tab and JSON if annotated.

    The inverse of `parse_variant`.
    """
    phonemes = " ".join(variant.phonemes)
    details = {name: value for name, value in zip(_DETAILS, variant[1:], strict=True) if value}
    if not details:
        return phonemes
    return f"{phonemes}\t{json.dumps(details, ensure_ascii=False, separators=(',', ':'))}"


def parse_variant(line: str) -> Variant:
    """Parse a line made by `format_variant`."""
    phonemes, _, details = line.partition("\t")
    found = json.loads(details) if details else {}
    return Variant(
        tuple(phonemes.split()),
        tuple(found.get("p", ())),
        found.get("sense"),
        found.get("alias"),
    )


class IndexedLexicon:
    """A lexicon indexed by `lexicon_key`."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Index pairs of a word and a variant (see `format_variant`)."""
        # By key, one line per variant, preceded by the spelling and a tab unless the word is spelt
        # in the usual way: as the key or, if the first word of the lexicon is in capitals, in
        # capitals. Annotated variants always have their spelling.
        self._lines: dict[str, str] = {}
        self._capitals: bool | None = None
        for word, line in pairs:
            self._add(word, line)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._lines)

    def get(self, word: str, key: str) -> Found | None:
        """Look up a word; None if the lexicon does not have it.

        Args:
            word: word as typed, without surrounding spaces, in Unicode NFC.
            key: `lexicon_key` of the word.
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
            entries.append(
                (spelling, parse_variant(variant)) if tab else (usual, parse_variant(line))
            )
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


# Characters that people type as an apostrophe
APOSTROPHES = frozenset("’‘ʼʹ′`´＇ʻ‛")


def tidied(word: str) -> str:
    """Return the word in Unicode NFC, without surrounding spaces."""
    return unicodedata.normalize("NFC", word).strip()


def lexicon_key(word: str) -> str:
    """Return the key of a word in lexicons, which ignores case and the form of apostrophes.

    The key is in lower case, because upper case would merge ``Maße`` and ``Masse``.
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
    """A lexicon with stress digits, looked up by pronunciations without them."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._stressed: dict[Entry, tuple[str, ...]] = {}
        for entry in entries:
            bare = Entry(entry.word, strip(entry.phonemes))
            self._stressed.setdefault(bare, entry.phonemes)

    def restore(self, entry: Entry) -> tuple[str, ...] | None:
        """Return the word's first pronunciation that differs only in stress, or None."""
        return self._stressed.get(entry)

    def classes(self, entry: Entry) -> list[int] | None:
        """Return the stress class of each phoneme of `entry`, or None if the lexicon lacks it."""
        stressed = self.restore(entry)
        if stressed is None:
            return None
        digits = (split(phoneme)[1] for phoneme in stressed)
        return [NO_VOWEL if digit is None else digit + 1 for digit in digits]

"""Checks of lexicon entries that need no network.

A fault is certain. What the rules only suspect is a feature of `lint.error_classifier` instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from tanger.model.lexicon import Entry
from tanger.model.phonology import stress
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.stress import VOWELS
from tanger.model.text import derived_forms

Phonemes = tuple[str, ...]


class Fault(NamedTuple):
    """A certain fault, and its correction if that is certain too."""

    reason: str
    suggestion: Phonemes | None = None


class Pronunciation(NamedTuple):
    """An entry's phonemes as the artifact's symbols, with a stress digit or None for each."""

    phonemes: Phonemes
    digits: tuple[int | None, ...]


class Conventions:
    """A lexicon's notation: its phonemes, and whether it marks stress.

    Attributes:
        phonemes: the artifact's phonemes.
        vowels: the phonemes that bear stress digits; empty if they are not ARPAbet.
        stressed: vowels must have stress digits.
    """

    def __init__(self, phonemes: Collection[str], entries: Iterable[Entry]) -> None:
        """Determine the conventions of a lexicon.

        Args:
            phonemes: the artifact's phonemes.
            entries: the lexicon's entries; if most have stress digits, all must have them.
        """
        self.phonemes = frozenset(phonemes)
        self._inventory = Inventory(phonemes)
        self.vowels = self._inventory.vowels
        marked = [any(stress.split(p)[1] is not None for p in entry.phonemes) for entry in entries]
        self.stressed = bool(self.vowels) and 2 * sum(marked) > len(marked)

    def parse(self, phonemes: Phonemes) -> Pronunciation | Fault:
        """Return an entry's phonemes and digits, or a fault if it has other symbols."""
        sounds, digits = self._inventory.split(phonemes)
        wrong = [place for place, sound in enumerate(sounds) if sound not in self.phonemes]
        if wrong:
            return self._unknown(phonemes, wrong)
        for phoneme, sound, digit in zip(phonemes, sounds, digits, strict=True):
            if sound not in self.vowels and digit is not None:
                bare = tuple(
                    p if s in self.vowels else s for p, s in zip(phonemes, sounds, strict=True)
                )
                return Fault(f"{phoneme}: only vowels bear stress", bare)
            if self.stressed and sound in self.vowels and digit is None:
                return Fault(f"{phoneme}: a vowel without its stress digit")
        return Pronunciation(sounds, digits)

    def _unknown(self, phonemes: Phonemes, wrong: Sequence[int]) -> Fault:
        upper = tuple(phoneme.upper() for phoneme in phonemes)
        if upper != phonemes and isinstance(self.parse(upper), Pronunciation):
            return Fault(f"{phonemes[wrong[0]]}: phonemes are in capitals", upper)
        first = wrong[0]
        if first and wrong == list(range(first, len(phonemes))):
            junk = " ".join(phonemes[first:])
            return Fault(f"trailing junk: {junk[:40]}", phonemes[:first])
        names = ", ".join(dict.fromkeys(phonemes[place] for place in wrong))
        return Fault(f"unknown phoneme: {names[:40]}")


def find_duplicates(rows: Iterable[tuple[int, Entry]]) -> dict[int, Fault]:
    """Return the faults of repeated entries, by line number."""
    seen: dict[Entry, int] = {}
    found = {}
    for line, entry in rows:
        if (first := seen.setdefault(entry, line)) != line:
            found[line] = Fault(f"the same as line {first}")
    return found


def is_spelt_out(word: str, phonemes: Phonemes) -> bool:
    """Whether a word is pronounced letter by letter, with or without an ending: BBC, BBC'S, CDS.

    Args:
        word: in upper case.
        phonemes: without stress digits.
    """
    stems = {word: phonemes}
    for ending in ("'S", "S"):
        if word.endswith(ending) and (stem := word.removesuffix(ending)):
            stems[stem] = phonemes
    names = [derived_forms.spelt_out(stem) for stem in stems]
    return phonemes in names or any(
        phonemes == derived_forms.plural(each) for each in names[1:] if each
    )


class Stem(NamedTuple):
    """Comparison of a derived form with its stem.

    Attributes:
        expected: pronunciation of the form, derived from those of the stem.
        agrees: whether the form has that pronunciation, including stress.
        sounds_agree: whether it has that pronunciation apart from stress.
    """

    expected: tuple[Phonemes, ...]
    agrees: bool
    sounds_agree: bool


class Stems:
    """The stems that derived forms are compared with."""

    def __init__(self, entries: Iterable[Entry], conventions: Conventions) -> None:
        self._stressed = conventions.stressed
        self._known: dict[str, list[Phonemes]] = {}
        if conventions.vowels:  # the lexicon is English
            for word, phonemes in entries:
                self._known.setdefault(word.upper(), []).append(phonemes)

    def compare(self, entry: Entry) -> Stem | None:
        """Compare an entry with its stem; None if there is no stem or no rule for the form."""
        derived = derived_forms.derive(entry.word.upper(), self._known)
        if not derived:
            return None
        if self._stressed:
            expected = tuple(
                tuple(f"{p}0" if p in VOWELS else p for p in phonemes) for phonemes in derived
            )
        else:
            expected = tuple(map(stress.strip, derived))
        bare = stress.strip(entry.phonemes)
        return Stem(
            expected,
            entry.phonemes in expected,
            bare in [stress.strip(phonemes) for phonemes in expected],
        )

"""Checks of a lexicon's entries that need no network.

A fault is certain: no reading of the entry makes it right. What rules only suspect is a feature of
`lint.error_classifier`.
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
    """What is wrong, and what would be right, where that is certain."""

    reason: str
    suggestion: Phonemes | None = None


class Pronunciation(NamedTuple):
    """An entry's phonemes as an artifact has them, and for each its stress digit or None."""

    phonemes: Phonemes
    digits: tuple[int | None, ...]


class Conventions:
    """How a lexicon writes pronunciations, and which phonemes they may have.

    Attributes:
        phonemes: the artifact's.
        vowels: those of them that bear stress, where they are ARPAbet; else none.
        stressed: vowels have to have their digits.
    """

    def __init__(self, phonemes: Collection[str], entries: Iterable[Entry]) -> None:
        """Find the conventions of a lexicon.

        Args:
            phonemes: the artifact's.
            entries: the lexicon's; where most bear stress digits, all of them have to.
        """
        self.phonemes = frozenset(phonemes)
        self.vowels = Inventory(phonemes).vowels
        marked = [any(stress.split(p)[1] is not None for p in entry.phonemes) for entry in entries]
        self.stressed = bool(self.vowels) and 2 * sum(marked) > len(marked)

    def parse(self, phonemes: Phonemes) -> Pronunciation | Fault:
        """Phonemes and digits of an entry, or the fault of one that has others."""
        split = [(p, None) if p in self.phonemes else stress.split(p) for p in phonemes]
        wrong = [place for place, (sound, _) in enumerate(split) if sound not in self.phonemes]
        if wrong:
            return self._unknown(phonemes, wrong)
        sounds, digits = zip(*split, strict=True)
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
    """The faults of repeated entries, by line."""
    seen: dict[Entry, int] = {}
    found = {}
    for line, entry in rows:
        if (first := seen.setdefault(entry, line)) != line:
            found[line] = Fault(f"the same as line {first}")
    return found


def is_spelt_out(word: str, phonemes: Phonemes) -> bool:
    """Whether an entry is said letter by letter, with or without an ending: BBC, BBC'S, CDS.

    Args:
        word: in capitals.
        phonemes: without stress.
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
    """How a derived form compares with its stem.

    Attributes:
        expected: how the form should sound, in the stem's pronunciations.
        agrees: the form sounds so, stress and all.
        sounds_agree: the form sounds so, but for its stress.
    """

    expected: tuple[Phonemes, ...]
    agrees: bool
    sounds_agree: bool


class Stems:
    """The stems that derived forms are compared with."""

    def __init__(self, entries: Iterable[Entry], conventions: Conventions) -> None:
        self._stressed = conventions.stressed
        self._known: dict[str, list[Phonemes]] = {}
        if conventions.vowels:  # English
            for word, phonemes in entries:
                self._known.setdefault(word.upper(), []).append(phonemes)

    def compare(self, entry: Entry) -> Stem | None:
        """How an entry compares with its stem; None without a stem or a rule for the form."""
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

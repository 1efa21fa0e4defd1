"""The phonemes that a lexicon's entries may have where an artifact's users are to read them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from model import alphabets, stress
from model.syllables import VOWELS

_SHOWN = 60


class Inventory:
    """An artifact's phonemes; where they are ARPAbet, with the stress digits of vowels.

    Attributes:
        symbols: all that may stand in an entry.
        arpabet: whether they are ARPAbet.
    """

    def __init__(self, phonemes: Collection[str]) -> None:
        """Take an artifact's `phonemes`."""
        self.arpabet = "arpabet" in alphabets.available(phonemes)
        self._own = frozenset(phonemes)
        vowels = VOWELS & self._own if self.arpabet else frozenset()
        self.symbols = self._own | {f"{vowel}{digit}" for vowel in vowels for digit in "012"}

    def __contains__(self, phonemes: Sequence[str]) -> bool:
        return self.symbols.issuperset(phonemes)

    def split(self, phonemes: Sequence[str]) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
        """The artifact's phonemes and, each for one of them, the digits behind them."""
        parts = [(p, None) if p in self._own else stress.split(p) for p in phonemes]
        return tuple(phoneme for phoneme, _ in parts), tuple(digit for _, digit in parts)

    def marks_stress(self, phonemes: Sequence[str]) -> bool:
        """Whether each vowel has a digit behind it; phonemes that are not ARPAbet never have."""
        return self.arpabet and VOWELS.isdisjoint(phonemes)

    def misfit(self, phonemes: Sequence[str]) -> str | None:
        """The first phoneme that may not stand in an entry, and its place; None where all may."""
        for place, symbol in enumerate(phonemes, start=1):
            if symbol not in self.symbols:
                return f"{symbol} (symbol {place} of {' '.join(phonemes)})"
        return None

    def __str__(self) -> str:
        """The phonemes, for messages."""
        shown = " ".join(sorted(self._own)[:_SHOWN])
        more = "..." if len(self._own) > _SHOWN else ""
        digits = ", vowels with 0, 1 or 2 behind them" if self.symbols > self._own else ""
        return f"{shown}{more}{digits}"

"""An artifact's phonemes: which of them carry stress, and which an entry may have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tanger.model.phonology import notation, stress
from tanger.model.phonology.stress import VOWELS
from tanger.model.phonology.vocabulary import Vocabulary

_SHOWN = 60


def stress_bias(phonemes: Vocabulary) -> np.ndarray[Any, Any]:
    """What is added to the stress logits of each symbol, [V, 4], float32.

    Minus infinity for the classes (see `phonology.stress`) that a symbol cannot have: a vowel has
    one of the digits, anything else none. Every decoder and scorer takes it from here. Which
    phonemes are vowels is known of ARPAbet; of other phonemes the network's stress head alone
    decides, and nothing is added.
    """
    inventory = Inventory(phonemes.own)
    bias = np.zeros((len(phonemes), stress.CLASSES), np.float32)
    if inventory.arpabet:
        vowels = np.zeros(len(phonemes), np.bool_)
        vowels[phonemes.encode(inventory.vowels)] = True
        bias[vowels, stress.NO_VOWEL] = -np.inf
        bias[~vowels] = np.where(np.arange(stress.CLASSES) == stress.NO_VOWEL, 0, -np.inf)
    return bias


class Inventory:
    """An artifact's phonemes; where they are ARPAbet, with the stress digits of vowels.

    Attributes:
        symbols: all that an entry may have.
        arpabet: whether they are ARPAbet.
        vowels: those of them that carry a stress digit, where they are ARPAbet; else none.
    """

    def __init__(self, phonemes: Collection[str]) -> None:
        """Take an artifact's `phonemes`."""
        self.arpabet = "arpabet" in notation.available(phonemes)
        self._own = frozenset(phonemes)
        self.vowels = VOWELS & self._own if self.arpabet else frozenset()
        self.symbols = self._own | {f"{vowel}{digit}" for vowel in self.vowels for digit in "012"}

    def __contains__(self, phonemes: Sequence[str]) -> bool:
        return self.symbols.issuperset(phonemes)

    def split(self, phonemes: Sequence[str]) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
        """The artifact's phonemes, and for each its stress digit or None."""
        parts = [(p, None) if p in self._own else stress.split(p) for p in phonemes]
        return tuple(phoneme for phoneme, _ in parts), tuple(digit for _, digit in parts)

    def marks_stress(self, phonemes: Sequence[str]) -> bool:
        """Whether each vowel has a stress digit; phonemes that are not ARPAbet never have."""
        return self.arpabet and VOWELS.isdisjoint(phonemes)

    def misfit(self, phonemes: Sequence[str]) -> str | None:
        """The first phoneme that an entry may not have, and its place; None where there is none."""
        for place, symbol in enumerate(phonemes, start=1):
            if symbol not in self.symbols:
                return f"{symbol} (symbol {place} of {' '.join(phonemes)})"
        return None

    def __str__(self) -> str:
        """The phonemes, for messages."""
        shown = " ".join(sorted(self._own)[:_SHOWN])
        more = "..." if len(self._own) > _SHOWN else ""
        digits = ", vowels with 0, 1 or 2 after them" if self.symbols > self._own else ""
        return f"{shown}{more}{digits}"

"""The phonemes of an artifact: which of them bear stress, and which an entry may have."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from tanger.model.phonology import notation, stress, transcription
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.stress import VOWELS
from tanger.model.phonology.transcription import TranscriptionError
from tanger.model.phonology.vocabulary import Vocabulary

_SHOWN = 60


def stress_bias(phonemes: Vocabulary) -> np.ndarray[Any, Any]:
    """Return the bias of each symbol's stress logits, [V, 4], float32.

    It is minus infinity for classes (see `phonology.stress`) that a symbol cannot have: a vowel has
    a digit, other symbols have none. All decoders and scorers use it. For phonemes that are not
    ARPAbet the vowels are not known; the bias is then 0 and the stress head alone decides.
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
    """The phonemes of an artifact; if they are ARPAbet, vowels may bear stress digits.

    Attributes:
        symbols: all symbols that an entry may have.
        arpabet: whether the phonemes are ARPAbet.
        vowels: the phonemes that bear stress digits; empty if they are not ARPAbet.
    """

    def __init__(self, phonemes: Collection[str]) -> None:
        """Build the inventory of an artifact's `phonemes`."""
        self.arpabet = "arpabet" in notation.available(phonemes)
        self._own = frozenset(phonemes)
        self.vowels = VOWELS & self._own if self.arpabet else frozenset()
        self._marked = any(map(transcription.is_marked, self._own))
        self.symbols = self._own | {f"{vowel}{digit}" for vowel in self.vowels for digit in "012"}

    def __contains__(self, phonemes: Sequence[str]) -> bool:
        return self.symbols.issuperset(phonemes)

    def split(self, phonemes: Sequence[str]) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
        """Split stress digits off; return the artifact's phonemes, and a digit or None for each."""
        parts = [(p, None) if p in self._own else stress.split(p) for p in phonemes]
        return tuple(phoneme for phoneme, _ in parts), tuple(digit for _, digit in parts)

    def marks_stress(self, phonemes: Sequence[str]) -> bool:
        """Whether each vowel has a stress digit, or, in IPA, a symbol has a stress mark.

        True in IPA without stress marks; false of other phonemes.
        """
        if self.arpabet:
            return VOWELS.isdisjoint(phonemes)
        if not transcription.is_ipa(self._own):
            return False
        return any(map(transcription.is_marked, phonemes)) or not self._marked

    def write(self, phonemes: Sequence[str], alphabet: Alphabet) -> tuple[str, ...]:
        """Write an entry in an alphabet, one item per phoneme, with its stress.

        An entry with other phonemes is returned unchanged.
        """
        if self.misfit(phonemes) is not None:
            return tuple(phonemes)
        if alphabet == "cntk":  # the alphabet has no stress; digits of the entry are kept
            return notation.write(phonemes, alphabet)
        bare, digits = self.split(phonemes)
        return notation.write(bare, alphabet, digits)

    def parse(self, text: str, alphabet: Alphabet | None = None) -> tuple[str, ...]:
        """Parse a text into an entry's phonemes, without checking them (see `misfit`).

        Args:
            text: phonemes separated by spaces, or joined by `notation.join`.
            alphabet: its alphabet; by default the artifact's own symbols.

        Raises:
            TranscriptionError: at the first character that cannot be read.
        """
        if alphabet == "ipa" and not self.arpabet:
            return tuple(self._symbols(text))
        return notation.parse(text, alphabet or "native", arpabet=self.arpabet)

    def _symbols(self, text: str) -> Iterator[str]:
        """Split a text into the artifact's IPA symbols, with or without spaces between them.

        The longest matching symbol is taken. A stress mark that is not part of a symbol goes to the
        next one that can bear it, or is dropped, because entries cannot represent it.
        """
        longest = max(map(len, self._own))
        mark = ""
        for written in re.finditer(r"\S+", text):
            at = written.start()
            while at < written.end():
                sizes = range(min(longest, written.end() - at), 0, -1)
                size = next((n for n in sizes if text[at : at + n] in self._own), 0)
                if size:
                    symbol = text[at : at + size]
                    bears = mark + symbol in self._own
                    yield mark + symbol if bears else symbol
                    mark = "" if bears else mark
                elif not transcription.is_marked(text[at:]) or at + 1 == written.end():
                    problem = f"{text[at]!r} begins none of the symbols {self}"
                    raise TranscriptionError(text, at, "ipa", problem)
                else:
                    mark = text[at]
                at += size or 1

    def misfit(self, phonemes: Sequence[str]) -> str | None:
        """Describe the first phoneme that is not in the inventory, and its position; or None."""
        for place, symbol in enumerate(phonemes, start=1):
            if symbol not in self.symbols:
                return f"{symbol} (symbol {place} of {' '.join(phonemes)})"
        return None

    def __str__(self) -> str:
        """Return the phonemes as text, for messages."""
        shown = " ".join(sorted(self._own)[:_SHOWN])
        more = "..." if len(self._own) > _SHOWN else ""
        digits = ", vowels with 0, 1 or 2 after them" if self.symbols > self._own else ""
        return f"{shown}{more}{digits}"

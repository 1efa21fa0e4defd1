"""Equivalence classes of pronunciations that differ only by the conventions of dictionaries.

Dictionaries agree more often on the sound of a word than on its transcription: one has the vowel of
"cot" where another has that of "caught", or they use different symbols for the unstressed vowel.
Equivalence classes ignore such choices, so that entries of different dictionaries can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_PAIRS = {
    ("HH", "W"): ("W",),
    ("Y", "UW"): ("UW",),
    ("AH", "R"): ("ER",),
    ("ER", "R"): ("ER",),
    ("IH", "R"): ("IY", "R"),
}
_SINGLES = {"AO": "AA", "IH": "AH"}


@lru_cache(maxsize=1 << 16)
def equivalence_class(phonemes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the representative of a pronunciation's equivalence class, in ARPAbet.

    AO becomes AA, AH becomes IH, AH R and ER R become ER, IH R becomes IY R, Y UW becomes UW, and
    HH W becomes W.

    Args:
        phonemes: without stress digits.
    """
    reduced: list[str] = []
    for phoneme in phonemes:
        reduced.append(phoneme)
        if len(reduced) > 1 and (pair := _PAIRS.get((reduced[-2], reduced[-1]))):
            reduced[-2:] = pair
    return tuple(_SINGLES.get(phoneme, phoneme) for phoneme in reduced)


def classes(pronunciations: Sequence[tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    """Return the equivalence classes of several pronunciations."""
    return frozenset(map(equivalence_class, pronunciations))

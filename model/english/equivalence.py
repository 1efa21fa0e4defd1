"""Pronunciations of American English that dictionaries write differently by convention alone.

Dictionaries agree on how a word sounds more often than on how to write it: one has the vowel of
"cot" where another has that of "caught", or two symbols for the unstressed vowel. An equivalence
class leaves those choices out, so that entries of different dictionaries can be compared.
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
    """What all spellings of one pronunciation in ARPAbet have in common.

    AO is AA, AH is IH, AH R and ER R are ER, IH R is IY R, Y UW is UW and HH W is W.

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
    """The equivalence classes of several pronunciations."""
    return frozenset(map(equivalence_class, pronunciations))

"""Stress digits of vowels, and syllabification.

American lexicons write a digit after each vowel: 0 for no stress, 1 for primary, 2 for secondary
stress. The network's stress head has four classes: no vowel, and the three digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

# The vowels of ARPAbet, which bear stress; each is the nucleus of a syllable.
VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())

# Class of symbols without stress digit; the class of a digit is the digit plus one.
NO_VOWEL = 0
CLASSES = 4
_DIGITS = (None, 0, 1, 2)

_MARKED = re.compile(r"^(.*[^0-9])([012])$")


def split(symbol: str) -> tuple[str, int | None]:
    """Split a symbol and its stress digit: ``AE1`` -> ``AE``, 1; ``T`` -> ``T``, None."""
    found = _MARKED.match(symbol)
    return (found[1], int(found[2])) if found else (symbol, None)


def strip(phonemes: Iterable[str]) -> tuple[str, ...]:
    """Return the phonemes without their stress digits."""
    return tuple(split(phoneme)[0] for phoneme in phonemes)


def mark(phonemes: Sequence[str], digits: Sequence[int | None]) -> tuple[str, ...]:
    """Append stress digits to phonemes: the inverse of `split`."""
    return tuple(
        phoneme if digit is None else f"{phoneme}{digit}"
        for phoneme, digit in zip(phonemes, digits, strict=True)
    )


def digits(classes: Iterable[int]) -> tuple[int | None, ...]:
    """Convert stress classes to digits; None for the class of no vowel."""
    return _digits(bytes(classes))


@lru_cache(maxsize=4096)  # most words share a few patterns
def _digits(classes: bytes) -> tuple[int | None, ...]:
    return tuple([_DIGITS[found] for found in classes])


def one_primary(scores: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the most probable stress classes with exactly one primary stress in words with vowels.

    Args:
        scores: [B, U, 4] logits of the classes; minus infinity for classes that a symbol cannot
            have (see `phonology.phoneme_set.stress_bias`).
        counts: [B] number of phonemes of each word.

    Returns:
        [B, U] classes; `NO_VOWEL` beyond the end of a word.
    """
    within = np.arange(scores.shape[1]) < counts[:, None]  # [B, U]
    vowels = (scores.argmax(axis=2) != NO_VOWEL) & within
    unstressed, primary, secondary = scores[:, :, 1], scores[:, :, 2], scores[:, :, 3]
    classes = np.where(vowels, np.where(secondary > unstressed, 3, 1), NO_VOWEL)
    # Elsewhere both may be minus infinity, whose difference is NaN
    gain = np.full(vowels.shape, -np.inf, scores.dtype)
    np.subtract(primary, np.maximum(unstressed, secondary), out=gain, where=vowels)
    rows = np.arange(len(scores))
    chosen = gain.argmax(axis=1)
    classes[rows, chosen] = np.where(vowels[rows, chosen], 2, classes[rows, chosen])
    return classes


# ------------------------------------------------------------------------------------------------
# Syllabification by the maximal onset principle: of the consonants between two vowels, as many
# belong to the second as can together begin an English word (Kahn, Syllable-based Generalizations
# in English Phonology, 1976). So ``IH M P ER F IH K T`` is ``IH M . P ER . F IH K T``.

# Onsets: the word-initial sequences of Cruttenden, Gimson's Pronunciation of English, chapter 10,
# except those that occur only in foreign names (VL, SHM). Every single consonant but NG is an onset
# too.
_ONSETS = frozenset(
    tuple(cluster.split("-"))
    for cluster in (
        "P-L P-R P-Y B-L B-R B-Y T-R T-W T-Y D-R D-W D-Y K-L K-R K-W K-Y G-L G-R G-W G-Y "
        "F-L F-R F-Y TH-R TH-W TH-Y SH-R V-Y HH-W HH-Y M-Y N-Y L-Y S-Y Z-Y "
        "S-P S-T S-K S-M S-N S-F S-L S-W "
        "S-P-L S-P-R S-P-Y S-T-R S-T-Y S-K-L S-K-R S-K-W S-K-Y S-M-Y S-N-Y"
    ).split()
)
# Vowels before which consonant + Y is an onset: mu-sic, but can-yon.
_AFTER_Y = frozenset({"UW", "UH"})


def syllables(phonemes: Sequence[str]) -> list[tuple[int, int]]:
    """Return for each syllable the index of its first phoneme and of its vowel.

    Args:
        phonemes: ARPAbet without stress digits.
    """
    found: list[tuple[int, int]] = []
    following = 0  # index after the previous vowel
    for place, phoneme in enumerate(phonemes):
        if phoneme in VOWELS:
            start = following
            while found and start < place and not _is_onset(phonemes[start:place], phoneme):
                start += 1
            found.append((start, place))
            following = place + 1
    return found


def _is_onset(consonants: Sequence[str], vowel: str) -> bool:
    if len(consonants) == 1:
        return consonants[0] != "NG"
    if consonants[-1] == "Y" and vowel not in _AFTER_Y:
        return False
    return tuple(consonants) in _ONSETS

"""Stress digits of vowels, and where syllables begin.

American lexicons write a digit after each vowel: 0 for no stress, 1 primary, 2 secondary. The
network's stress head has four classes: no vowel, and the three digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

# The vowels of ARPAbet: they carry stress, and each makes a syllable.
VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())

# Class of what carries no stress mark; a digit's class is the digit and one.
NO_VOWEL = 0
CLASSES = 4
_DIGITS = (None, 0, 1, 2)

_MARKED = re.compile(r"^(.*[^0-9])([012])$")


def split(symbol: str) -> tuple[str, int | None]:
    """``AE1`` -> ``AE`` and 1; ``T`` -> ``T`` and None."""
    found = _MARKED.match(symbol)
    return (found[1], int(found[2])) if found else (symbol, None)


def strip(phonemes: Iterable[str]) -> tuple[str, ...]:
    """The phonemes without their digits."""
    return tuple(split(phoneme)[0] for phoneme in phonemes)


def mark(phonemes: Sequence[str], digits: Sequence[int | None]) -> tuple[str, ...]:
    """Phonemes with their digits after them: the inverse of `split`."""
    return tuple(
        phoneme if digit is None else f"{phoneme}{digit}"
        for phoneme, digit in zip(phonemes, digits, strict=True)
    )


def digits(classes: Iterable[int]) -> tuple[int | None, ...]:
    """Digits of stress classes; None where there is no vowel."""
    return _digits(bytes(classes))


@lru_cache(maxsize=4096)  # few patterns make up most of the words
def _digits(classes: bytes) -> tuple[int | None, ...]:
    return tuple([_DIGITS[found] for found in classes])


def one_primary(scores: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The likeliest stress classes with exactly one primary stress a word that has a vowel.

    Args:
        scores: [B, U, 4] logits of the classes, minus infinity for those that a symbol cannot have
            (see `phonology.phoneme_set.stress_bias`).
        counts: [B] phonemes of each word.

    Returns:
        [B, U] classes; past a row's count they say that there is no vowel.
    """
    within = np.arange(scores.shape[1]) < counts[:, None]  # [B, U]
    vowels = (scores.argmax(axis=2) != NO_VOWEL) & within
    unstressed, primary, secondary = scores[:, :, 1], scores[:, :, 2], scores[:, :, 3]
    classes = np.where(vowels, np.where(secondary > unstressed, 3, 1), NO_VOWEL)
    # Elsewhere both may be minus infinity, whose difference is no number
    gain = np.full(vowels.shape, -np.inf, scores.dtype)
    np.subtract(primary, np.maximum(unstressed, secondary), out=gain, where=vowels)
    rows = np.arange(len(scores))
    chosen = gain.argmax(axis=1)
    classes[rows, chosen] = np.where(vowels[rows, chosen], 2, classes[rows, chosen])
    return classes


# ------------------------------------------------------------------------------------------------
# Syllables by the maximal onset rule: the consonants between two vowels go to the second one as far
# as together they could begin an English word (Kahn, Syllable-based Generalizations in English
# Phonology, 1976). So ``IH M P ER F IH K T`` is ``IH M . P ER . F IH K T``.

# What begins an English word: the word-initial sequences of Cruttenden, Gimson's Pronunciation of
# English, chapter 10, less those that are in foreign names alone (VL, SHM). Of single consonants
# all but NG do.
_ONSETS = frozenset(
    tuple(cluster.split("-"))
    for cluster in (
        "P-L P-R P-Y B-L B-R B-Y T-R T-W T-Y D-R D-W D-Y K-L K-R K-W K-Y G-L G-R G-W G-Y "
        "F-L F-R F-Y TH-R TH-W TH-Y SH-R V-Y HH-W HH-Y M-Y N-Y L-Y S-Y Z-Y "
        "S-P S-T S-K S-M S-N S-F S-L S-W "
        "S-P-L S-P-R S-P-Y S-T-R S-T-Y S-K-L S-K-R S-K-W S-K-Y S-M-Y S-N-Y"
    ).split()
)
# In front of Y a consonant begins a syllable before these alone: music, but can-yon.
_AFTER_Y = frozenset({"UW", "UH"})


def syllables(phonemes: Sequence[str]) -> list[tuple[int, int]]:
    """For each syllable the index at which it begins, and that of its vowel.

    Args:
        phonemes: ARPAbet without stress digits.
    """
    found: list[tuple[int, int]] = []
    following = 0  # index after the last vowel
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

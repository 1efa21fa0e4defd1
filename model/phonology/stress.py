"""Stress: the digit that American lexicons write behind a vowel (0 none, 1 primary, 2 secondary).

The network's stress head knows four classes: no vowel at all, and the three digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

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
    """Phonemes with their digits behind them: the inverse of `split`."""
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

"""Folds of the English words that CMUdict 0.7b does not have, by a digest of their spelling.

What an artifact for English learns from changes; which words judge it must not. So a word belongs
to its fold for good: words of the test fold enter nothing that an artifact is made of or chosen by,
words of the dev fold are for choosing alone.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection
from typing import Literal

Fold = Literal["train", "dev", "test"]

_FOLDS: dict[str, Fold] = {"0": "test", "1": "test", "2": "dev", "3": "dev"}


def fold(word: str, known: Collection[str]) -> Fold:
    """The fold of a word: by the first hexadecimal digit of the SHA-256 of its spelling.

    Args:
        word: in any case; its spelling is upper case, NFC, in UTF-8.
        known: the words of CMUdict 0.7b, upper case, all of which are for training.
    """
    spelling = unicodedata.normalize("NFC", word.upper())
    if spelling in known:
        return "train"
    return _FOLDS.get(hashlib.sha256(spelling.encode()).hexdigest()[0], "train")

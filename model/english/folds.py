"""Folds of the English words that are not in CMUdict 0.7b, by a hash of their spelling.

The training data of the English artifacts may change, but the words on which they are evaluated
must not. So each word is assigned to its fold permanently. Words of the test fold are never used to
train or to select an artifact; words of the dev fold are used only to select one.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection
from typing import Literal

Fold = Literal["train", "dev", "test"]

_FOLDS: dict[str, Fold] = {"0": "test", "1": "test", "2": "dev", "3": "dev"}


def fold(word: str, known: Collection[str]) -> Fold:
    """Return the fold of a word, by the first hexadecimal digit of the SHA-256 of its spelling.

    Args:
        word: in any case; hashed in upper case, NFC, UTF-8.
        known: the words of CMUdict 0.7b in upper case, which are all for training.
    """
    spelling = unicodedata.normalize("NFC", word.upper())
    if spelling in known:
        return "train"
    return _FOLDS.get(hashlib.sha256(spelling.encode()).hexdigest()[0], "train")

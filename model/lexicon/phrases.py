"""Entries of more than a plain word, which are found in longer texts: ``New York``, ``W3C``."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Self

from tanger.model.lexicon.index import lexicon_key

# What a reader of texts takes for one word anyway
_PLAIN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


class Phrases:
    """The keys of such entries, in order, by which it is known how a longer one could go on."""

    def __init__(self, words: Iterable[str]) -> None:
        """Take the words of some entries; plain ones are left out."""
        keys = {key for word in words if (key := phrase_key(word)) is not None}
        self._lists: tuple[Sequence[str], ...] = (sorted(keys),) if keys else ()

    @classmethod
    def of(cls, several: Iterable[Phrases]) -> Self:
        """The phrases of several lexicons."""
        phrases = cls(())
        phrases._lists = tuple(keys for each in several for keys in each._lists)
        return phrases

    def __bool__(self) -> bool:
        return bool(self._lists)

    def __contains__(self, key: str) -> bool:
        return any(
            place < len(keys) and keys[place] == key
            for keys in self._lists
            for place in (bisect_left(keys, key),)
        )

    def may_begin_with(self, key: str) -> bool:
        """Whether there is a phrase of this key, or one that goes on after it."""
        return any(
            place < len(keys) and keys[place].startswith(key)
            for keys in self._lists
            for place in (bisect_left(keys, key),)
        )


def phrase_key(word: str) -> str | None:
    """The key of a word, with single spaces in it; None of a plain word, and of mere signs."""
    key = " ".join(lexicon_key(word).split())
    return None if _PLAIN.fullmatch(key) or not any(map(str.isalnum, key)) else key

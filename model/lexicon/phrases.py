"""Find lexicon entries that are not plain words in texts: ``New York``, ``W3C``."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Self

from tanger.model.lexicon.index import lexicon_key

# Words that the text reader keeps as one token in any case
_PLAIN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


class Phrases:
    """Sorted keys of such entries, which can be searched for by prefix."""

    def __init__(self, words: Iterable[str]) -> None:
        """Index the words of some entries, except plain words."""
        keys = {key for word in words if (key := phrase_key(word)) is not None}
        self._lists: tuple[Sequence[str], ...] = (sorted(keys),) if keys else ()

    @classmethod
    def of(cls, several: Iterable[Phrases]) -> Self:
        """Combine the phrases of several lexicons."""
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
        """Return whether a phrase equals this key or begins with it."""
        return any(
            place < len(keys) and keys[place].startswith(key)
            for keys in self._lists
            for place in (bisect_left(keys, key),)
        )


def phrase_key(word: str) -> str | None:
    """Return the key of a phrase, with single spaces; None for a plain word or signs alone."""
    key = " ".join(lexicon_key(word).split())
    return None if _PLAIN.fullmatch(key) or not any(map(str.isalnum, key)) else key

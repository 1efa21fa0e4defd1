"""Aliases that lead back to themselves: such entries can never be spoken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tanger.model.lexicon.entry import LexiconError, Row
from tanger.model.lexicon.index import lexicon_key


class AliasCheck:
    """Finds circles among the aliases of one lexicon.

    An alias leads to the entries of its words, and to that of the whole of it. Circles over several
    lexicons are found where a word is looked up.
    """

    def __init__(self) -> None:
        self._aliases: dict[str, Row] = {}

    def add(self, row: Row) -> None:
        """Take the next row."""
        if row.alias is not None:
            self._aliases.setdefault(lexicon_key(row.entry.word), row)

    def raise_any(self, path: Path) -> None:
        """Refuse the lexicon at `path` where an alias leads back to itself.

        Raises:
            LexiconError: with the words on the way.
        """
        finished: set[str] = set()
        for key in self._aliases:
            circle = self._circle(key, finished)
            if circle:
                words = [self._aliases[each].entry.word for each in circle]
                raise LexiconError(
                    path,
                    self._aliases[circle[0]].number,
                    expected="aliases that do not lead back to themselves",
                    found=" -> ".join(words),
                )

    def _circle(self, start: str, finished: set[str]) -> list[str]:
        """The keys of a circle that can be reached from one, first and last the same; or none."""
        if start in finished:
            return []
        path = [start]
        branches = [self._next(start)]
        while branches:
            key = next(branches[-1], None)
            if key is None:
                branches.pop()
                finished.add(path.pop())
            elif key in path:
                return [*path[path.index(key) :], key]
            elif key not in finished:
                path.append(key)
                branches.append(self._next(key))
        return []

    def _next(self, key: str) -> Iterator[str]:
        alias = self._aliases[key].alias or ""
        keys = dict.fromkeys(map(lexicon_key, (alias, *alias.split())))
        return (each for each in keys if each in self._aliases)

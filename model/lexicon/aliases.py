"""Find cyclic aliases, whose entries can never be pronounced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tanger.model.lexicon.entry import LexiconError, Row
from tanger.model.lexicon.index import lexicon_key


class AliasCheck:
    """Finds cycles among the aliases of one lexicon.

    An alias refers to the entry of its whole text and to the entries of its words. Cycles across
    several lexicons are detected when a word is looked up.
    """

    def __init__(self) -> None:
        self._aliases: dict[str, Row] = {}

    def add(self, row: Row) -> None:
        """Add the next row."""
        if row.alias is not None:
            self._aliases.setdefault(lexicon_key(row.entry.word), row)

    def raise_any(self, path: Path) -> None:
        """Raise if an alias refers back to itself.

        Args:
            path: path of the lexicon, for the error.

        Raises:
            LexiconError: with the words of the cycle.
        """
        finished: set[str] = set()
        for key in self._aliases:
            cycle = self._cycle(key, finished)
            if cycle:
                words = [self._aliases[each].entry.word for each in cycle]
                raise LexiconError(
                    path,
                    self._aliases[cycle[0]].number,
                    expected="aliases that do not lead back to themselves",
                    found=" -> ".join(words),
                )

    def _cycle(self, start: str, finished: set[str]) -> list[str]:
        """Return the keys of a cycle reachable from `start`, the first again at the end, or []."""
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

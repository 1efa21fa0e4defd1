"""The ways to say what is read in parts, from the ways to say each part."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from tanger.model.phonology.alignment import Alignment


class Candidate(NamedTuple):
    """One way to say a word, or a part of one.

    Attributes:
        phonemes: in the alphabet that is asked for.
        probability: that it is right; None where a lexicon says so.
        complete: false where decoding hit its length bound.
        alignment: which letters made which phoneme, where one word is said in one piece and it is
            known.
    """

    phonemes: tuple[str, ...]
    probability: float | None
    complete: bool
    alignment: Alignment | None = None


def combine(parts: Sequence[Sequence[Candidate]], maximum: int) -> list[Candidate]:
    """The likeliest ways to say the parts one after the other, each way once.

    Args:
        parts: the ways of each, the best first; without any there is no way.
        maximum: of the results, where there are several parts.

    Returns:
        Where all parts have them, probabilities are multiplied; a lexicon's part is certain beside
        others. Ways alike keep the order of the earlier parts' ways.
    """
    if not parts:
        return []
    if len(parts) == 1:
        return list(parts[0] if len(parts[0]) == 1 else _distinct(parts[0]))
    found: list[Candidate] = [Candidate((), None, complete=True)]
    for ways in parts:
        # No later part makes a way likely again that is not among these
        found = _best_pairs(found, sorted(ways, key=_rank), maximum)
    return found


def _best_pairs(
    left: Sequence[Candidate], right: Sequence[Candidate], maximum: int
) -> list[Candidate]:
    """The `maximum` likeliest distinct ways to say one of `left` and then one of `right`.

    Both are sorted by falling probability, so that no pair is likelier than the one before it in
    its row or its column: a heap of the pairs whose predecessors are taken gives the rest in order,
    without forming them all (Huang and Chiang, 2005, "Better k-best parsing", algorithm 2).
    """
    found: dict[tuple[str, ...], Candidate] = {}
    heap: list[tuple[float, int, int, Candidate]] = []

    def push(i: int, j: int) -> None:
        if i < len(left) and j < len(right):
            way = _following(left[i], right[j])
            heapq.heappush(heap, (_rank(way), i, j, way))

    push(0, 0)
    while heap and len(found) < maximum:
        _, i, j, way = heapq.heappop(heap)
        found.setdefault(way.phonemes, way)
        push(i, j + 1)
        if j == 0:
            push(i + 1, 0)
    return list(found.values())


def _rank(way: Candidate) -> float:
    """What ways are sorted by; a lexicon's way is certain."""
    return -1.0 if way.probability is None else -way.probability


def _following(before: Candidate, way: Candidate) -> Candidate:
    chances = [p for p in (before.probability, way.probability) if p is not None]
    return Candidate(
        before.phonemes + way.phonemes,
        chances[0] * chances[-1] if len(chances) == 2 else (chances[0] if chances else None),
        before.complete and way.complete,
    )


def _distinct(ways: Sequence[Candidate]) -> Sequence[Candidate]:
    found: dict[tuple[str, ...], Candidate] = {}
    for way in ways:
        found.setdefault(way.phonemes, way)
    return list(found.values())

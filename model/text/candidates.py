"""Candidate pronunciations of a word, and those of its parts joined: the likeliest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonology import notation
from tanger.model.phonology.alignment import Alignment
from tanger.model.phonology.notation import Alphabet


class Candidate(NamedTuple):
    """One pronunciation of a word, or of a part of one.

    Attributes:
        phonemes: in the alphabet that was requested.
        probability: that it is right; None where a lexicon has it.
        complete: false where decoding hit its length bound.
        alignment: which letters made which phoneme, where that was requested and the network
            pronounced the word in one piece.
    """

    phonemes: tuple[str, ...]
    probability: float | None
    complete: bool
    alignment: Alignment | None = None


class Failure(NamedTuple):
    """What a decoder raised in place of an answer."""

    error: str


def of_network(
    hypotheses: Iterable[Hypothesis], alphabet: Alphabet, *, marks: bool
) -> list[Candidate]:
    """The network's hypotheses, written in an alphabet, with or without stress marks."""
    candidates = [
        Candidate(
            notation.write(found.phonemes, alphabet, found.stress, marks=marks),
            found.probability,
            found.complete,
            found.alignment,
        )
        for found in hypotheses
    ]
    # Two of them may be one in another alphabet
    return _distinct(candidates) if len(candidates) > 1 else candidates


def join(parts: Sequence[Sequence[Candidate]], limit: int) -> list[Candidate]:
    """The likeliest pronunciations of the parts one after the other, each once.

    Args:
        parts: the candidates of each, the best first; where one has none, there is none.
        limit: most results, where there are several parts.

    Returns:
        Where all parts have them, probabilities are multiplied; a lexicon's part is certain beside
        others. Candidates alike keep the order of the earlier parts' candidates.
    """
    if not parts:
        return []
    if len(parts) == 1:
        return list(parts[0]) if len(parts[0]) == 1 else _distinct(parts[0])
    joined: list[Candidate] = [Candidate((), None, complete=True)]
    for candidates in parts:
        # No later part makes a beginning likely again that is not among these
        joined = _best_pairs(joined, sorted(candidates, key=_rank), limit)
    return joined


def _best_pairs(
    left: Sequence[Candidate], right: Sequence[Candidate], limit: int
) -> list[Candidate]:
    """The `limit` likeliest distinct pairs of one of `left` and then one of `right`.

    Both are sorted by falling probability, so that no pair is likelier than the one before it in
    its row or its column: a heap of the pairs whose predecessors are taken gives the rest in order,
    without forming them all (Huang and Chiang, 2005, "Better k-best parsing", algorithm 2).
    """
    found: dict[tuple[str, ...], Candidate] = {}
    heap: list[tuple[float, int, int, Candidate]] = []

    def push(i: int, j: int) -> None:
        if i < len(left) and j < len(right):
            pair = _pair(left[i], right[j])
            heapq.heappush(heap, (_rank(pair), i, j, pair))

    push(0, 0)
    while heap and len(found) < limit:
        _, i, j, pair = heapq.heappop(heap)
        found.setdefault(pair.phonemes, pair)
        push(i, j + 1)
        if j == 0:
            push(i + 1, 0)
    return list(found.values())


def _rank(candidate: Candidate) -> float:
    """What candidates are sorted by; a lexicon's is certain."""
    return -1.0 if candidate.probability is None else -candidate.probability


def _pair(left: Candidate, right: Candidate) -> Candidate:
    known = [p for p in (left.probability, right.probability) if p is not None]
    return Candidate(
        left.phonemes + right.phonemes,
        known[0] * known[-1] if len(known) == 2 else (known[0] if known else None),
        left.complete and right.complete,
    )


def _distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first candidate of each pronunciation."""
    found: dict[tuple[str, ...], Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.phonemes, candidate)
    return list(found.values())

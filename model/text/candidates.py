"""Candidate pronunciations of a word, and those of its parts joined: the likeliest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonology import alignment, notation
from tanger.model.phonology.alignment import Alignment
from tanger.model.phonology.notation import Alphabet

# Between words; alphabets that have a space between phonemes take two.
WORD_SEPARATORS: dict[Alphabet, str] = {"ipa": " ", "x-sampa": " "}


class Candidate(NamedTuple):
    """One pronunciation of a word, or of a part of one.

    Attributes:
        phonemes: in the alphabet that was requested.
        probability: that it is right; None where a lexicon has it.
        complete: false where decoding hit its length bound.
        alignment: which letters made which phoneme, where that was requested and is known.
        breaks: the numbers of the phonemes that begin a further word, where it was read in parts.
    """

    phonemes: tuple[str, ...]
    probability: float | None
    complete: bool
    alignment: Alignment | None = None
    breaks: tuple[int, ...] = ()

    def text(
        self,
        alphabet: Alphabet,
        *,
        phone_separator: str | None = None,
        word_separator: str | None = None,
    ) -> str:
        """The phonemes as one text.

        Args:
            alphabet: that they are written in.
            phone_separator: between phonemes; by default nothing but syllable breaks in IPA and
                X-SAMPA, and a space in the others.
            word_separator: between words; by default a space in IPA and X-SAMPA, and two in the
                others.
        """
        if word_separator is None:
            word_separator = WORD_SEPARATORS.get(alphabet, "  ")
        words = [
            self.phonemes[start:end]
            for start, end in pairwise((0, *self.breaks, len(self.phonemes)))
        ]
        if phone_separator is None:
            return word_separator.join(notation.join(word, alphabet) for word in words)
        return word_separator.join(map(phone_separator.join, words))


class Failure(NamedTuple):
    """What a decoder raised in place of an answer."""

    error: str


def of_network(
    hypotheses: Iterable[Hypothesis], alphabet: Alphabet, *, marks: bool
) -> list[Candidate]:
    """The network's hypotheses, written in an alphabet, with or without stress marks."""
    # Two of them may be one in another alphabet
    return _distinct(given(hypotheses, alphabet, marks=marks))


def given(hypotheses: Iterable[Hypothesis], alphabet: Alphabet, *, marks: bool) -> list[Candidate]:
    """The same of hypotheses that were given to the network: all of them."""
    return [
        Candidate(
            notation.write(found.phonemes, alphabet, found.stress, marks=marks),
            found.probability,
            found.complete,
            found.alignment,
        )
        for found in hypotheses
    ]


def join(parts: Sequence[Sequence[Candidate]], limit: int) -> list[Candidate]:
    """The likeliest pronunciations of the parts one after the other, each once.

    Args:
        parts: the candidates of each, the best first; where one has none, there is none.
        limit: most results.

    Returns:
        Where all parts have them, probabilities are multiplied; a lexicon's part is certain beside
        others. Candidates alike keep the order of the earlier parts' candidates.
    """
    if not parts:
        return []
    if len(parts) == 1:  # in its own order, which is the likeliest first or a lexicon's
        return _distinct(parts[0])[:limit]
    joined = [_Chain((), None, ())]
    for candidates in parts:
        # No later part makes a beginning likely again that is not among these
        joined = _best_chains(joined, sorted(candidates, key=_rank), limit)
    return [chain.candidate() for chain in joined]


class _Chain(NamedTuple):
    """Candidates of the first parts, one of each."""

    phonemes: tuple[str, ...]
    probability: float | None
    links: tuple[Candidate, ...]

    def extended(self, candidate: Candidate) -> _Chain:
        known = [p for p in (self.probability, candidate.probability) if p is not None]
        return _Chain(
            self.phonemes + candidate.phonemes,
            known[0] * known[-1] if len(known) == 2 else (known[0] if known else None),
            (*self.links, candidate),
        )

    def candidate(self) -> Candidate:
        """All of it as one."""
        aligned = [one.alignment for one in self.links if one.alignment is not None]
        return Candidate(
            self.phonemes,
            self.probability,
            all(one.complete for one in self.links),
            alignment.concatenate(aligned) if len(aligned) == len(self.links) else None,
            tuple(accumulate(len(one.phonemes) for one in self.links[:-1])),
        )


def _best_chains(
    chains: Sequence[_Chain], candidates: Sequence[Candidate], limit: int
) -> list[_Chain]:
    """The `limit` likeliest distinct chains with one of `candidates` at their end.

    Both are sorted by falling probability, so that no pair is likelier than the one before it in
    its row or its column: a heap of the pairs whose predecessors are taken gives the rest in order,
    without forming them all (Huang and Chiang, 2005, "Better k-best parsing", algorithm 2).
    """
    found: dict[tuple[str, ...], _Chain] = {}
    heap: list[tuple[float, int, int, _Chain]] = []

    def push(i: int, j: int) -> None:
        if i < len(chains) and j < len(candidates):
            chain = chains[i].extended(candidates[j])
            heapq.heappush(heap, (_rank(chain), i, j, chain))

    push(0, 0)
    while heap and len(found) < limit:
        _, i, j, chain = heapq.heappop(heap)
        found.setdefault(chain.phonemes, chain)
        push(i, j + 1)
        if j == 0:
            push(i + 1, 0)
    return list(found.values())


def _rank(either: Candidate | _Chain) -> float:
    """What candidates are sorted by; a lexicon's is certain."""
    return -1.0 if either.probability is None else -either.probability


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The first candidate of each pronunciation."""
    if len(candidates) < 2:
        return list(candidates)
    found: dict[tuple[str, ...], Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.phonemes, candidate)
    return list(found.values())

"""Candidate pronunciations of words, and the k best combinations of the candidates of parts."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonology import alignment, notation
from tanger.model.phonology.alignment import Alignment
from tanger.model.phonology.notation import Alphabet

# Separators of words; alphabets with a space between phonemes use two spaces.
WORD_SEPARATORS: dict[Alphabet, str] = {"ipa": " ", "x-sampa": " "}


class Candidate(NamedTuple):
    """One pronunciation of a word, or of a part of one.

    Attributes:
        phonemes: phonemes in the requested alphabet.
        probability: probability that it is right; None if it is from a lexicon.
        complete: false if decoding stopped at its length limit.
        alignment: letters of each phoneme, if requested and known.
        breaks: indices of the phonemes that begin a further word, if it was read in parts.
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
        """Join the phonemes to a text.

        Args:
            alphabet: alphabet of the phonemes.
            phone_separator: separator of phonemes; by default only syllable breaks in IPA and
                X-SAMPA, and a space in other alphabets.
            word_separator: separator of words; by default one space in IPA and X-SAMPA, and two
                in other alphabets.
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
    """The exception that a decoder raised instead of returning candidates."""

    error: str


def distinct_from_hypotheses(
    hypotheses: Iterable[Hypothesis], alphabet: Alphabet, *, marks: bool
) -> list[Candidate]:
    """Convert the network's hypotheses to distinct candidates in an alphabet."""
    # Distinct hypotheses may coincide in another alphabet
    return _distinct(from_hypotheses(hypotheses, alphabet, marks=marks))


def from_hypotheses(
    hypotheses: Iterable[Hypothesis], alphabet: Alphabet, *, marks: bool
) -> list[Candidate]:
    """Convert hypotheses to candidates in an alphabet one to one, without merging equal ones."""
    return [
        Candidate(
            notation.write(found.phonemes, alphabet, found.stress, marks=marks),
            found.probability,
            found.complete,
            found.alignment,
        )
        for found in hypotheses
    ]


def join(
    parts: Sequence[Sequence[Candidate]], limit: int, joined: Sequence[bool] = ()
) -> list[Candidate]:
    """Return the most probable distinct concatenations of the parts' candidates.

    Args:
        parts: candidates of each part, the best first; if a part has none, the result is empty.
        limit: maximum number of results.
        joined: for each part, whether no boundary follows it; by default one follows each.

    Returns:
        Candidates whose probabilities are products over the parts; a candidate of a lexicon counts
        as 1 beside others. Equally probable ones keep the order of the earlier parts' candidates.
    """
    if not parts:
        return []
    if len(parts) == 1:  # keep its order: by probability, or that of the lexicon
        return _distinct(parts[0])[:limit]
    chains = [_Chain((), None, ())]
    for candidates in parts:
        # Later parts cannot raise the rank of a beginning that is not among the best `limit`
        chains = _best_chains(chains, sorted(candidates, key=_rank), limit)
    return [chain.candidate(joined or [False] * len(parts)) for chain in chains]


def with_phonemes(
    candidates: Iterable[Candidate], replacements: Mapping[str, str]
) -> list[Candidate]:
    """Replace phonemes one for one; candidates that become equal are merged.

    Args:
        candidates: in order.
        replacements: by the phoneme that they replace.
    """
    found: dict[tuple[str, ...], Candidate] = {}
    for one in candidates:
        phonemes = tuple(replacements.get(phoneme, phoneme) for phoneme in one.phonemes)
        same = found.get(phonemes)
        if same is None:
            found[phonemes] = one._replace(phonemes=phonemes)
        elif same.probability is not None and one.probability is not None:
            chance = same.probability + one.probability
            found[phonemes] = same._replace(probability=chance)
    return list(found.values())


class _Chain(NamedTuple):
    """One candidate of each of the first parts."""

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

    def candidate(self, joined: Sequence[bool]) -> Candidate:
        """Concatenate the chain to one candidate; `joined` as for `join`."""
        aligned = [one.alignment for one in self.links if one.alignment is not None]
        return Candidate(
            self.phonemes,
            self.probability,
            all(one.complete for one in self.links),
            alignment.concatenate(aligned) if len(aligned) == len(self.links) else None,
            tuple(
                end
                for end, open_ in zip(
                    accumulate(len(one.phonemes) for one in self.links[:-1]), joined, strict=False
                )
                if not open_
            ),
        )


def _best_chains(
    chains: Sequence[_Chain], candidates: Sequence[Candidate], limit: int
) -> list[_Chain]:
    """Return the `limit` most probable distinct chains extended by one of `candidates`.

    Both inputs are sorted by decreasing probability, so that no pair is more probable than its
    predecessors in row and column. A heap of the pairs whose predecessors have been taken yields
    them in order without forming all (Huang and Chiang, 2005, "Better k-best parsing",
    algorithm 2).
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
    """Return the sort key: negative probability, with a lexicon's counted as 1."""
    return -1.0 if either.probability is None else -either.probability


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Keep the first candidate of each pronunciation."""
    if len(candidates) < 2:
        return list(candidates)
    found: dict[tuple[str, ...], Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.phonemes, candidate)
    return list(found.values())

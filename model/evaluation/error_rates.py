"""Phoneme and word error rates, scored the two ways of the CMUdict literature.

- any-match: by distinct word; a word is right when it equals one of its references, and its
  phoneme errors are counted against the nearest one.
- per-line: every line of the lexicon is one reference; strictly harder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Phonemes = Sequence[str]


@dataclass(frozen=True)
class ErrorRates:
    """Counts over a test set, and the two rates that they make.

    Attributes:
        words: how many words (any-match) or lines (per-line) were scored.
        wrong: how many of them were not fully right.
        edits: insertions, deletions and substitutions, summed.
        phonemes: length of the references, summed.
    """

    words: int
    wrong: int
    edits: int
    phonemes: int

    @property
    def wer(self) -> float:
        """Word error rate, 0 to 1."""
        return self.wrong / self.words

    @property
    def per(self) -> float:
        """Phoneme error rate: edits over reference phonemes; above 1 for a babbler."""
        return self.edits / self.phonemes


def edit_distance(reference: Phonemes, hypothesis: Phonemes) -> int:
    """Levenshtein distance: the fewest insertions, deletions and substitutions."""
    return _distances(reference, hypothesis)[-1][-1]


def _distances(reference: Phonemes, hypothesis: Phonemes) -> list[list[int]]:
    """Edits from each beginning of the reference (rows) to each of the hypothesis (columns)."""
    rows = [list(range(len(hypothesis) + 1))]
    for number, expected in enumerate(reference, start=1):
        above, row = rows[-1], [number]
        for column, given in enumerate(hypothesis, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (expected != given)))
        rows.append(row)
    return rows


def nearest(references: Iterable[Phonemes], hypothesis: Phonemes) -> tuple[Phonemes, int]:
    """The reference with the fewest edits to `hypothesis` (the first of equals), and the edits."""
    return min(
        ((reference, edit_distance(reference, hypothesis)) for reference in references),
        key=lambda scored: scored[1],
    )


def any_match(
    references: Mapping[str, Sequence[Phonemes]], hypotheses: Mapping[str, Phonemes]
) -> ErrorRates:
    """Score by distinct word; a word without a hypothesis counts as an empty one.

    Raises:
        ValueError: where there is nothing to score.
    """
    scored = [nearest(refs, hypotheses.get(word, ())) for word, refs in references.items()]
    return _sum(scored)


def per_line(
    lines: Iterable[tuple[str, Phonemes]], hypotheses: Mapping[str, Phonemes]
) -> ErrorRates:
    """Score every line by itself; a word without a hypothesis counts as an empty one.

    Raises:
        ValueError: where there is nothing to score.
    """
    return _sum(
        [(phonemes, edit_distance(phonemes, hypotheses.get(word, ()))) for word, phonemes in lines]
    )


def _sum(scored: Sequence[tuple[Phonemes, int]]) -> ErrorRates:
    if not scored:
        raise ValueError("no words to score")
    return ErrorRates(
        words=len(scored),
        wrong=sum(edits > 0 for _, edits in scored),
        edits=sum(edits for _, edits in scored),
        phonemes=sum(len(reference) for reference, _ in scored),
    )


def confusions(reference: Phonemes, hypothesis: Phonemes) -> Counter[tuple[str, str]]:
    """The edits of one cheapest alignment, as (expected, given); "" stands for nothing."""
    distance = _distances(reference, hypothesis)
    found: Counter[tuple[str, str]] = Counter()
    r, h = len(reference), len(hypothesis)
    while r or h:
        here = distance[r][h]
        if r and h and reference[r - 1] == hypothesis[h - 1] and here == distance[r - 1][h - 1]:
            r, h = r - 1, h - 1
        elif r and h and here == distance[r - 1][h - 1] + 1:
            r, h = r - 1, h - 1
            found[reference[r], hypothesis[h]] += 1
        elif r and here == distance[r - 1][h] + 1:
            r -= 1
            found[reference[r], ""] += 1
        else:
            h -= 1
            found["", hypothesis[h]] += 1
    return found

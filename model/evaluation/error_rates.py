"""Phoneme and word error rates, in the two conventions of the CMUdict literature.

- any-match: scored by distinct word. A word is correct if the answer equals one of its references;
  its phoneme errors are counted against the nearest reference.
- per-line: every line of the lexicon is a reference of its own, which is stricter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Phonemes = Sequence[str]


@dataclass(frozen=True)
class ErrorRates:
    """Error counts of a test set, and the rates computed from them.

    Attributes:
        words: number of words (any-match) or lines (per-line) scored.
        wrong: number of them that are wrong.
        edits: total number of insertions, deletions and substitutions.
        phonemes: total length of the references.
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
        """Phoneme error rate: edits per reference phoneme; may exceed 1."""
        return self.edits / self.phonemes


def edit_distance(reference: Phonemes, hypothesis: Phonemes) -> int:
    """Levenshtein distance: the smallest number of insertions, deletions and substitutions."""
    return _distances(reference, hypothesis)[-1][-1]


def _distances(reference: Phonemes, hypothesis: Phonemes) -> list[list[int]]:
    """Return the edit distances of all prefixes of reference (rows) and hypothesis (columns)."""
    rows = [list(range(len(hypothesis) + 1))]
    for number, expected in enumerate(reference, start=1):
        above, row = rows[-1], [number]
        for column, given in enumerate(hypothesis, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (expected != given)))
        rows.append(row)
    return rows


def nearest(references: Iterable[Phonemes], hypothesis: Phonemes) -> tuple[Phonemes, int]:
    """Return the reference with the smallest edit distance to `hypothesis`, and the distance.

    Among equally near references, the first is returned.
    """
    return min(
        ((reference, edit_distance(reference, hypothesis)) for reference in references),
        key=lambda scored: scored[1],
    )


def any_match(
    references: Mapping[str, Sequence[Phonemes]], hypotheses: Mapping[str, Phonemes]
) -> ErrorRates:
    """Score by distinct word; a missing hypothesis counts as an empty one.

    Raises:
        ValueError: if there are no references.
    """
    scored = [nearest(refs, hypotheses.get(word, ())) for word, refs in references.items()]
    return _sum(scored)


def per_line(
    lines: Iterable[tuple[str, Phonemes]], hypotheses: Mapping[str, Phonemes]
) -> ErrorRates:
    """Score each line separately; a missing hypothesis counts as an empty one.

    Raises:
        ValueError: if there are no lines.
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
    """Count the edits of one optimal alignment as (expected, given); "" stands for no phoneme."""
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

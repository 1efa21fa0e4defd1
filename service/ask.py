"""What the decoding processes are asked: a word, and what to tell of it."""

from __future__ import annotations

from typing import NamedTuple

# What each further answer adds to the work on a word, of what the first takes (see
# `python -m benchmarks.beam`).
_FURTHER = 0.35
# Likewise what aligning an answer adds.
_ALIGNED = 1


class Ask(NamedTuple):
    """All that decides what the network says.

    Attributes:
        word: in the artifact's graphemes.
        n: the most answers.
        alignment: with the letters of each phoneme.
    """

    word: str
    n: int = 1
    alignment: bool = False

    @property
    def work(self) -> int:
        """How much there is to do: in letters of a word that is asked for one answer."""
        if self.n == 1 and not self.alignment:
            return len(self.word)
        aligned = _ALIGNED * self.n if self.alignment else 0
        return round(len(self.word) * (1 + _FURTHER * (self.n - 1) + aligned))

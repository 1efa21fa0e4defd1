"""What the decoding processes are asked: a word, what to tell of it, and how to write it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from model.alphabets import Alphabet

# What each further answer adds to the work on a word, of what the first takes (see
# `python -m benchmarks.beam`).
_FURTHER = 0.35
# Likewise what aligning an answer adds.
_ALIGNED = 1


class Ask(NamedTuple):
    """All that decides what is answered.

    Attributes:
        word: in the artifact's graphemes.
        n: the most answers.
        alignment: with the letters of each phoneme.
        alphabet: that phonemes are written in; by default in the artifact's own symbols.
        marks: with stress.
    """

    word: str
    n: int = 1
    alignment: bool = False
    alphabet: Alphabet = "native"
    marks: bool = False

    @property
    def work(self) -> int:
        """How much there is to do: in letters of a word that is asked for one answer."""
        if self.n == 1 and not self.alignment:
            return len(self.word)
        aligned = _ALIGNED * self.n if self.alignment else 0
        return round(len(self.word) * (1 + _FURTHER * (self.n - 1) + aligned))


def asking(asks: Iterable[Ask]) -> str:
    """The line that asks for a batch: what is asked of words one behind the other, said once."""
    runs = groupby(asks, key=lambda ask: ask[1:])
    return json.dumps([[*manner, [ask.word for ask in same]] for manner, same in runs])


def asked(line: str) -> list[Ask]:
    """What a line of `asking` asks."""
    return [Ask(word, *manner) for *manner, words in json.loads(line) for word in words]

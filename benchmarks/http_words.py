"""What is asked: words that nobody asked before, and words as often as people use them."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import cycle

from tanger.model.text.speller import Speller

_CONSONANTS = "bcdfghjklmnpqrstvwxz"
_VOWELS = "aeiouy"
_ANY = "abcdefghijklmnopqrstuvwxyz"

# Below five letters there are too few words to last a run.
_SHORTEST = 5


def new_words(lengths: Sequence[int], seed: int) -> Iterator[str]:
    """Words that look as if they could be said, none of them twice.

    Each length counts through all of its spellings, in steps that leap about.

    Args:
        lengths: letters of real words, which these words get in turn; the shortest get five, or
            more once there are no more of five.
        seed: where to begin.
    """
    drawn = Counter[int]()
    for least in cycle(lengths):
        length = max(least, _SHORTEST)
        while drawn[length] == (size := math.prod(map(len, letters := _letters(length)))):
            length += 1
        yield _spelling((seed + drawn[length] * _step(size)) % size, letters)
        drawn[length] += 1


def _letters(length: int) -> list[str]:
    """The letters for each place of a word."""
    return [(_CONSONANTS, _VOWELS)[place % 2] for place in range(length - 2)] + [_ANY] * 2


def natural_words(graphemes: Collection[str], count: int, *, seed: int = 1) -> list[str]:
    """Words drawn from wordfreq's 100,000 most frequent English ones, as often as they are used.

    What cannot be spelt in `graphemes` (numbers, other scripts) is left out: its answer would be an
    error, which costs less than a pronunciation.
    """
    import wordfreq

    speller = Speller(graphemes)
    frequencies = wordfreq.get_frequency_dict("en", "best")
    words = [
        word
        for word in wordfreq.top_n_list("en", 100_000, "best")
        if speller.spell(word).normalized is not None
    ]
    draw = random.Random(seed)
    return draw.choices(words, [frequencies[word] for word in words], k=count)


def _step(size: int) -> int:
    """A step by which a walk around `size` places comes to every one of them."""
    step = int(size * 0.618)
    while math.gcd(step, size) > 1:
        step += 1
    return step


def _spelling(number: int, letters: Sequence[str]) -> str:
    spelt = []
    for choices in letters:
        number, digit = divmod(number, len(choices))
        spelt.append(choices[digit])
    return "".join(spelt)

"""Words to request: new ones, and English words by their frequency of use."""

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

# Below five letters, there are too few words for a run
_SHORTEST = 5


def new_words(lengths: Sequence[int], seed: int) -> Iterator[str]:
    """Yield distinct pronounceable words.

    For each length, all spellings are enumerated in a scattered order.

    Args:
        lengths: numbers of letters of real words, used in rotation; at least five, and more once
            the words of a length are used up.
        seed: determines the first word.
    """
    drawn = Counter[int]()
    for least in cycle(lengths):
        length = max(least, _SHORTEST)
        while drawn[length] == (size := math.prod(map(len, letters := _letters(length)))):
            length += 1
        yield _spelling((seed + drawn[length] * _step(size)) % size, letters)
        drawn[length] += 1


def _letters(length: int) -> list[str]:
    """Return the possible letters at each position of a word."""
    return [(_CONSONANTS, _VOWELS)[place % 2] for place in range(length - 2)] + [_ANY] * 2


def natural_words(graphemes: Collection[str], count: int, *, seed: int = 1) -> list[str]:
    """Sample from wordfreq's 100,000 most frequent English words by their frequency.

    Words with other characters than `graphemes` (numbers, other scripts) are excluded, since they
    would get an error, which costs less than a pronunciation.
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
    """Return a step that visits all of `size` positions cyclically (coprime to `size`)."""
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

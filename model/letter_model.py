"""Words that nobody wrote, spelt like those of a lexicon: a letter n-gram model that is drawn from.

A student learns what its teachers know from words that they pronounce; lists of real ones end.

Source: Witten & Bell (1991), "The zero-frequency problem"; Sun et al. (2019), "Token-Level Ensemble
Distillation for Grapheme-to-Phoneme Conversion", for how many words a student can use.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator

# Letters of history: with fewer, words look like nothing; with more, they are those of the lexicon.
HISTORY = 5

# Words drawn in a row without a new one after which there are none.
_PATIENCE = 10_000

_START, _END = "<s>", "</s>"


class LetterModel:
    """Interpolated letter n-grams, with as much weight on the longer as Witten and Bell give."""

    def __init__(self, words: Collection[tuple[str, ...]], history: int = HISTORY) -> None:
        """Count letters behind each history of at most `history` letters.

        Args:
            words: spelt in graphemes, each counted once.
            history: the longest.
        """
        self._history = history
        self._behind: dict[tuple[str, ...], list[str]] = {}
        for word in words:
            framed = (_START,) * history + word + (_END,)
            for place in range(history, len(framed)):
                for length in range(history + 1):
                    before = framed[place - length : place]
                    self._behind.setdefault(before, []).append(framed[place])
        self._kinds = {before: len(set(letters)) for before, letters in self._behind.items()}

    def draw(self, random: random.Random) -> tuple[str, ...]:
        """One word, as likely as the model has it; it may be one of those that were counted."""
        said: tuple[str, ...] = (_START,) * self._history
        while (letter := self._letter(said[len(said) - self._history :], random)) != _END:
            said += (letter,)
        return said[self._history :]

    def _letter(self, before: tuple[str, ...], random: random.Random) -> str:
        """A letter of those behind the whole history, or, as often as new ones came, a shorter."""
        while True:
            letters = self._behind.get(before)
            if letters:
                kinds = self._kinds[before]
                if not before or random.random() * (len(letters) + kinds) < len(letters):
                    return random.choice(letters)
            before = before[1:]


def invented(
    words: Collection[str], *, count: int, without: Collection[str], seed: int
) -> Iterator[str]:
    """So many words that are in neither collection, each once, of two to twenty letters.

    Fewer where the model has no more to say.

    Args:
        words: a letter each grapheme; what the model counts.
        count: how many.
        without: words that must not come; nor do those that are counted.
        seed: of the random numbers.
    """
    model = LetterModel({tuple(word) for word in words})
    draws = random.Random(seed)
    seen = set(without) | set(words)
    left, in_vain = count, 0
    while left and in_vain < _PATIENCE:
        word = "".join(model.draw(draws))
        if not 2 <= len(word) <= 20 or word in seen:
            in_vain += 1
            continue
        seen.add(word)
        left, in_vain = left - 1, 0
        yield word

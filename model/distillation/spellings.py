"""Spellings without pronunciations: what people write most, and what they are called.

Words come from `wordfreq`'s lists, names from the United States' census of 1990, which the package
`names` carries. No pronunciation comes with either. `distillation.spellings` invents more.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from tanger.model import TangerError
from tanger.model.text.speller import Speller


class SpellingsError(TangerError, RuntimeError):
    """Word lists that are not there."""


def frequent(
    languages: Sequence[str], graphemes: Collection[str], *, without: Collection[str]
) -> Iterator[str]:
    """Words of each language's largest list, most frequent first, in `graphemes`.

    Each comes once; what needs more than its case changed to be spelt, has one letter or is in
    `without` is passed over.

    Args:
        languages: codes, such as ``en``.
        graphemes: the letters that words are made of.
        without: words, spelt in `graphemes`.

    Raises:
        SpellingsError: where `wordfreq` is not installed, or has no list of a language.
    """
    try:
        import wordfreq
    except ImportError as e:
        raise SpellingsError("word lists come with wordfreq, which `make dev` installs") from e
    for language in languages:
        if language not in wordfreq.available_languages():
            raise SpellingsError(
                f"wordfreq has no list of {language!r}; it has "
                f"{' '.join(sorted(wordfreq.available_languages()))}"
            )
    words = (word for each in languages for word in wordfreq.iter_wordlist(each, "best"))
    return _spelt(words, graphemes, without=without)


def names(graphemes: Collection[str], *, without: Collection[str]) -> Iterator[str]:
    """Family names and first names of the United States in `graphemes`, as `frequent` gives words.

    Raises:
        SpellingsError: where the package `names` is not installed.
    """
    try:
        import names as census
    except ImportError as e:
        raise SpellingsError("lists of names come with names, which `make dev` installs") from e
    lines = (
        line
        for kind in ("last", "first:female", "first:male")
        for line in Path(census.FILES[kind]).read_text("ascii").splitlines()
    )
    return _spelt((line.split()[0] for line in lines), graphemes, without=without)


def _spelt(
    words: Iterable[str], graphemes: Collection[str], *, without: Collection[str]
) -> Iterator[str]:
    speller = Speller(graphemes)
    seen = set(without)
    for word in words:
        spelling = speller.spell(word)
        spelt = spelling.normalized
        if spelt is None or spelling.warnings or len(spelt) < 2 or spelt in seen:
            continue
        seen.add(spelt)
        yield spelt


# ------------------------------------------------------------------------------------------------
# Words that nobody wrote, spelt like those of a lexicon: a letter n-gram model that is drawn from.
#
# A student learns what its teachers know from words that they pronounce; lists of real ones end.
#
# Source: Witten & Bell (1991), "The zero-frequency problem"; Sun et al. (2019), "Token-Level
# Ensemble
# Distillation for Grapheme-to-Phoneme Conversion", for how many words a student can use.


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
        self._following: dict[tuple[str, ...], list[str]] = {}
        for word in words:
            framed = (_START,) * history + word + (_END,)
            for place in range(history, len(framed)):
                for length in range(history + 1):
                    before = framed[place - length : place]
                    self._following.setdefault(before, []).append(framed[place])
        self._kinds = {before: len(set(letters)) for before, letters in self._following.items()}

    def draw(self, random: random.Random) -> tuple[str, ...]:
        """One word, as likely as the model has it; it may be one of those that were counted."""
        spoken: tuple[str, ...] = (_START,) * self._history
        while (letter := self._letter(spoken[len(spoken) - self._history :], random)) != _END:
            spoken += (letter,)
        return spoken[self._history :]

    def _letter(self, before: tuple[str, ...], random: random.Random) -> str:
        """A letter of those behind the whole history, or, as often as new ones came, a shorter."""
        while True:
            letters = self._following.get(before)
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

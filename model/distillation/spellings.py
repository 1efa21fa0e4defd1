"""Spellings without pronunciations, for teachers to label: words, names, and invented words.

Words come from the lists of `wordfreq`, names from the package `names` (the United States' census
of 1990). Invented words are drawn from a letter n-gram model.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from tanger.model import TangerError
from tanger.model.text.speller import Speller


class SpellingsError(TangerError, RuntimeError):
    """A word list is not installed."""


def frequent(
    languages: Sequence[str], graphemes: Collection[str], *, without: Collection[str]
) -> Iterator[str]:
    """Yield the words of each language's largest list in `graphemes`, the most frequent first.

    Each word is yielded once. Words of one letter are skipped, and those that would need more than
    a change of case to be spelled in `graphemes`.

    Args:
        languages: language codes, such as ``en``.
        graphemes: the allowed letters.
        without: words to skip, spelled in `graphemes`.

    Raises:
        SpellingsError: if `wordfreq` is not installed or has no list of a language.
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
    """Yield first and last names of the United States in `graphemes`; see `frequent`.

    Raises:
        SpellingsError: if the package `names` is not installed.
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
# Invented words, drawn from a letter n-gram model of a lexicon.
#
# A student learns from its teachers on words that they label, and lists of real words are limited.
#
# Source: Witten & Bell (1991), "The zero-frequency problem"; Sun et al. (2019), "Token-Level
# Ensemble Distillation for Grapheme-to-Phoneme Conversion", for the number of words that a student
# can use.


# Letters of context. With fewer, words look random; with more, most are words of the lexicon.
HISTORY = 5

# The generator stops after this number of consecutive draws without a new word.
_PATIENCE = 10_000

_START, _END = "<s>", "</s>"


class LetterModel:
    """A letter n-gram model, interpolated with Witten-Bell weights."""

    def __init__(self, words: Collection[tuple[str, ...]], history: int = HISTORY) -> None:
        """Count the letters that follow each context of at most `history` letters.

        Args:
            words: distinct words, as sequences of graphemes.
            history: length of the longest context.
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
        """Draw a word from the model; it may be one of the training words."""
        spoken: tuple[str, ...] = (_START,) * self._history
        while (letter := self._letter(spoken[len(spoken) - self._history :], random)) != _END:
            spoken += (letter,)
        return spoken[self._history :]

    def _letter(self, before: tuple[str, ...], random: random.Random) -> str:
        """Draw a letter given the longest context or, by Witten-Bell's weights, a shorter one."""
        while True:
            letters = self._following.get(before)
            if letters:
                kinds = self._kinds[before]
                if not before or random.random() * (len(letters) + kinds) < len(letters):
                    return random.choice(letters)
            before = before[1:]


def invented_words(
    words: Collection[str], *, count: int, without: Collection[str], seed: int
) -> Iterator[str]:
    """Yield up to `count` distinct words of 2 to 20 letters that are in neither collection.

    There are fewer if the model generates no new words.

    Args:
        words: training words of the model, with one letter per grapheme.
        count: number of words.
        without: further words to exclude; `words` are excluded too.
        seed: random seed.
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

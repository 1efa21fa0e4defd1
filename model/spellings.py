"""Spellings without pronunciations: what people write most, and what they are called.

Words come from `wordfreq`'s lists, names from the United States' census of 1990, which the package
`names` carries. No pronunciation comes with either. `model.letter_model` invents more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from model.errors import TangerError
from model.spelling import Speller


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

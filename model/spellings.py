"""Spellings without pronunciations: what people write most, from `wordfreq`'s lists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

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
        raise SpellingsError("word lists come with wordfreq: pip install 'tanger[train]'") from e
    speller = Speller(graphemes)
    seen = set(without)
    for language in languages:
        try:
            words = wordfreq.iter_wordlist(language, "best")
        except LookupError as e:
            raise SpellingsError(
                f"wordfreq has no list of {language!r}; it has "
                f"{' '.join(sorted(wordfreq.available_languages()))}"
            ) from e
        for word in words:
            spelling = speller.spell(word)
            spelt = spelling.normalized
            if spelt is None or spelling.warnings or len(spelt) < 2 or spelt in seen:
                continue
            seen.add(spelt)
            yield spelt

"""Restore the marks on letters that a dictionary leaves out, as in Dutch *poëzie* and *café*.

The Dutch dictionary writes every word in the letters a to z. A list of words by frequency has the
marks: a word of the dictionary that is a listed one without its marks gets them back, and so do
longer words that begin with a listed one (*coördinatiebureau*).
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tanger.model.languages.definition import Pronunciation
from tanger.model.languages.splits import EXEMPT

# A longer word is taken for one that begins with a listed word from this many letters on
_STEM = 6
# A mark that says that two vowels do not make one sound, so that it stands in every form of a word
_DIAERESIS = "\u0308"


def restore(
    words: Mapping[str, Sequence[Pronunciation]],
    ranked: Iterable[str],
    letters: str,
    counts: Counter[str],
) -> dict[str, list[Pronunciation]]:
    """Return a dictionary with the marks of its words.

    A word whose spelling without marks is the more frequent one keeps that, too.

    Args:
        words: pronunciations by word, without marks.
        ranked: words by falling frequency, with marks, in lower case.
        letters: letters with marks to restore.
        counts: number of entries by what happened to them; added to.
    """
    wanted = frozenset(letters)
    ranks = {word: rank for rank, word in reversed(list(enumerate(ranked)))}
    restored = {word: list(ways) for word, ways in words.items()}
    stems: dict[str, str] = {}
    for word in sorted(ranks, key=ranks.__getitem__):
        bare = without_marks(word)
        marked = {letter for letter, plain in zip(word, bare, strict=False) if letter != plain}
        if not marked or not marked <= wanted:
            continue
        if _has_diaeresis(word) and len(bare) >= _STEM:
            stems.setdefault(bare, word)
        if bare not in restored or word in restored:
            continue
        if ranks.get(bare, len(ranks)) > ranks[word]:
            restored[word] = restored.pop(bare)
            counts["marks restored"] += 1
        elif ranks[word] < EXEMPT:  # for training in both spellings
            restored[word] = restored[bare]
            counts["marks restored, and kept without"] += 1
    longest = max(map(len, stems), default=0)
    for word in list(restored):
        if without_marks(word) != word:
            continue
        for end in range(min(len(word), longest), _STEM - 1, -1):
            if stem := stems.get(word[:end]):
                restored[stem + word[end:]] = restored.pop(word)
                counts["marks restored by the beginning"] += 1
                break
    return restored


def without_marks(word: str) -> str:
    """Return a word without the marks on its letters."""
    letters = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _has_diaeresis(word: str) -> bool:
    return _DIAERESIS in unicodedata.normalize("NFD", word)

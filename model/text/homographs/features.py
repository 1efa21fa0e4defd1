"""What the context of a word shows: neighbours, their endings and shapes, capital letters."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence

# Weights stand in one table of this size, where a feature's hash says
TABLE_BITS = 18
TABLE_MASK = (1 << TABLE_BITS) - 1

# Each sentence's context reaches this far
_WINDOW = 3
# Who does something: encyclopedias, which the model is trained on, hardly ever say I or you
_SUBJECTS = frozenset({"i", "you", "he", "she", "we", "they", "who"})
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def tokenize(text: str) -> list[str]:
    """Words and single punctuation marks, as the model is trained on them."""
    return _TOKEN.findall(text)


def seed(scope: str) -> int:
    """What the hashes of a scope's features start from.

    Args:
        scope: a sense, or a part of speech that several words' senses share.
    """
    return zlib.crc32(scope.encode())


def slots(features: Iterable[bytes], start: int) -> list[int]:
    """Where the weights of features stand, for a scope with this seed."""
    crc32 = zlib.crc32
    return [crc32(feature, start) & TABLE_MASK for feature in features]


def context(words: Sequence[str], index: int) -> list[bytes]:
    """Features of the context of ``words[index]``, with the constant feature ``b`` first.

    Args:
        words: a sentence's words and punctuation marks, without spaces.
        index: of the word that is asked about, which is itself a feature by its case alone.
    """
    around = [
        words[place] if 0 <= place < len(words) else ""
        for place in range(index - _WINDOW, index + _WINDOW + 1)
    ]
    lower = [_normalized(word) for word in around]
    three_before, two_before, before, _, after, two_after, three_after = lower
    features = [
        "b",
        f"c{_case(words[index])}{index == 0:d}",
        f"-1{before}",
        f"-2{two_before}",
        f"-3{three_before}",
        f"+1{after}",
        f"+2{two_after}",
        f"+3{three_after}",
        f"-12{two_before} {before}",
        f"+12{after} {two_after}",
        f"-+{before} {after}",
    ]
    if before in _SUBJECTS or two_before in _SUBJECTS:
        features.append("-S1" if before in _SUBJECTS else f"-S2{before}")
    for place, name in ((1, "p"), (2, "q"), (4, "r"), (5, "s")):
        word = lower[place]
        features += (f"{name}3{word[-3:]}", f"{name}2{word[-2:]}", f"{name}c{_case(around[place])}")
    return [feature.encode("utf-8", "surrogatepass") for feature in features]


def _normalized(word: str) -> str:
    """Lower case; numbers are all the same, and so is the end of a sentence."""
    return "#" if word[:1].isdigit() else word.lower()


def _case(word: str) -> str:
    """A letter for the case of a word; what is no word stands for itself."""
    if not word[:1].isalpha():
        return "#" if word[:1].isdigit() else word[:1]
    if word.islower():
        return "a"
    return "A" if len(word) > 1 and word.isupper() else "T"

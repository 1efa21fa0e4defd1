"""Context features of a word: neighbours, their endings and shapes, and case."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence

# Features are hashed to indices of a weight table of this size
TABLE_BITS = 18
TABLE_MASK = (1 << TABLE_BITS) - 1

# Number of neighbours on each side
_WINDOW = 3
# Who does something: encyclopedias, which the model is trained on, hardly ever say I or you
_SUBJECTS = frozenset({"i", "you", "he", "she", "we", "they", "who"})
# Pronouns and words that begin a phrase: they follow verbs, but hardly ever nouns
_OBJECTS = frozenset({"it", "me", "us", "him", "them", "everything", "something", "anything"})
DETERMINERS = frozenset(
    {
        "the", "a", "an", "this", "that", "these", "those", "my", "your", "his", "her", "our",
        "their", "its", "all", "some", "any", "no", "each", "every", "both",
    }
)  # fmt: skip
# What a contraction adds to the word before it
_CONTRACTED = {"ve": "have", "ll": "will", "t": "not", "m": "am", "re": "are"}
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def tokenize(text: str) -> list[str]:
    """Split a text into words and single punctuation marks, as in training."""
    return _TOKEN.findall(text)


def seed(scope: str) -> int:
    """Return the initial value for the hashes of a scope's features.

    Args:
        scope: a sense, or a part of speech shared by senses of several words.
    """
    return zlib.crc32(scope.encode())


def slots(features: Iterable[bytes], start: int) -> list[int]:
    """Return the table indices of the weights of features, for a scope with seed `start`."""
    crc32 = zlib.crc32
    return [crc32(feature, start) & TABLE_MASK for feature in features]


def context(words: Sequence[str], index: int) -> list[bytes]:
    """Return the features of the context of ``words[index]``, the constant feature ``b`` first.

    Args:
        words: words and punctuation marks of a sentence, without spaces.
        index: index of the homograph, of which only the case is a feature.
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
    # "perfect it" and "close the door", after whatever
    following = "o" if after in _OBJECTS else "d" if after in DETERMINERS else ""
    if following:
        features += (f"+D{following}", f"-+D{before} {following}")
    head, _, contracted = before.replace("’", "'").partition("'")
    if contracted in _CONTRACTED:
        features += (f"-1{_CONTRACTED[contracted]}", *(("-S1",) if head in _SUBJECTS else ()))
    for place, name in ((1, "p"), (2, "q"), (4, "r"), (5, "s")):
        word = lower[place]
        features += (f"{name}3{word[-3:]}", f"{name}2{word[-2:]}", f"{name}c{_case(around[place])}")
    return [feature.encode("utf-8", "surrogatepass") for feature in features]


def _normalized(word: str) -> str:
    """Convert to lower case; all numbers become ``#``."""
    return "#" if word[:1].isdigit() else word.lower()


def _case(word: str) -> str:
    """Return a letter for the case of a word; other tokens are returned unchanged."""
    if not word[:1].isalpha():
        return "#" if word[:1].isdigit() else word[:1]
    if word.islower():
        return "a"
    return "A" if len(word) > 1 and word.isupper() else "T"

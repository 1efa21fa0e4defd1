"""Variants of training sentences as everyday English would have them.

The sentences are from an encyclopedia: nobody there says *I* or *you*, or tells anybody to do
something. Its infinitives show what follows such verbs, and its phrases what follows nouns, so that
another beginning makes an everyday sentence of them: *to close the door* also teaches *Close the
door*, *I close it* and *Can you close the door*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Literal

from tanger.model.text.homographs import features

# Forms of the words that are varied: base forms of verbs, pasts, and all else but verbs in -s
Form = Literal["base", "past", "other"]

# Number of beginnings that each sentence gets
_BEGINNINGS = 4
_INFINITIVE_AFTER = frozenset("to can will may might could would should must cannot".split())
_SUBJECTS = frozenset("they we he she it who i you".split())
_ARTICLES = frozenset("the a an this".split())
_POSSESSIVES = frozenset("his her their its".split())
# What may precede a noun phrase without an article
_PHRASE_AFTER = frozenset(
    "of in for with and or from by as on at into between , ; : ( than like but without through "
    "about is are was were".split()
)


class Variants:
    """Makes variants of sentences, going through beginnings and objects in turn."""

    def __init__(self) -> None:
        self._commands = _in_turn(
            "", "", "I", "you", "We", "Please", "don't", "Let's", "Do you", "Can I", "I will",
            "and", "can you", "You can", "They", "I'll",
        )  # fmt: skip
        self._subjects = _in_turn("I", "you", "We", "I just", "They")
        self._articles = _in_turn("my", "your", "My", "Your", "this", "no", "That's a", "some")
        self._before_objects = _in_turn("I", "to", "you", "don't", "and", "Please")
        self._before_pasts = _in_turn("I", "he", "they", "and", "had")
        self._objects = _in_turn("it", "me", "it", "him", "them", "it", "us", "her")
        self._ends = _in_turn(".", ".", "yesterday")
        self._capitals = cycle((True, False))
        self._kept = cycle((True, False))

    def of(self, words: Sequence[str], place: int, form: Form) -> Iterator[tuple[list[str], int]]:
        """Yield variants of a sentence, each with the index of the word.

        Args:
            words: words and punctuation marks of the sentence.
            place: index of the word.
            form: form of the word.
        """
        # A capital within a sentence is a name's: Polish, Reading
        name = place > 0 and words[place][:1].isupper()
        word, rest = words[place] if name else words[place].lower(), words[place + 1 :]
        for start in self._beginnings(words[place - 1].lower() if place else "", form):
            yield [*start, word if start else self._cased(word), *rest], len(start)
        if form == "other" or not rest or rest[0].lower() not in features.DETERMINERS:
            return
        if form == "base":
            yield [self._cased(word), *next(self._objects), "."], 0
        start = next(self._before_objects if form == "base" else self._before_pasts)
        yield [*start, word, *next(self._objects), *next(self._ends)], len(start)

    def _beginnings(self, before: str, form: Form) -> Iterator[list[str]]:
        """Yield beginnings that may replace the words up to the word `before`."""
        if form == "base" and before in _INFINITIVE_AFTER:
            yield from (next(self._commands) for _ in range(_BEGINNINGS))
        elif form != "other":
            if before in _SUBJECTS:
                yield from (next(self._subjects) for _ in range(2))
        elif before in _POSSESSIVES:
            yield next(self._articles)
        elif before in _ARTICLES:
            if next(self._kept):
                yield next(self._articles) if before == "the" else [before]
        elif before in _PHRASE_AFTER:
            yield []

    def _cased(self, word: str) -> str:
        return word.capitalize() if next(self._capitals) else word


def _in_turn(*phrases: str) -> Iterator[list[str]]:
    return cycle([phrase.split() for phrase in phrases])

"""British English: the recognisers of English with other tables, and "and" in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.english import american_english
from tanger.model.text.reader.language import Language, Recognizer
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.tables import load
from tanger.model.text.reader.token import SpokenWord

_BELOW_HUNDRED = frozenset(
    form
    for value in range(1, 100)
    for word in say.cardinal(value).split()
    for form in (word, say.to_ordinal(word))
)
_SCALES = frozenset({"thousand", "million", "billion", "trillion"})


@lru_cache(maxsize=1)
def british_english() -> Language:
    """Return the recognisers and tables of British English, loaded once."""
    american = american_english()
    return replace(
        american,
        code="en-gb",
        tables=load("en-gb"),
        letters=tuple(map(_british, american.letters)),
        numbers=tuple(map(_british, american.numbers)),
        signs=tuple(map(_british, american.signs)),
        arpabet=False,
    )


def _british(recognizer: Recognizer) -> Recognizer:
    """Return a recogniser whose numbers are spoken as in British English."""

    def recognize(scan: Scan, at: int) -> Reading | None:
        reading = recognizer(scan, at)
        if reading is None or reading.kind in ("word", "telephone", "electronic"):
            return reading
        return reading._replace(spoken=tuple(with_and(reading.words)))

    return recognize


def with_and(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """Put "and" before the tens and units of numbers above a hundred.

    ``two hundred and five``, ``two thousand and five``, but ``two thousand two hundred``.
    """
    joined: list[SpokenWord] = []
    for place, word in enumerate(words):
        before = words[place - 1].text if place else ""
        if word.text in _BELOW_HUNDRED and (
            before == "hundred" or (before in _SCALES and _ends_number(words, place))
        ):
            joined.append(SpokenWord("and"))
        joined.append(word)
    return joined


def _ends_number(words: Sequence[SpokenWord], place: int) -> bool:
    """Return whether the tens and units from a place on are the end of a number."""
    for word in words[place:]:
        if word.text not in _BELOW_HUNDRED:
            return word.text != "hundred" and word.text not in _SCALES
    return True

"""How a word is said, as the JSON text that is kept and sent.

Written once, in the process that decodes, and kept as text: Python's garbage collector walks over
tens of thousands of texts in no time, where it would stop everybody for a sixth of a second on
objects. `service.schemas` shows the same in the OpenAPI document, and tests hold the two together.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from pydantic_core import to_json

from model import alphabets
from model.alphabets import Alphabet
from model.combining import Way


def pronunciations(
    ways: Iterable[Way], alphabet: Alphabet, *, letters: str = "", chance: float | None = 1.0
) -> str:
    """The array of a word's pronunciations.

    Args:
        ways: to say it.
        alphabet: that they are written in.
        letters: of the word, where they are aligned.
        chance: that the word is read rightly; None where a lexicon says it, which tells none.
    """
    array = [
        {
            "phonemes": way.phonemes,
            "text": alphabets.join(way.phonemes, alphabet),
            "probability": None if chance is None else _rounded(chance, way.probability),
            "complete": way.complete,
            "alignment": None if way.alignment is None else _aligned(letters, way),
        }
        for way in ways
    ]
    return to_json(array).decode()


def ways(pronunciations: str) -> list[Way]:
    """What an array was made of, but for alignments; probabilities are those that it shows."""
    return [
        Way(tuple(each["phonemes"]), each["probability"], each["complete"])
        for each in json.loads(pronunciations)
    ]


def _rounded(chance: float, probability: float | None) -> float:
    """Both, to six places, rounded down: a word's sum would else be above 1 now and then."""
    return math.floor(1e6 * (chance if probability is None else chance * probability)) / 1e6


def _aligned(letters: str, way: Way) -> dict[str, Any]:
    """The letters of a pronunciation, its phonemes as they are written."""
    found = way.alignment
    assert found is not None
    each = zip(way.phonemes, found.spans, found.probabilities, strict=True)
    return {
        "letters": tuple(letters),
        "phonemes": [
            {"phoneme": phoneme, "start": start, "end": end, "probability": round(probability, 6)}
            for phoneme, (start, end), probability in each
        ],
        "attention": found.attention,
    }

"""Results as JSON, put together from text: what `service.schemas` shows in the OpenAPI document.

How a word is said is written once, and kept as text: Python's garbage collector walks over tens of
thousands of texts in no time, where it would stop everybody for a sixth of a second on objects.
Models would check what has just been made, for as long as all the rest of an answer takes. Tests
hold all of it to the models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring as _quoted
from typing import Any

from pydantic_core import to_json

from model import alphabets
from model.alphabets import Alphabet
from model.combining import Way
from service.schemas import Answerer, ModelName, WordError


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


def result(
    word: str,
    normalized: str | None,
    source: Answerer | None,
    pronunciations: str,
    warnings: Sequence[str] = (),
    error: WordError | None = None,
) -> str:
    """The object that tells all of a word."""
    spelt = "null" if normalized is None else _quoted(normalized)
    answerer = "null" if source is None else f'"{source}"'
    told = to_json(warnings).decode() if warnings else "[]"
    wrong = "null" if error is None else error.model_dump_json()
    return (
        f'{{"word":{_quoted(word)},"normalized":{spelt},"source":{answerer},'
        f'"pronunciations":{pronunciations},"warnings":{told},"error":{wrong}}}'
    )


def response(model: ModelName, results: Iterable[str]) -> str:
    """The whole answer."""
    return f'{{"model":{model.model_dump_json()},"results":[{",".join(results)}]}}'


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

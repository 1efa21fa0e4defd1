"""What a decoding process says to a batch of words, as the line that it sends and what that means.

One line a batch: JSON, an array for each word with an array for each pronunciation, or an object
for an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from model.alignment import Alignment


class Found(NamedTuple):
    """One pronunciation.

    Attributes:
        phonemes: in the artifact's own symbols.
        probability: of the whole pronunciation.
        complete: false where decoding hit its length bound.
        stress: a digit for each vowel, None for other phonemes, where the artifact knows them.
        alignment: which letters made which phoneme, where that was asked for.
    """

    phonemes: Sequence[str]
    probability: float
    complete: bool
    stress: Sequence[int | None] | None = None
    alignment: Alignment | None = None


class Answer(NamedTuple):
    """All that is said to one word.

    Attributes:
        found: pronunciations, the likeliest first.
        error: what the decoder raised instead, else None.
    """

    found: Sequence[Found] = ()
    error: str | None = None

    @property
    def likeliest(self) -> tuple[str, ...]:
        """The phonemes that come first; none in place of an error."""
        return tuple(self.found[0].phonemes) if self.found else ()


def write(answers: Iterable[Answer]) -> str:
    """The line, without its end."""
    return json.dumps(list(map(_told, answers)), separators=(",", ":"))


def read(line: bytes) -> list[Answer]:
    """What a line says.

    Raises:
        ValueError, TypeError, LookupError: where it is none of `write`.
    """
    return list(map(_heard, json.loads(line)))


def _told(answer: Answer) -> Any:
    if answer.error is not None:
        return {"error": answer.error}
    return [
        found[:4]
        if (aligned := found.alignment) is None
        else (*found[:4], (aligned.spans, aligned.probabilities, aligned.attention))
        for found in answer.found
    ]


def _heard(told: Any) -> Answer:
    if isinstance(told, dict):
        return Answer(error=told["error"])
    return Answer([_found(*each) for each in told])


def _found(
    phonemes: Sequence[str],
    probability: float,
    complete: bool,
    stress: Sequence[int | None] | None,
    aligned: Sequence[Any] | None = None,
) -> Found:
    alignment = None if aligned is None else Alignment(*aligned)
    return Found(phonemes, probability, complete, stress, alignment)

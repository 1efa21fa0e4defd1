"""What a decoding process says to a word, as the line that it sends and as what that means.

The service keeps lines and reads one when it is asked for. Tens of thousands of them are kept, and
text costs Python's garbage collector nothing, where objects would be walked over and over: that
was a sixth of a second in which nobody was answered.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from model.alignment import Alignment

# Characters of a line that count as one answer where answers are kept: an ordinary one takes a
# hundred.
_CHARACTERS = 256

_to_json = json.JSONEncoder(separators=(",", ":")).encode
_of_json = json.JSONDecoder().raw_decode


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


def write(answer: Answer) -> str:
    """The line, without its end: a JSON object for an error, else an array of pronunciations.

    It holds neither tabs nor line feeds, for JSON writes them otherwise.
    """
    if answer.error is not None:
        return _to_json({"error": answer.error})
    told = [
        found[:4]
        if (aligned := found.alignment) is None
        else (*found[:4], (aligned.spans, aligned.probabilities, aligned.attention))
        for found in answer.found
    ]
    return _to_json(told)


def read(line: str) -> Answer:
    """What a line says.

    Raises:
        ValueError: where it is none of `write`.
    """
    told, _ = _of_json(line)
    if isinstance(told, dict):
        return Answer(error=told["error"])
    return Answer([_read(*each) for each in told])


def _read(
    phonemes: Sequence[str],
    probability: float,
    complete: bool,
    stress: Sequence[int | None] | None,
    aligned: Sequence[Any] | None = None,
) -> Found:
    alignment = None if aligned is None else Alignment(*aligned)
    return Found(phonemes, probability, complete, stress, alignment)


def size(line: str) -> int:
    """How many answers one counts as where they are kept."""
    return max(1, len(line) // _CHARACTERS)

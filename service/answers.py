"""What a decoding process says to a batch of words, as the line that it sends and what that means.

A word's pronunciations are written where they are decoded, as the JSON text that is kept and sent
(see `service.written`): nobody on the way takes it apart. One line a batch, with a tab between
words, of which JSON has none: an array of pronunciations, or the text of an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from model import alphabets
from model.combining import Way, combine
from model.hypothesis import Hypothesis
from service import written
from service.ask import Ask


class Failure(NamedTuple):
    """What the decoder raised in place of an answer."""

    error: str


# All that is said to one word: an array of its pronunciations, the likeliest first, as
# `service.written` has it.
Answer: TypeAlias = str | Failure


def told(ask: Ask, hypotheses: Sequence[Hypothesis]) -> str:
    """What the network found, as it was asked for."""
    ways = [
        Way(
            alphabets.write(found.phonemes, ask.alphabet, found.stress, marks=ask.marks),
            found.probability,
            found.complete,
            found.alignment,
        )
        for found in hypotheses
    ]
    if len(ways) > 1:  # two of them can be one in another alphabet
        ways = combine([ways], len(ways))
    return written.pronunciations(ways, ask.alphabet, letters=ask.word)


def write(answers: Iterable[Answer]) -> str:
    """The line, without its end."""
    return "\t".join(
        answer if isinstance(answer, str) else json.dumps(answer.error) for answer in answers
    )


def read(line: bytes) -> list[Answer]:
    """What a line says.

    Raises:
        ValueError: where it is none of `write`.
    """
    return [
        said if said[:1] == "[" and said[-1] == "]" else Failure(_error(said))
        for said in line.decode().split("\t")
    ]


def _error(said: str) -> str:
    error = json.loads(said)
    if not isinstance(error, str):
        raise ValueError(f"neither pronunciations nor an error: {said[:80]}")  # noqa: TRY004
    return error

"""What the decoding processes are asked: a word, what to tell of it, and how to write it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import to_json

from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonology.notation import Alphabet
from tanger.model.text import candidates
from tanger.model.text.candidates import Candidate, Failure

# What each further answer adds to the work on a word, of what the first takes (see
# `python -m benchmarks.beam`).
_FURTHER = 0.35
# Likewise what aligning an answer adds.
_ALIGNED = 1


class DecodeRequest(NamedTuple):
    """All that decides what is answered.

    Attributes:
        word: in the artifact's graphemes.
        n: the most answers.
        alignment: with the letters of each phoneme.
        alphabet: that phonemes are written in; by default in the artifact's own symbols.
        marks: with stress.
    """

    word: str
    n: int = 1
    alignment: bool = False
    alphabet: Alphabet = "native"
    marks: bool = False

    @property
    def work(self) -> int:
        """How much there is to do: in letters of a word that is asked for one answer."""
        if self.n == 1 and not self.alignment:
            return len(self.word)
        aligned = _ALIGNED * self.n if self.alignment else 0
        return round(len(self.word) * (1 + _FURTHER * (self.n - 1) + aligned))


def encode_requests(asks: Iterable[DecodeRequest]) -> str:
    """The line that asks for a batch: what is asked of words one behind the other, said once."""
    runs = groupby(asks, key=lambda ask: ask[1:])
    return json.dumps([[*manner, [ask.word for ask in same]] for manner, same in runs])


def decode_requests(line: str) -> list[DecodeRequest]:
    """What a line of `encode_requests` asks."""
    return [DecodeRequest(word, *manner) for *manner, words in json.loads(line) for word in words]


# ------------------------------------------------------------------------------------------------
# How a word is said, as the JSON text that is kept and sent.
#
# Written once, in the process that decodes, and kept as text: Python's garbage collector walks
# over
# tens of thousands of texts in no time, where it would stop everybody for a sixth of a second on
# objects. `schemas` shows the same in the OpenAPI document, and tests hold the two together.


def pronunciations(ways: Iterable[Candidate], alphabet: Alphabet, *, letters: str = "") -> str:
    """The array of a word's pronunciations.

    Args:
        ways: to say it.
        alphabet: that they are written in.
        letters: of the word, where they are aligned.
    """
    array = [
        {
            "phonemes": way.phonemes,
            "text": way.text(alphabet),
            "probability": None if way.probability is None else _rounded(way.probability),
            "complete": way.complete,
            "alignment": None if way.alignment is None else _aligned(letters, way),
        }
        for way in ways
    ]
    return to_json(array).decode()


def ways(pronunciations: str) -> list[Candidate]:
    """What an array was made of, but for alignments; probabilities are those that it shows."""
    return [
        Candidate(tuple(each["phonemes"]), each["probability"], each["complete"])
        for each in json.loads(pronunciations)
    ]


def _rounded(probability: float) -> float:
    """To six places, rounded down: a word's sum would else be above 1 now and then."""
    return math.floor(1e6 * probability) / 1e6


def _aligned(letters: str, way: Candidate) -> dict[str, Any]:
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


# ------------------------------------------------------------------------------------------------
# What a decoding process says to a batch of words, as the line that it sends and what that means.
#
# A word's pronunciations are written where they are decoded, as the JSON text that is kept and
# sent
# (see `serving.wire`): nobody on the way takes it apart. One line a batch, with a tab between
# words, of which JSON has none: an array of pronunciations, or the text of an error.


# All that is said to one word: an array of its pronunciations, the likeliest first, as
# `serving.wire` has it.
Answer: TypeAlias = str | Failure


def render_answer(ask: DecodeRequest, hypotheses: Sequence[Hypothesis]) -> str:
    """What the network found, as it was asked for."""
    found = candidates.of_network(hypotheses, ask.alphabet, marks=ask.marks)
    return pronunciations(found, ask.alphabet, letters=ask.word)


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
        spoken if spoken[:1] == "[" and spoken[-1] == "]" else Failure(_error(spoken))
        for spoken in line.decode().split("\t")
    ]


def _error(spoken: str) -> str:
    error = json.loads(spoken)
    if not isinstance(error, str):
        raise ValueError(f"neither pronunciations nor an error: {spoken[:80]}")  # noqa: TRY004
    return error

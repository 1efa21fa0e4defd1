"""Render results as JSON by joining strings; the format is that of the models in `schemas`.

A word's pronunciations are rendered once, in the decoding process, and cached as strings: the
garbage collector does not traverse strings, while tens of thousands of objects would block the
process for a sixth of a second. Pydantic models would double the time of a response by validating
our own output; tests check the output against them instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import TYPE_CHECKING

import msgspec

from tanger.model.phonology.alignment import Alignment
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import Candidate
from tanger.model.text.lookup import Origin
from tanger.model.text.segments import WordResolution

if TYPE_CHECKING:  # decoding processes start without pydantic, which takes a quarter of a second
    from tanger.service.schemas import Answerer, ModelName, WordError


def pronunciations(candidates: Iterable[Candidate], alphabet: Alphabet) -> str:
    """Return a JSON array of pronunciations.

    Args:
        candidates: in order.
        alphabet: to write them in.
    """
    array = [
        {
            "phonemes": candidate.phonemes,
            "text": candidate.text(alphabet),
            "probability": None
            if candidate.probability is None
            # Rounded down, so that the sum for a word never exceeds 1
            else math.floor(1e6 * candidate.probability) / 1e6,
            "complete": candidate.complete,
            "alignment": candidate.alignment and candidate.alignment.to_dict(candidate.phonemes),
        }
        for candidate in candidates
    ]
    return msgspec.json.encode(array).decode()


class _AlignedPhoneme(msgspec.Struct):
    start: int
    end: int
    probability: float


class _Alignment(msgspec.Struct):
    letters: list[str]
    phonemes: list[_AlignedPhoneme]
    attention: list[list[float]]

    def alignment(self) -> Alignment:
        return Alignment(
            spans=[(each.start, each.end) for each in self.phonemes],
            probabilities=[each.probability for each in self.phonemes],
            attention=self.attention,
            letters="".join(self.letters),
        )


class _Pronunciation(msgspec.Struct):
    """The fields of a rendered pronunciation that joining parts of a word needs."""

    phonemes: tuple[str, ...]
    probability: float | None
    complete: bool
    alignment: _Alignment | None


_decode_pronunciations = msgspec.json.Decoder(list[_Pronunciation]).decode


def candidates(pronunciations: str) -> list[Candidate]:
    """Parse an array of `pronunciations` back to candidates; the word must have one part."""
    return [
        Candidate(
            each.phonemes,
            each.probability,
            each.complete,
            None if each.alignment is None else each.alignment.alignment(),
        )
        for each in _decode_pronunciations(pronunciations)
    ]


def result(
    word: str,
    normalized: str | None,
    source: Answerer | None,
    pronunciations: str,
    warnings: Sequence[str] = (),
    error: WordError | None = None,
    explain: str = "null",
) -> str:
    """Return the JSON object of a result; `explain` is JSON already."""
    if source == "model" and not warnings and error is None and normalized is not None:
        # The usual case
        return (
            f'{{"word":{_quoted(word)},"normalized":{_quoted(normalized)},"source":"model",'
            f'"pronunciations":{pronunciations},"warnings":[],"error":null,"explain":{explain}}}'
        )
    spelt = "null" if normalized is None else _quoted(normalized)
    answerer = "null" if source is None else f'"{source}"'
    warned = msgspec.json.encode(warnings).decode() if warnings else "[]"
    wrong = "null" if error is None else error.model_dump_json()
    return (
        f'{{"word":{_quoted(word)},"normalized":{spelt},"source":{answerer},'
        f'"pronunciations":{pronunciations},"warnings":{warned},"error":{wrong},'
        f'"explain":{explain}}}'
    )


def response(model: ModelName, results: Sequence[bytes]) -> list[bytes]:
    """Return the parts of the response body, one per encoded result."""
    first = _head(model.name, model.version, model.language)
    if len(results) == 1:
        return [b"".join((first, results[0], b"]}"))]
    if not results:
        return [first + b"]}"]
    parts = [b"," + result for result in results]
    parts[0] = first + results[0]
    parts[-1] += b"]}"
    return parts


@lru_cache(maxsize=64)
def _head(name: str, version: str, language: str) -> bytes:
    """Return the beginning of a response body."""
    fields = {"name": name, "version": version, "language": language}
    return b'{"model":' + msgspec.json.encode(fields) + b',"results":['


def explanation(resolution: WordResolution, source: Answerer | None) -> str:
    """Return the explanation of a result, as JSON: what pronounced the word, and each part of it.

    Args:
        resolution: of the word.
        source: of the result; None if it has an error.
    """
    parts = [
        {"text": segment.text, "source": segment.source, **segment.origin._asdict()}
        for segment in resolution.segments
    ]
    whole: dict[str, object] = {"source": None, **Origin()._asdict()}
    if source is not None and len(parts) == 1:
        whole |= {name: value for name, value in parts[0].items() if name != "text"}
    elif source is not None and parts:
        by_rule = all(segment.source == "rule" for segment in resolution.segments)
        whole["source"] = "rule" if by_rule else source
    return msgspec.json.encode({**whole, "parts": parts}).decode()

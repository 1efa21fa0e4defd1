"""Bodies of `service.schemas` as they are made for each answer: dictionaries.

Models would check what has just been made, for as long as all the rest of an answer takes. Tests
hold these to the models that the OpenAPI document shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from service.schemas import Answerer


class AlignedPhoneme(TypedDict):
    """As `schemas.AlignedPhoneme`."""

    phoneme: str
    start: int
    end: int
    probability: float


class Alignment(TypedDict):
    """As `schemas.Alignment`."""

    letters: Sequence[str]
    phonemes: Sequence[AlignedPhoneme]
    attention: Sequence[Sequence[float]]


class Pronunciation(TypedDict):
    """As `schemas.Pronunciation`."""

    phonemes: Sequence[str]
    text: str
    probability: float | None
    complete: bool
    alignment: Alignment | None


class Result(TypedDict):
    """As `schemas.Result`."""

    word: str
    normalized: str | None
    source: Answerer | None
    pronunciations: Sequence[Pronunciation]
    warnings: Sequence[str]
    error: Mapping[str, str] | None


class PronounceResponse(TypedDict):
    """As `schemas.PronounceResponse`."""

    model: Mapping[str, str]
    results: Sequence[Result]

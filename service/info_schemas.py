"""Models of the responses of ``/info`` and ``/languages``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from tanger.service.schemas import Alphabet, ModelName, Source


class Limits(BaseModel):
    """Limits of a request's size and time."""

    words: int
    letters: int
    text: int = Field(description="Characters in a text.")
    body_bytes: int
    queue_letters: int = Field(
        description="Letters of work: limit of the queue, and of a single request with all its "
        "options."
    )
    response_bytes: int = Field(description="Size of a response, estimated in advance.")
    timeout_seconds: float
    max_timeout_seconds: float


class LexiconInfo(BaseModel):
    """A lexicon that `source: lexicon` and `auto` use."""

    name: str
    words: int


class Info(BaseModel):
    """The model, its devices, settings and measured error rates."""

    model: ModelName
    graphemes: tuple[str, ...]
    phonemes: tuple[str, ...]
    alphabets: tuple[Alphabet, ...] = Field(description="The first is the default.")
    error_rates: dict[str, Any] = Field(description="By lexicon, measured by `tanger evaluate`.")
    source: Source = Field(description="The default source of pronunciations.")
    lexicons: tuple[LexiconInfo, ...] = Field(description="By priority, highest first.")
    user_lexicon: bool = Field(description="Whether there is a user lexicon.")
    http_processes: int = Field(description="Number of HTTP processes.")
    devices: tuple[str, ...] = Field(description="The device of each decoding process.")
    engine: str | None = Field(
        description="The decoding engine, compiled C of some kind or torch, and its precision. "
        "Null until a decoding process is ready."
    )
    limits: Limits


class LanguageInfo(BaseModel):
    """A language, and the artifact that speaks it."""

    code: str = Field(description="Its tag (BCP 47), as `language` of a request takes it.")
    name: str = Field(description="Its name in English.")
    variant_of: str | None = Field(
        description="For a variety that an artifact speaks by a rule on its phonemes: the tag of "
        "the language that it was trained on."
    )
    model: ModelName
    graphemes: tuple[str, ...]
    phonemes: tuple[str, ...]
    alphabets: tuple[Alphabet, ...] = Field(description="The default first.")
    stress: bool = Field(description="Whether pronunciations can be marked with stress.")
    texts: bool = Field(description="Whether `POST /text` reads texts in it.")
    error_rates: dict[str, Any] = Field(
        description="By lexicon, as measured by `tanger evaluate`. A variant has those of its "
        "language."
    )
    licence: str | None = Field(description="SPDX identifier of the artifact's licence, if known.")
    attribution: str | None = Field(description="Attribution of the training data, as plain text.")


class LanguageList(BaseModel):
    """Available languages."""

    languages: tuple[LanguageInfo, ...] = Field(description="The default first.")

"""Request, response and problem bodies: what stands in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from model.alphabets import Alphabet
from model.hypothesis import MOST


class Options(BaseModel):
    """What may be asked for besides the words; the query parameters of the GET route."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["model"] = Field(
        "model", description="Where pronunciations come from: `model`, the network."
    )
    alphabet: Alphabet | None = Field(
        None,
        description="How phonemes are written: `arpabet` (`T`), `cntk` (`~T`), or `native` for "
        "an artifact whose phonemes are not ARPAbet. By default the artifact's own, which is "
        "`arpabet` for American English.",
    )
    stress: bool = Field(
        False, description="Write stress behind vowels: `AE1` primary, `AE2` secondary, `AE0` none."
    )
    n: int = Field(
        1,
        ge=1,
        le=MOST,
        description="Most pronunciations a word, the likeliest first. What is answered to 1 is "
        "always among them. Their probabilities sum to 1 at most.",
    )


class PronounceRequest(Options):
    """Words to pronounce."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"words": ["tanger", "Ångström", "42"]}]}
    )

    # A megabyte holds half a million wrong items: the first is enough.
    words: Annotated[list[str], FailFast()] = Field(
        min_length=1, description="The words, at most as many as `/info` says (256 by default)."
    )


class Pronunciation(BaseModel):
    """One way to say a word."""

    phonemes: tuple[str, ...] = Field(description="In the alphabet that was asked for.")
    text: str = Field(description="The phonemes, joined by spaces.")
    probability: float = Field(
        description="Chance that the pronunciation is right, calibrated on words that training did "
        "not hold; for an artifact that was not calibrated, the product of the step probabilities."
    )
    complete: bool = Field(description="False where decoding hit its length bound.")


class WordError(BaseModel):
    """Why a word got no pronunciation."""

    code: Literal["empty", "too_long", "unspellable", "decoding_failed"]
    message: str


class Result(BaseModel):
    """What is known of one word."""

    word: str = Field(description="The word as it was sent.")
    normalized: str | None = Field(description="The word in the artifact's own graphemes.")
    source: Literal["model"] | None
    pronunciations: tuple[Pronunciation, ...]
    warnings: tuple[str, ...] = Field(description="What was changed on the way: `é -> E`.")
    error: WordError | None


class ModelName(BaseModel):
    """Which weights answered."""

    name: str
    version: str = Field(description="First 12 hexadecimal digits of the weights' sha256.")


class PronounceResponse(BaseModel):
    """A result for each word, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": {"name": "en-us", "version": "0123456789ab"},
                    "results": [
                        {
                            "word": "Ångström",
                            "normalized": "ANGSTROM",
                            "source": "model",
                            "pronunciations": [
                                {
                                    "phonemes": ["AE", "NG", "S", "T", "R", "AH", "M"],
                                    "text": "AE NG S T R AH M",
                                    "probability": 0.61,
                                    "complete": True,
                                }
                            ],
                            "warnings": ["Å -> A", "ö -> O"],
                            "error": None,
                        },
                        {
                            "word": "42",
                            "normalized": None,
                            "source": None,
                            "pronunciations": [],
                            "warnings": [],
                            "error": {
                                "code": "unspellable",
                                "message": "4 (DIGIT FOUR) is none of the letters this artifact "
                                "reads: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                            },
                        },
                    ],
                }
            ]
        }
    )

    model: ModelName
    results: tuple[Result, ...]


class Probe(BaseModel):
    """State of the service, for whatever watches it."""

    status: Literal["ok", "starting", "draining", "no worker", "wrong answers"]
    workers: int = Field(description="Decoding processes that are ready.")


class Limits(BaseModel):
    """What a request may hold, and how long it may take."""

    words: int
    letters: int
    body_bytes: int
    queue_letters: int
    timeout_seconds: float
    max_timeout_seconds: float


class Info(BaseModel):
    """What is being served, on what, and how good it is."""

    model: ModelName
    graphemes: tuple[str, ...]
    phonemes: tuple[str, ...]
    alphabets: tuple[Alphabet, ...] = Field(description="The default first.")
    error_rates: dict[str, Any] = Field(
        description="By lexicon, as `python -m model evaluate` measured them."
    )
    devices: tuple[str, ...] = Field(description="One for each decoding process.")
    limits: Limits


class ProblemError(BaseModel):
    """One fault in a request."""

    where: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: Literal["about:blank"] = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What is wrong, and what to do.")
    code: str = Field(description="The same for programs.")
    request_id: str
    errors: tuple[ProblemError, ...] = ()

"""Models of requests and responses for the user lexicon."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from tanger.model.lexicon import Variant
from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.service.schemas import Alphabet

LexiconFileFormat = TypeAliasType(
    "LexiconFileFormat", Literal["cmudict", "mfa", "kaldi", "kaldip", "pls", "tsv"]
)


class EntryPronunciation(BaseModel):
    """A pronunciation in the user lexicon, with its attributes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str | None = Field(None, description="The pronunciation; null where there is an alias.")
    alias: str | None = Field(
        None, description="A text that is spoken in place of the word, if it comes first."
    )
    sense: str | None = Field(
        None,
        description="The sense in which the word sounds so: the name of one that `/text` answers "
        "(`read_past`), a part of speech (`noun`), or any label; several with spaces between.",
    )
    probability: float | None = Field(
        None, gt=0, le=1, description="By which variants are ordered."
    )


def _text_or_object(value: object) -> object:
    """Refuse any other type with a single error instead of one for each member of the union."""
    if isinstance(value, str | dict | EntryPronunciation):
        return value
    raise PydanticCustomError("pronunciation_type", "a string or an object is expected")


class EntryRequest(BaseModel):
    """The pronunciations of a word in the user lexicon."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"pronunciations": ["T AE1 NG ER0"]}]},
    )

    word: str | None = Field(None, description="That of the path; it need not be repeated.")
    alphabet: Alphabet | None = Field(
        None,
        description="What the pronunciations are written in: one of the `alphabets` of `/info`, "
        "by default the first.",
    )
    pronunciations: Annotated[
        list[Annotated[str | EntryPronunciation, BeforeValidator(_text_or_object)]], FailFast()
    ] = Field(
        min_length=1,
        max_length=32,
        description="The first is the best; as `/pronounce` writes `text` in this alphabet, or "
        "with a space between phonemes. An object where more is known than how it sounds.",
    )


class EntryResponse(BaseModel):
    """An entry of the user lexicon; it can be sent back with PUT."""

    word: str
    alphabet: Alphabet = Field(description="What the pronunciations are written in.")
    pronunciations: tuple[str | EntryPronunciation, ...] = Field(
        description="A text each; an object where more is known than how it sounds."
    )


class LexiconLanguage(BaseModel):
    """Language of a user lexicon, a query parameter of all its routes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str | None = Field(
        None, description="Language of the lexicon, as in `/pronounce`; each has one of its own."
    )


class WordOptions(LexiconLanguage):
    """Options of the response for an entry."""

    alphabet: Alphabet | None = Field(
        None, description="One of the `alphabets` of `/info`, by default the first."
    )


class ExportOptions(LexiconLanguage):
    """Language and format of an imported or exported lexicon."""

    format: LexiconFileFormat = Field(
        description="`cmudict`, `mfa` (Montreal Forced Aligner), `kaldi` (`lexicon.txt`), `kaldip` "
        "(`lexiconp.txt`), `pls` (W3C) or `tsv`."
    )
    alphabet: Alphabet | None = Field(
        None,
        description="What its phonemes are written in: one of the `alphabets` of `/info`, by "
        "default the first. A PLS file that comes says it itself.",
    )


class ImportOptions(ExportOptions):
    """Options of an import."""

    replace: bool = Field(
        False, description="Forget all that was there, not only the words that come."
    )


class ImportResponse(BaseModel):
    """Result of an import."""

    entries: int = Field(description="Pronunciations that were taken in.")
    skipped: int = Field(description="Markers such as `<unk>`, with phonemes of their own.")


# ------------------------------------------------------------------------------------------------
# Variants from and to JSON: a string, or an object if more than phonemes is known.


def read_variant(
    item: str | EntryPronunciation, inventory: Inventory, alphabet: Alphabet
) -> Variant:
    """Convert a pronunciation in a request body to a variant.

    Raises:
        TranscriptionError: if it is not valid in the alphabet.
        ValueError: if it is ambiguous.
    """
    if isinstance(item, str):
        return Variant(inventory.parse(item, alphabet))
    if (item.text is None) == (item.alias is None):
        raise ValueError("write either a text or an alias")
    return Variant(
        () if item.text is None else inventory.parse(item.text, alphabet),
        () if item.probability is None else (item.probability,),
        item.sense,
        item.alias,
    )


def written_variant(
    variant: Variant, inventory: Inventory, alphabet: Alphabet
) -> str | EntryPronunciation:
    """Convert a variant to its form in responses: the inverse of `read_variant`."""
    text = notation.join(inventory.write(variant.phonemes, alphabet), alphabet)
    if variant.probability is None and variant.sense is None and variant.alias is None:
        return text
    return EntryPronunciation(
        text=None if variant.alias is not None else text,
        alias=variant.alias,
        sense=variant.sense,
        probability=variant.probability,
    )

"""Parse the pronunciations that texts contain, in SSML or in brackets, for one artifact."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol, get_args

from tanger.model.phonology import notation, transcription
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.transcription import Notation, TranscriptionError

# Values of SSML's attribute alphabet
SSMLAlphabet = Literal["ipa", "x-sampa", "x-cmu-arpabet", "x-arpabet"]
SSML_ALPHABETS: tuple[SSMLAlphabet, ...] = get_args(SSMLAlphabet)
_NOTATIONS: dict[str, Notation] = {"ipa": "ipa", "x-sampa": "x-sampa"}

Phonemes = tuple[str, ...]


class Transcriptions(Protocol):
    """The transcriptions that can be read for one artifact."""

    @property
    def language(self) -> str:
        """BCP 47 tag of the language."""

    @property
    def expected(self) -> str:
        """What a valid transcription is, for messages; ``{}`` stands for the alphabet."""

    def parse(self, written: str, alphabet: str) -> Phonemes | None:
        """Parse a transcription in one of `SSML_ALPHABETS`; None if it is not valid in it."""

    def recognize(self, written: str) -> Phonemes | None:
        """Parse a transcription in any alphabet; None if it is valid in none."""


class EnglishTranscriptions:
    """American English in ARPAbet, IPA and X-SAMPA, parsed to ARPAbet."""

    language = "en"
    expected = "English in {}"

    def parse(self, written: str, alphabet: str) -> Phonemes | None:
        """See `Transcriptions`."""
        if alphabet not in _NOTATIONS:
            return notation.parse_arpabet(written)
        try:
            return transcription.parse(written, _NOTATIONS[alphabet])
        except TranscriptionError:
            return None

    def recognize(self, written: str) -> Phonemes | None:
        """See `Transcriptions`."""
        return notation.recognize(written)


class NativeTranscriptions:
    """The artifact's own IPA symbols, with or without spaces between them."""

    expected = "the artifact's own symbols in ipa, not {}"

    def __init__(self, language: str, phonemes: Collection[str]) -> None:
        """Read transcriptions in the `phonemes` of an artifact of a language."""
        self.language = language
        self._inventory = Inventory(phonemes)

    def parse(self, written: str, alphabet: str) -> Phonemes | None:
        """See `Transcriptions`."""
        return self.recognize(written) if alphabet == "ipa" else None

    def recognize(self, written: str) -> Phonemes | None:
        """See `Transcriptions`."""
        try:
            return self._inventory.parse(written, "ipa") or None
        except TranscriptionError:
            return None


ENGLISH = EnglishTranscriptions()

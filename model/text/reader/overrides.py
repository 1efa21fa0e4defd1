"""Pronunciations that stand in the text: ``[tanger](/ˈtæŋɚ/)``."""

from __future__ import annotations

import re
from collections.abc import Callable

from tanger.model.phonology import notation
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.token import SpokenWord

_OVERRIDE = re.compile(r"\[([^\[\]\n]{1,200})\]\(/([^/()\[\]\n]{1,400})/\)")
# Phonemes of ARPAbet have a space between them, its words two
_ARPABET_WORDS = re.compile(r"\s{2,}")

# The phonemes of a transcription; None where it is none.
Parse = Callable[[str], tuple[str, ...] | None]


def override(scan: Scan, at: int) -> Reading | None:
    """A word in brackets, and how it is to be said.

    Only where all that stands between the strokes is English in ARPAbet, IPA or X-SAMPA: anything
    else is a link.
    """
    match = _OVERRIDE.match(scan.source, at)
    if match is None or not match[1].strip():
        return None
    words = given_words(match[1], match[2])
    return None if words is None else Reading(match.end(), "word", words, 1.0)


def given_words(
    text: str, transcription: str, parse: Parse = notation.recognize
) -> tuple[SpokenWord, ...] | None:
    """The words of a text that are said as a transcription says; None where that is none.

    Args:
        text: one word or several.
        transcription: of all of them. Where it has as many words as the text, each is of one of
            them, else the whole text counts as one word.
        parse: reads a transcription; in ARPAbet, IPA or X-SAMPA by default.
    """
    phonemes = parse(transcription)
    if phonemes is None:
        return None
    words = text.split()
    for parts in (transcription.split(), _ARPABET_WORDS.split(transcription.strip())):
        if 1 < len(parts) == len(words):
            sounds = [parse(part) for part in parts]
            return tuple(
                given(word, sound) for word, sound in zip(words, sounds, strict=True) if sound
            )
    return (given(" ".join(words), phonemes),)


def given(text: str, phonemes: tuple[str, ...]) -> SpokenWord:
    """A word that is said with these phonemes, whatever lexicons have."""
    return SpokenWord(text, phonemes=phonemes, given_by="override")

"""Recognise pronunciations given in the text: ``[tanger](/ˈtæŋɚ/)``."""

from __future__ import annotations

import re

from tanger.model.text.reader.scan import Parse, Reading, Scan
from tanger.model.text.reader.token import SpokenWord

_OVERRIDE = re.compile(r"\[([^\[\]\n]{1,200})\]\(/([^/()\[\]\n]{1,400})/\)")
# In ARPAbet one space separates phonemes, and two or more separate words
_ARPABET_WORDS = re.compile(r"\s{2,}")


def override(scan: Scan, at: int) -> Reading | None:
    """Recognise a word in brackets followed by its pronunciation.

    The text between the slashes must be a transcription for the artifact: English in ARPAbet, IPA
    or X-SAMPA, or in other languages its own IPA. Anything else is a link.
    """
    match = _OVERRIDE.match(scan.source, at)
    if match is None or not match[1].strip():
        return None
    words = override_words(match[1], match[2], scan.recognize)
    return None if words is None else Reading(match.end(), "word", words, 1.0)


def override_words(text: str, transcription: str, parse: Parse) -> tuple[SpokenWord, ...] | None:
    """Return the words of a text with a given transcription; None if that is not valid.

    Args:
        text: one or more words.
        transcription: transcription of the text. If it has as many words as the text, they are
            paired; otherwise the whole text counts as one word.
        parse: parses a transcription.
    """
    phonemes = parse(transcription)
    if phonemes is None:
        return None
    words = text.split()
    for parts in (transcription.split(), _ARPABET_WORDS.split(transcription.strip())):
        if 1 < len(parts) == len(words):
            sounds = [parse(part) for part in parts]
            return tuple(
                override_word(word, sound)
                for word, sound in zip(words, sounds, strict=True)
                if sound
            )
    return (override_word(" ".join(words), phonemes),)


def override_word(text: str, phonemes: tuple[str, ...]) -> SpokenWord:
    """Return a word with phonemes that take precedence over all lexicons."""
    return SpokenWord(text, phonemes=phonemes, phoneme_source="override")

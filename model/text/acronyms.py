"""How acronyms are said letter by letter; `acronym_model` decides which ones are."""

from __future__ import annotations

from tanger.model.phonology import stress
from tanger.model.text import derived_forms


def pronounce(letters: str, *, plural: bool = False) -> tuple[str, ...]:
    """Letter by letter, each with a primary stress, as CMUdict says acronyms.

    Args:
        letters: A to Z.
        plural: with the sound of a plural, or of a possessive, behind.
    """
    phonemes: list[str] = []
    for letter in letters:
        digits = iter("1000")  # DOUBLE-U alone has several vowels
        for phoneme in derived_forms.LETTERS[letter]:
            phonemes.append(phoneme + (next(digits) if phoneme in stress.VOWELS else ""))
    spoken = tuple(phonemes)
    return derived_forms.with_stress(derived_forms.plural(spoken)) if plural else spoken

"""Variants of a word as requests and answers have them: texts, or objects where more is known."""

from __future__ import annotations

from tanger.model.lexicon import Variant
from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.service.lexicon_schemas import OwnPronunciation


def read_variant(item: str | OwnPronunciation, inventory: Inventory, alphabet: Alphabet) -> Variant:
    """A pronunciation of a body as entries have it.

    Raises:
        TranscriptionError: where it is none in the alphabet.
        ValueError: where it is not clear what is meant.
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
) -> str | OwnPronunciation:
    """A variant as it is answered: the inverse of `read_variant`."""
    text = notation.join(inventory.write(variant.phonemes, alphabet), alphabet)
    if variant.probability is None and variant.sense is None and variant.alias is None:
        return text
    return OwnPronunciation(
        text=None if variant.alias is not None else text,
        alias=variant.alias,
        sense=variant.sense,
        probability=variant.probability,
    )

"""Convert variants from and to JSON: a string, or an object if more than phonemes is known."""

from __future__ import annotations

from tanger.model.lexicon import Variant
from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.service.lexicon_schemas import EntryPronunciation


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

"""Classes of English words on which grapheme-to-phoneme models fail in different ways."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, get_args

from tanger.model.text import derived_forms

WordClass = Literal[
    "acronym", "possessive", "plural", "inflection", "compound", "foreign name", "other"
]
CLASSES: tuple[WordClass, ...] = get_args(WordClass)

_SHORTEST_PART = 3
# Spellings that are rare in English words and frequent in foreign names.
_FOREIGN = re.compile(
    r"SZ|CZ|RZ|SCH(?!O)|KJ|BJ|FJ|HJ|AA|II|UU|EAU|OUX|OIX|CCH|ZZ|KH|ZH|^X|^TS|^NG|^MB|^SR|^SV|^VL|^ZL"
    r"|(SKI|SKA|SKY|WICZ|OVA?|I?EV|VICH|ELLI|ETTI|ILLO|ELLA|OTTO|INO|ANO|AUER|STEIN|BERG|BURG"
    r"|HAUS|HEIM|MANN|EZ|AKI|MOTO|SHI|OS|[AIOU])$"
)


def classify(
    word: str,
    pronunciations: Sequence[derived_forms.Phonemes],
    known: Mapping[str, Sequence[derived_forms.Phonemes]],
) -> WordClass:
    """Return the class of a word: the first of these that applies.

    - acronym: has no vowel letter, or is pronounced letter by letter;
    - possessive: ends in ``'S`` or ``S'``;
    - plural, inflection: a form, in S or otherwise, of a known word (see `text.derived_forms`);
    - compound: two known words of at least three letters each;
    - foreign name: contains a letter sequence that is rare in English words;
    - other: anything else.

    Args:
        word: in upper case.
        pronunciations: its references.
        known: words with their pronunciations, such as the training lexicon.
    """
    if not re.search("[AEIOUY]", word) or derived_forms.spelt_out(word) in pronunciations:
        return "acronym"
    if word.endswith(("'S", "S'")):
        return "possessive"
    if derived_forms.derive(word, known):
        return "plural" if word.endswith("S") else "inflection"
    if _is_compound(word, known):
        return "compound"
    return "foreign name" if _FOREIGN.search(word) else "other"


def _is_compound(word: str, known: Collection[str]) -> bool:
    cuts = range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
    return any(word[:cut] in known and word[cut:] in known for cut in cuts)

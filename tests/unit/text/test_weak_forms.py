"""Where function words get their weak form, and where they keep the full form."""

import pytest

from tanger.model.phonology import notation
from tanger.model.text.reader import tables
from tanger.model.text.reader.reader import TextReader
from tanger.model.text.senses import sentences
from tanger.model.text.weak_forms import with_weak_forms

READER = TextReader()
TABLES = tables.load()


def weak(text):
    """Return the words of a text that have weak forms."""
    return [
        token.text
        for sentence in sentences(READER.read(text))
        for token in with_weak_forms(sentence, TABLES)
        for word in token.words
        if word.phoneme_source == "weak_form"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The dogs of a town and an owl", ["The", "of", "a", "and", "an"]),
        ("from 3 to 8", ["from", "to"]),
        ("face-to-face", ["to"]),
        ("She can swim", ["can"]),
        ("as good as gold", ["as", "as"]),
        ("Were they at home?", ["Were", "at"]),
        ("the (big) dog", []),
        ("What is it for?", []),
        ("Where are you from now", ["are"]),
        ("the one that I spoke to was there", ["the", "was"]),
        ("what I am and do", ["and"]),
        ("Yes, he can.", []),
        ("a can of beans", ["a", "of"]),
        ("the word 'of' is small", ["the"]),
        ('say "the" again', []),
        ("I said THE dog", []),
        ("Vitamin A is good", []),
        ("of\ncourse", []),
        ("[of](/AA1 F/) course", []),
        ("to be or not to be", ["to", "or", "to"]),
    ],
)
def test_words_are_weak_before_words_alone(text, expected):
    assert weak(text) == expected


def test_the_table_has_arpabet_with_stress():
    for form in TABLES.weak_forms.values():
        for phonemes in (form.before_consonants, form.before_vowels):
            assert notation.parse_arpabet(" ".join(phonemes)) == phonemes
            assert any(phoneme[-1] == "0" for phoneme in phonemes)


@pytest.mark.parametrize("alphabet", ["arpabet", "ipa", "x-sampa", "cntk"])
@pytest.mark.parametrize(
    ("phonemes", "digits", "vowel"),
    [(("AH", "N"), (0, None), True), (("ER",), (1,), True), (("Y", "UW"), (None, 1), False)],
)
def test_vowels_are_known_in_every_alphabet(alphabet, phonemes, digits, vowel):
    written = notation.write(phonemes, alphabet, digits)
    assert notation.begins_with_vowel(written, alphabet) is vowel

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model.phonology import notation, stress


@pytest.mark.parametrize(
    ("phonemes", "cut"),
    [
        ("T AE NG ER", "T AE NG | ER"),  # no English word begins with NG
        ("IH M P ER F IH K T", "IH M | P ER | F IH K T"),
        ("EH K S P L AH N EY SH AH N", "EH K | S P L AH | N EY | SH AH N"),
        ("M Y UW Z IH K", "M Y UW | Z IH K"),
        ("AH M Y UW Z", "AH | M Y UW Z"),
        ("K AE N Y AH N", "K AE N | Y AH N"),  # consonant + Y is an onset only before UW and UH
        ("S P L IY N", "S P L IY N"),
        ("SH M IH T", "SH M IH T"),  # initial consonants are never split
        ("AE T L AH S", "AE T | L AH S"),
        ("D R AO IH NG", "D R AO | IH NG"),
        ("HH M", ""),
        ("", ""),
    ],
)
def test_consonants_go_to_the_next_vowel_as_far_as_words_begin_so(phonemes, cut):
    sounds = phonemes.split()
    starts = {start for start, _ in stress.syllables(sounds)}
    shown = [f"| {each}" if at in starts - {0} else each for at, each in enumerate(sounds)]
    assert " ".join(shown) == (cut or phonemes)


@given(st.lists(st.sampled_from(sorted(notation.ARPABET))))
def test_every_vowel_has_a_syllable(phonemes):
    found = stress.syllables(phonemes)
    assert [vowel for _, vowel in found] == [
        place for place, phoneme in enumerate(phonemes) if phoneme in stress.VOWELS
    ]
    assert all(start <= vowel for start, vowel in found)
    assert all(before[1] < start for before, (start, _) in pairwise(found)), (
        "no syllable takes the vowel before"
    )
    assert not found or found[0][0] == 0

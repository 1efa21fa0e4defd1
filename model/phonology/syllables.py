"""Where the syllables of an English pronunciation begin: the maximal onset rule.

The consonants between two vowels go to the second one as far as together they could begin an
English word (Kahn, Syllable-based Generalizations in English Phonology, 1976); what could not
stays with the first. Those in front of the first vowel, and those behind the last one, have no
choice. So ``IH M P ER F IH K T`` is ``IH M . P ER . F IH K T``.
"""

from __future__ import annotations

from collections.abc import Sequence

VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())

# What begins an English word: the word-initial sequences of Cruttenden, Gimson's Pronunciation of
# English, chapter 10, less those that are in foreign names alone (VL, SHM). Of single consonants
# all but NG do.
_ONSETS = frozenset(
    tuple(cluster.split("-"))
    for cluster in (
        "P-L P-R P-Y B-L B-R B-Y T-R T-W T-Y D-R D-W D-Y K-L K-R K-W K-Y G-L G-R G-W G-Y "
        "F-L F-R F-Y TH-R TH-W TH-Y SH-R V-Y HH-W HH-Y M-Y N-Y L-Y S-Y Z-Y "
        "S-P S-T S-K S-M S-N S-F S-L S-W "
        "S-P-L S-P-R S-P-Y S-T-R S-T-Y S-K-L S-K-R S-K-W S-K-Y S-M-Y S-N-Y"
    ).split()
)
# In front of Y a consonant begins a syllable before these alone: music, but can-yon.
_AFTER_Y = frozenset({"UW", "UH"})


def onsets(phonemes: Sequence[str]) -> list[tuple[int, int]]:
    """For each syllable the place where it begins, and that of its vowel.

    Args:
        phonemes: ARPAbet without stress digits.
    """
    found: list[tuple[int, int]] = []
    following = 0  # where the consonants behind the last vowel begin
    for place, phoneme in enumerate(phonemes):
        if phoneme in VOWELS:
            start = following
            while found and start < place and not _is_onset(phonemes[start:place], phoneme):
                start += 1
            found.append((start, place))
            following = place + 1
    return found


def _is_onset(consonants: Sequence[str], vowel: str) -> bool:
    if len(consonants) == 1:
        return consonants[0] != "NG"
    if consonants[-1] == "Y" and vowel not in _AFTER_Y:
        return False
    return tuple(consonants) in _ONSETS

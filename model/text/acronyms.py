"""Acronyms that are said letter by letter: which ones, and how.

The rule is for words in capitals, which is how acronyms are typed: those without a vowel letter,
but for a few abbreviations (``MR``), and those of up to three letters that begin or end as hardly
any English word does (``FBI``, ``ATM``). All else is for a lexicon to know (``USA``) or a word
(``NASA``).

On the 16,720 words of CMUdict's dev and test splits that training does not hold, all of which are
in capitals, it names 19, 12 of them rightly, and misses 10 that a dictionary has to know, such as
``ABS``; on the training words, which its tables are from, it names 59, 50 of them rightly.
"""

from __future__ import annotations

import re

from tanger.model.phonology import stress
from tanger.model.text import derived_forms

# The chance that a word that the rule names is said letter by letter, by those 19.
CHANCE = 12 / 19

# Training words without a vowel letter that are not said letter by letter.
_ABBREVIATIONS = frozenset("CMX CT DR LN MHM MR MRS MS MSGR NG SR VS WM WS".split())

# Consonant letters that begin, or end, three or more training words that have a vowel letter.
_BEGINNINGS = frozenset(
    "B BH BJ BL BR C CH CL CR CW CZ D DH DJ DL DR DV DW DZ F FJ FL FR G GH GJ GL GN GR GW H HJ HL "
    "HR HS HW J JH K KH KJ KL KM KN KR KV KW L LH LL M MC ML MR N NG P PF PH PL PN PR PS PT Q R RH "
    "RW S SC SF SH SJ SK SL SM SN SP SQ SR ST SV SW SZ T TH TR TS TW V VL VR W WH WR X Z ZB ZH ZL "
    "ZW".split()
) | {""}
_ENDINGS = frozenset(
    "B BB BL BS BT C CH CK CQ CS CT CZ D DD DL DS DT DZ F FF FS FT G GG GH GL GN GS GT H HL HM HN "
    "HR HS J K KH KS L LB LC LD LF LK LL LM LN LP LS LT LZ M MB MM MN MP MS N NC ND NG NH NK NN NS "
    "NT NX NZ P PF PH PP PS PT Q R RB RC RD RF RG RK RL RM RN RP RR RS RT RV RX RZ S SC SH SK SM "
    "SP SS ST SZ T TH TS TT TZ V VS W WD WK WL WN WS X XT Z ZZ".split()
) | {""}
_SHAPE = re.compile("([BCDFGHJKLMNPQRSTVWXZ]*)([AEIOUY].*?)([BCDFGHJKLMNPQRSTVWXZ]*)")


def is_initialism(letters: str) -> bool:
    """Whether a word in capitals, without an apostrophe, is said letter by letter.

    Args:
        letters: A to Z.
    """
    if len(letters) < 2 or letters in _ABBREVIATIONS:
        return False
    shape = _SHAPE.fullmatch(letters)
    if shape is None:
        return True
    return len(letters) <= 3 and not (shape[1] in _BEGINNINGS and shape[3] in _ENDINGS)


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

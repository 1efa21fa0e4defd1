"""The alphabets that an artifact's phonemes can be written in."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal, TypeGuard, get_args

from tanger.model import TangerError
from tanger.model.phonology import stress, transcription
from tanger.model.phonology.transcription import Notation, TranscriptionError
from tanger.model.phonology.vocabulary import CNTK_PREFIX

# arpabet: as in CMUdict; ipa, x-sampa: see `phonology.transcription`, or the artifact's own symbols
# if they are IPA; cntk: as in the data of CNTK's tutorial; native: as in the artifact's lexicon.
Alphabet = Literal["arpabet", "ipa", "x-sampa", "cntk", "native"]
ALPHABETS: tuple[Alphabet, ...] = get_args(Alphabet)
_NOTATIONS: tuple[Notation, ...] = get_args(Notation)
# Delimiters of transcriptions in dictionaries: slashes or brackets
_ENCLOSED = re.compile(r"(\s*)(?:/([^/]*)/|\[([^\[\]]*)\])\s*")

# The phonemes of CMUdict: a subset of ARPAbet, for American English.
ARPABET = frozenset(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W "
    "Y Z ZH".split()
)


# The phonemes of CMUdict, with and without stress digits.
_SYMBOLS = ARPABET | {f"{vowel}{digit}" for vowel in stress.VOWELS for digit in "012"}
# At least two symbols that look like ARPAbet.
_LIKE_ARPABET = re.compile(r"[A-Z]{1,3}\d?(?:\s+[A-Z]{1,3}\d?)+")


class AlphabetError(TangerError, ValueError):
    """An artifact's phonemes cannot be written in the requested alphabet.

    Attributes:
        alphabet: the requested alphabet.
        available: the alphabets that are possible.
    """

    def __init__(self, alphabet: Alphabet, available: Sequence[Alphabet]) -> None:
        super().__init__(
            f"this artifact's phonemes cannot be written in {alphabet!r}; ask for "
            f"{' or '.join(map(repr, available))}"
        )
        self.alphabet = alphabet
        self.available = tuple(available)


class StressError(TangerError, ValueError):
    """Stress was requested but is not available."""


def available(phonemes: Collection[str]) -> tuple[Alphabet, ...]:
    """Return the alphabets for an artifact with these phonemes; the default is first."""
    if is_arpabet(phonemes):
        return ("arpabet", "ipa", "x-sampa", "cntk")
    return ("native", "ipa") if transcription.is_ipa(phonemes) else ("native",)


def contains_stress(phonemes: Collection[str]) -> bool:
    """Whether the phonemes themselves contain stress: digits in ARPAbet, marks in IPA."""
    if is_arpabet(phonemes):
        return any(stress.split(phoneme)[1] is not None for phoneme in phonemes)
    return transcription.is_ipa(phonemes) and any(map(transcription.is_marked, phonemes))


def choose(
    wanted: Alphabet | None,
    choices: Sequence[Alphabet],
    *,
    stressed: bool | None,
    knows_stress: bool,
) -> Alphabet:
    """Return the alphabet to write in: `wanted`, or by default the first of `choices`.

    Args:
        wanted: the requested alphabet; None for the default.
        choices: the result of `available` for the artifact.
        stressed: whether to write stress; None for the alphabet's default.
        knows_stress: the artifact predicts stress, in its phonemes (see `contains_stress`) or with
            a stress head.

    Raises:
        AlphabetError: if the artifact's phonemes cannot be written in `wanted`.
        StressError: if stress is requested and is not known, or cannot be written in the alphabet.
    """
    if wanted is not None and wanted not in choices:
        raise AlphabetError(wanted, choices)
    alphabet = wanted or choices[0]
    if stressed and not knows_stress:
        raise StressError("this artifact was not trained for stress: ask without it")
    if stressed and alphabet == "cntk":
        raise StressError("the cntk alphabet writes no stress: ask for arpabet")
    return alphabet


def marks_stress(alphabet: Alphabet, stressed: bool | None, *, carried: bool = False) -> bool:
    """Whether to write known stress: `stressed`, or the alphabet's default if it is None.

    By default stress is written in IPA and X-SAMPA. In the other alphabets it is written only if it
    is `carried` in the artifact's phonemes (see `contains_stress`).
    """
    return carried or _is_notation(alphabet) if stressed is None else stressed


def write(
    phonemes: Sequence[str],
    alphabet: Alphabet,
    digits: Sequence[int | None] | None = None,
    *,
    marks: bool = True,
) -> tuple[str, ...]:
    """Write an artifact's phonemes in `alphabet`, one item per phoneme.

    Args:
        phonemes: in the artifact's symbols.
        alphabet: the alphabet.
        digits: stress of each phoneme, if it is known and not part of the phonemes.
        marks: write stress. In IPA and X-SAMPA, the choice of vowels depends on stress in any case.
    """
    if digits is None or all(digit is None for digit in digits):
        digits = None
    if _is_notation(alphabet):
        if digits is None:  # the phonemes may contain stress digits
            split = [stress.split(phoneme) for phoneme in phonemes]
            if any(digit is not None for _, digit in split):
                phonemes, digits = zip(*split, strict=True)
        if alphabet == "ipa" and not ARPABET.issuperset(phonemes):
            bare = phonemes if marks else transcription.unmark_all(phonemes)
            return transcription.mark(bare, digits if marks else None)
        return transcription.write(phonemes, alphabet, digits, marks=marks)
    if alphabet == "cntk":
        return tuple(CNTK_PREFIX + phoneme for phoneme in phonemes)
    if not marks:
        if alphabet == "arpabet":
            return tuple([phoneme.rstrip("012") for phoneme in phonemes])
        return transcription.unmark_all(phonemes)
    return tuple(phonemes) if digits is None else stress.mark(phonemes, digits)


def join(items: Sequence[str], alphabet: Alphabet) -> str:
    """Join the items that `write` returned: with spaces, in IPA and X-SAMPA without."""
    if _is_notation(alphabet):
        return transcription.join(items, alphabet)
    return " ".join(items)


def begins_with_vowel(items: Sequence[str], alphabet: Alphabet) -> bool:
    """Whether the items that `write` returned for ARPAbet phonemes begin with a vowel."""
    if _is_notation(alphabet):
        return transcription.is_vowel(items[0], alphabet)
    return stress.split(items[0].removeprefix(CNTK_PREFIX))[0] in stress.VOWELS


def parse(text: str, alphabet: Alphabet, *, arpabet: bool | None = True) -> tuple[str, ...]:
    """Parse a text in `alphabet` into phonemes as in lexicons: the inverse of `write` and `join`.

    Slashes or brackets around IPA and X-SAMPA are ignored: ``/ˈtæŋɚ/``, ``[ˈtæŋɚ]``.

    Args:
        text: the text.
        alphabet: its alphabet.
        arpabet: true if IPA and X-SAMPA are English and are converted to ARPAbet; false if they are
            symbols separated by spaces; None to decide by whether there are spaces.

    Raises:
        TranscriptionError: at the first character that cannot be read.
    """
    if _is_notation(alphabet):
        text = _bare(text)
        symbols = tuple(text.split())
        if arpabet is None:
            arpabet = len(symbols) == 1 and len(symbols[0]) > 1
        return transcription.parse(text, alphabet) if arpabet else symbols
    if alphabet == "cntk":
        return tuple(_unmarked_cntk(match, text) for match in re.finditer(r"\S+", text))
    return tuple(text.split())


def _bare(text: str) -> str:
    """Replace delimiters around a transcription with spaces, so that positions are unchanged."""
    enclosed = _ENCLOSED.fullmatch(text)
    return text if enclosed is None else f"{enclosed[1]} {enclosed[2] or enclosed[3] or ''} "


def _unmarked_cntk(match: re.Match[str], text: str) -> str:
    symbol = match[0].removeprefix(CNTK_PREFIX)
    if symbol == match[0] or not symbol:
        problem = f"{match[0]!r} does not begin with {CNTK_PREFIX}, as in {CNTK_PREFIX}NG"
        raise TranscriptionError(text, match.start(), "cntk", problem)
    return symbol


def recognize(text: str) -> tuple[str, ...] | None:
    """Parse English in ARPAbet, IPA or X-SAMPA into ARPAbet phonemes; None if it is none of these.

    Vowels have stress digits if the text marks stress.
    """
    if (phonemes := parse_arpabet(text)) is not None:
        return phonemes
    if _LIKE_ARPABET.fullmatch(text.strip()):
        return None  # mistyped ARPAbet would be misread as X-SAMPA
    for each in _NOTATIONS:
        try:
            return transcription.parse(text, each)
        except transcription.TranscriptionError:
            continue
    return None


def parse_arpabet(text: str) -> tuple[str, ...] | None:
    """Parse ARPAbet phonemes separated by spaces; None if there are other symbols, or none."""
    phonemes = tuple(text.split())
    return phonemes if phonemes and _SYMBOLS.issuperset(phonemes) else None


def is_arpabet(phonemes: Collection[str]) -> bool:
    """Return whether all phonemes are ARPAbet, with or without stress digits."""
    return {phoneme.rstrip("012") for phoneme in phonemes} <= ARPABET


def _is_notation(alphabet: Alphabet) -> TypeGuard[Notation]:
    return alphabet in _NOTATIONS

"""Pronounce English possessives, plurals, verb forms and drawn-out words by rule from known words.

A rule applies only if the stem is in a lexicon, and uses the lexicon's pronunciation of the stem.
On CMUdict's training words, possessives are right in 96 %, plurals in 92 %, verb forms in 88 to
93 % (any-match); rules that were less accurate have been left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from tanger.model.phonology.stress import VOWELS

Phonemes = tuple[str, ...]

_SIBILANTS = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH", "S", "SH", "CH"})
_SHORTEST_STEM = 3


# The names of the letters.
LETTERS: Mapping[str, Phonemes] = {
    letter: tuple(name.split())
    for letter, name in zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "EY,B IY,S IY,D IY,IY,EH F,JH IY,EY CH,AY,JH EY,K EY,EH L,EH M,EH N,OW,P IY,K Y UW,AA R,"
        "EH S,T IY,Y UW,V IY,D AH B AH L Y UW,EH K S,W AY,Z IY".split(","),
        strict=True,
    )
}


def spelt_out(word: str) -> Phonemes:
    """Spell out a word by the names of its letters, as in BBC; other characters are silent."""
    return tuple(sound for letter in word for sound in LETTERS.get(letter, ()))


def letter_by_letter(letters: str, *, in_plural: bool = False) -> tuple[str, ...]:
    """Return the names of letters, each with a primary stress, as CMUdict pronounces acronyms.

    Args:
        letters: letters A to Z.
        in_plural: append the sound of a plural or possessive.
    """
    phonemes: list[str] = []
    for letter in letters:
        digits = iter("1000")  # only W, "double-u", has several vowels
        for phoneme in LETTERS[letter]:
            phonemes.append(phoneme + (next(digits) if phoneme in VOWELS else ""))
    spoken = tuple(phonemes)
    return with_stress(plural(spoken)) if in_plural else spoken


def plural(stem: Phonemes) -> Phonemes:
    """Append the sound of a plural, possessive or third person to the stem."""
    if stem[-1] in _SIBILANTS:
        return (*stem, "IH", "Z")
    return (*stem, "S" if stem[-1] in _VOICELESS else "Z")


def past(stem: Phonemes) -> Phonemes:
    """Append the sound of a regular past tense to the stem."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH", "D")
    return (*stem, "T" if stem[-1] in _VOICELESS else "D")


def _with(*sounds: str) -> Callable[[Phonemes], Phonemes]:
    return lambda stem: (*stem, *sounds)


_ROW = re.compile(r"([A-Z])\1{2,}")
_MAX_ROWS = 4
# FREE, ALL, OFF
_DOUBLE_AT_END = frozenset("EFL")
_SUFFIXES: tuple[tuple[str, Callable[[Phonemes], Phonemes]], ...] = (
    ("ED", past),
    ("ING", _with("IH", "NG")),
)


def derive(word: str, known: Mapping[str, Sequence[Phonemes]]) -> list[Phonemes]:
    """Derive pronunciations of `word` from those of its stem; empty if no rule applies.

    Args:
        word: word in upper case, as in CMUdict.
        known: stress-free ARPAbet pronunciations by word.
    """
    for stem, sound in _analyses(word):
        if len(stem) >= _SHORTEST_STEM and stem in known:
            return [sound(phonemes) for phonemes in known[stem] if phonemes]
    return []


def inflected(word: str, known: Mapping[str, Sequence[Phonemes]]) -> list[Phonemes]:
    """Derive pronunciations of a possessive or plural from those of its stem.

    The result is empty if the word is neither, or no rule applies. ``BORROWERS'`` sounds like
    ``BORROWERS``, which may itself be derived from ``BORROWER``.

    Args:
        word: word in upper case.
        known: ARPAbet pronunciations by word, with stress digits or without.
    """
    if not word.endswith(("S", "S'")):
        return []
    found = derive(word, known)
    if not found and word.endswith("S'"):
        found = derive(word[:-1], known)
    stressed = any(phoneme[-1].isdigit() for phonemes in found for phoneme in phonemes)
    return [with_stress(each) for each in found] if stressed else found


def drawn_out(word: str, known: Mapping[str, Sequence[Phonemes]]) -> Sequence[Phonemes]:
    """Return the pronunciations of a word that is written with more letters: ``SOOOO``, ``LOOOVE``.

    The result is empty if no letter stands three times in a row, or no word comes of it.

    Args:
        word: word in upper case.
        known: pronunciations by word.
    """
    rows = [match.end() == len(word) for match in _ROW.finditer(word)]
    if not rows or len(rows) > _MAX_ROWS:
        return []
    pieces = _ROW.split(word)  # letters between the rows, and the letter of each row
    for counts in product((2, 1), repeat=len(rows)):
        letters = [
            piece if at % 2 == 0 else piece * _repeated(piece, counts[at // 2], rows[at // 2])
            for at, piece in enumerate(pieces)
        ]
        if found := known.get("".join(letters)):
            return found
    return []


def _repeated(letter: str, count: int, last: bool) -> int:
    """Return how often a letter is tried: twice first, but once at the end of words like NO."""
    return 3 - count if last and letter not in _DOUBLE_AT_END else count


def with_stress(phonemes: Phonemes) -> Phonemes:
    """Append stress digit 0 to each vowel that has none."""
    return tuple(f"{phoneme}0" if phoneme in VOWELS else phoneme for phoneme in phonemes)


def _analyses(word: str) -> Iterator[tuple[str, Callable[[Phonemes], Phonemes]]]:
    """Yield possible stems, most likely first, with the function that inflects their phonemes."""
    if word.endswith("'S"):
        yield word[:-2], plural
    elif word.endswith("S'"):
        yield word[:-1], _with()  # sounds like the plural before the apostrophe
    elif word.endswith("S"):
        if not word.endswith("SS"):
            yield word[:-1], plural
        if word.endswith("IES"):
            yield f"{word[:-3]}Y", plural
    for ending, sound in _SUFFIXES:
        if not word.endswith(ending):
            continue
        stem = word.removesuffix(ending)
        yield stem, sound
        yield f"{stem}E", sound
        if stem[-1:] == stem[-2:-1]:  # stopped, stopping
            yield stem[:-1], sound
        if ending == "ED" and stem.endswith("I"):  # tried
            yield f"{stem[:-1]}Y", sound
    if word.endswith("SHIP"):
        yield word[:-4], _with("SH", "IH", "P")
    if word.endswith("FUL"):
        yield word[:-3], _with("F", "AH", "L")

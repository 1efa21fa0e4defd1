"""English words made of known ones: what possessives, plurals and verb forms sound like.

A rule answers only where the stem is in a lexicon, and says the stem as that lexicon does. On
CMUdict's own training words the possessives come out right in 96 %, plurals in 92 %, verb forms
in 88 to 93 % (any-match); rules that did worse are not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tanger.model.phonology.stress import VOWELS

Phonemes = tuple[str, ...]

_SIBILANTS = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH", "S", "SH", "CH"})
_SHORTEST_STEM = 3


# How the letters are called.
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
    """The word letter by letter, as BBC is said; what is no letter is silent."""
    return tuple(sound for letter in word for sound in LETTERS.get(letter, ()))


def letter_by_letter(letters: str, *, in_plural: bool = False) -> tuple[str, ...]:
    """Letter by letter, each with a primary stress, as CMUdict says acronyms.

    Args:
        letters: A to Z.
        in_plural: with the sound of a plural, or of a possessive, behind.
    """
    phonemes: list[str] = []
    for letter in letters:
        digits = iter("1000")  # DOUBLE-U alone has several vowels
        for phoneme in LETTERS[letter]:
            phonemes.append(phoneme + (next(digits) if phoneme in VOWELS else ""))
    spoken = tuple(phonemes)
    return with_stress(plural(spoken)) if in_plural else spoken


def plural(stem: Phonemes) -> Phonemes:
    """The stem with the sound of a plural, a possessive or a third person behind it."""
    if stem[-1] in _SIBILANTS:
        return (*stem, "IH", "Z")
    return (*stem, "S" if stem[-1] in _VOICELESS else "Z")


def past(stem: Phonemes) -> Phonemes:
    """The stem with the sound of a regular past tense behind it."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH", "D")
    return (*stem, "T" if stem[-1] in _VOICELESS else "D")


def _with(*sounds: str) -> Callable[[Phonemes], Phonemes]:
    return lambda stem: (*stem, *sounds)


_SUFFIXES: tuple[tuple[str, Callable[[Phonemes], Phonemes]], ...] = (
    ("ED", past),
    ("ING", _with("IH", "NG")),
)


def derive(word: str, known: Mapping[str, Sequence[Phonemes]]) -> list[Phonemes]:
    """Pronunciations of `word` by rule, from those of its stem; empty where no rule knows it.

    Args:
        word: in capitals, as CMUdict writes.
        known: stress-free ARPAbet pronunciations by word.
    """
    for stem, sound in _analyses(word):
        if len(stem) >= _SHORTEST_STEM and stem in known:
            return [sound(phonemes) for phonemes in known[stem] if phonemes]
    return []


def inflected(word: str, known: Mapping[str, Sequence[Phonemes]]) -> list[Phonemes]:
    """Pronunciations of a possessive or a plural by rule, from those of its stem.

    Empty where the word is none of them, or no rule knows it. ``BORROWERS'`` sounds like
    ``BORROWERS``, which may itself be made of ``BORROWER``.

    Args:
        word: in capitals.
        known: ARPAbet pronunciations by word, with stress digits or without.
    """
    if not word.endswith(("S", "S'")):
        return []
    found = derive(word, known)
    if not found and word.endswith("S'"):
        found = derive(word[:-1], known)
    stressed = any(phoneme[-1].isdigit() for phonemes in found for phoneme in phonemes)
    return [with_stress(each) for each in found] if stressed else found


def with_stress(phonemes: Phonemes) -> Phonemes:
    """The phonemes, with a 0 after each vowel that has no digit yet."""
    return tuple(f"{phoneme}0" if phoneme in VOWELS else phoneme for phoneme in phonemes)


def _analyses(word: str) -> Iterator[tuple[str, Callable[[Phonemes], Phonemes]]]:
    """Stems that the word may have, likeliest first, and what is done to their sound."""
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

"""ARPAbet in the International Phonetic Alphabet and in X-SAMPA, and back.

A phoneme is one item: ``T AE1 NG ER0`` is ``ˈt æ ŋ ɚ``, together ``ˈtæŋɚ``. The marks of stress
stand where the stressed syllable begins (see `phonology.stress`), words of one syllable
included. Where two symbols side by side would read as another one (``t`` and ``ʃ``), a syllable
break ``.`` keeps them apart, so that what is written reads back.

Two phonemes sound different by stress: AH is ``ʌ`` where it is stressed and ``ə`` where not, ER is
``ɝ`` and ``ɚ``. Where no stress is known they are those of stress in a word's only vowel, else
those without.

Phonemes of artifacts of other languages may be IPA as they are: these are recognised, and their
marks of stress taken off or put on (`is_ipa`, `unmark`, `mark`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

from tanger.model import TangerError
from tanger.model.phonology import stress

Notation = Literal["ipa", "x-sampa"]

# One row a phoneme: ARPAbet, IPA, X-SAMPA; then what is read as the same, I: in IPA
# and X: in X-SAMPA. The vowels as in Wells, Accents of English, 1982, for General American. Not
# here, since transcribers disagree on what they say of American English: a and e alone, ɾ, ʔ.
_TABLE = """
AA   ɑ    A    I:ɒ  X:Q
AE   æ    {
AH0  ə    @
AH   ʌ    V    I:ɐ  X:6
AO   ɔ    O
AW   aʊ   aU   I:au  X:au
AY   aɪ   aI   I:ai  X:ai
B    b    b
CH   tʃ   tS   I:ʧ
D    d    d
DH   ð    D
EH   ɛ    E
ER0  ɚ    @`   I:ə˞
ER   ɝ    3`   I:ɜ˞  I:ɜɹ  I:ɜr  I:ɜ  X:3r\\  X:3r  X:3
EY   eɪ   eI   I:ei  X:ei
F    f    f
G    ɡ    g    I:g
HH   h    h
IH   ɪ    I    I:ɨ  X:1
IY   i    i
JH   dʒ   dZ   I:ʤ
K    k    k
L    l    l    I:ɫ  X:5
M    m    m
N    n    n
NG   ŋ    N
OW   oʊ   oU   I:əʊ  I:ou  I:o  X:@U  X:ou  X:o
OY   ɔɪ   OI   I:oɪ  I:ɔi  X:oI  X:Oi
P    p    p
R    ɹ    r\\  I:r  X:r
S    s    s
SH   ʃ    S
T    t    t
TH   θ    T
UH   ʊ    U
UW   u    u    I:ʉ  X:}
V    v    v
W    w    w
Y    j    j
Z    z    z
ZH   ʒ    Z
"""


# Letters of IPA outside its own block of Unicode, and blocks of letters, modifiers and diacritics
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzæçðøħŋœβθχǀǁǂǃⱱᵻᵿⁿ")
_BLOCKS = ((0x0250, 0x036F), (0x1D2C, 0x1DBF))
# What one of a language's symbols has if they are IPA and not the letters of an orthography
_TELLING = re.compile("[\u0250-\u02afŋθˈˌː\u0361]")
# Of primary and secondary stress in IPA
_MARKS = "ˈˌ"


class _Notation(NamedTuple):
    """How one of them is written and read.

    Attributes:
        written: symbol by phoneme, with the digit 0 where that has a symbol of its own.
        read: phonemes by symbol.
        marks: of primary and of secondary stress.
        readings: digit by mark.
        breaks: between syllables or words; they say nothing else.
        ignored: marks after a symbol that distinguish no two phonemes: length, ties.
    """

    written: dict[str, str]
    read: dict[str, tuple[str, ...]]
    marks: tuple[str, str]
    readings: dict[str, int]
    breaks: str
    ignored: str


def _notations() -> dict[Notation, _Notation]:
    ipa = _Notation({}, {}, (_MARKS[0], _MARKS[1]), {"ˈ": 1, "'": 1, "ˌ": 2}, ". ‿", "ːˑ͜͡\u032f")
    sampa = _Notation({}, {}, ('"', "%"), {'"': 1, "%": 2}, ". -", ":")
    for row in filter(None, _TABLE.split("\n")):
        phoneme, in_ipa, in_sampa, *others = row.split()
        for notation, symbol, kind in ((ipa, in_ipa, "I:"), (sampa, in_sampa, "X:")):
            notation.written[phoneme] = symbol
            for same in (symbol, *(o.removeprefix(kind) for o in others if o.startswith(kind))):
                notation.read[same] = (stress.split(phoneme)[0],)
    # Two phonemes in one symbol
    ipa.read.update({"ʍ": ("HH", "W"), "n̩": ("AH", "N"), "m̩": ("AH", "M"), "l̩": ("AH", "L")})
    sampa.read.update({"W": ("HH", "W"), "n=": ("AH", "N"), "m=": ("AH", "M"), "l=": ("AH", "L")})
    return {"ipa": ipa, "x-sampa": sampa}


_NOTATIONS = _notations()


class TranscriptionError(TangerError, ValueError):
    """A transcription that cannot be read in its notation.

    Attributes:
        text: the whole of it.
        position: where in it, from 0.
        notation: what it was read as.
    """

    def __init__(self, text: str, position: int, notation: str, problem: str) -> None:
        super().__init__(f"{text[:80]!r} as {notation}, character {position + 1}: {problem}")
        self.text = text
        self.position = position
        self.notation = notation


def symbols(notation: Notation) -> dict[str, tuple[str, ...]]:
    """What is read, and as which ARPAbet phonemes."""
    return dict(_NOTATIONS[notation].read)


def is_ipa(phonemes: Collection[str]) -> bool:
    """Whether an artifact's symbols are IPA: nothing else in them, and what no orthography has."""
    text = unicodedata.normalize("NFD", "".join(phonemes))
    return bool(_TELLING.search(text)) and all(
        c in _LETTERS or any(first <= ord(c) <= last for first, last in _BLOCKS) for c in set(text)
    )


def is_marked(symbol: str) -> bool:
    """Whether an IPA symbol has a mark of stress: ``ˈa``."""
    return symbol[0] in _MARKS


def unmark(symbol: str) -> str:
    """An IPA symbol without its marks of stress; a mark that is a symbol by itself stays."""
    return symbol.lstrip(_MARKS) or symbol


def mark(phonemes: Sequence[str], digits: Sequence[int | None] | None) -> tuple[str, ...]:
    """IPA symbols of any language with marks of stress, which stand right before their vowels."""
    if digits is None:
        return tuple(phonemes)
    marks = {1: _MARKS[0], 2: _MARKS[1]}
    return tuple(
        marks[digit] + phoneme if digit else phoneme
        for phoneme, digit in zip(phonemes, digits, strict=True)
    )


def write(
    phonemes: Sequence[str],
    notation: Notation,
    digits: Sequence[int | None] | None = None,
    *,
    marks: bool = True,
) -> tuple[str, ...]:
    """ARPAbet phonemes in another notation, one for one.

    Args:
        phonemes: without stress digits.
        notation: the notation.
        digits: of the vowels, None for other phonemes; nothing else where no stress is known.
        marks: write stress where it is known; the vowels hang on it either way.
    """
    written, signs = _NOTATIONS[notation].written, _NOTATIONS[notation].marks
    nuclei = stress.syllables(phonemes)
    if digits is None or all(digit is None for digit in digits):
        only = len(nuclei) == 1
        return tuple(
            written[phoneme] if only else written.get(phoneme + "0", written[phoneme])
            for phoneme in phonemes
        )
    items = [
        written.get(phoneme + "0", written[phoneme]) if digit == 0 else written[phoneme]
        for phoneme, digit in zip(phonemes, digits, strict=True)
    ]
    for start, vowel in nuclei:
        if marks and digits[vowel]:
            items[start] = signs[0 if digits[vowel] == 1 else 1] + items[start]
    return tuple(items)


def join(items: Sequence[str], notation: Notation) -> str:
    """One word of what `write` gave, with a break where two items would read as something else.

    Symbols that English has not stand side by side as they are.
    """
    text = "".join(items[:1])
    for before, item in pairwise(items):
        bare = before.lstrip("".join(_NOTATIONS[notation].marks))
        text += item if _stay_apart(bare, item, notation) else f".{item}"
    return text


@cache
def _stay_apart(before: str, after: str, notation: Notation) -> bool:
    if after[0] in _NOTATIONS[notation].marks:
        return True
    read = _NOTATIONS[notation].read
    if before not in read or after not in read:
        return True
    return [symbol for symbol, _ in _match(before + after, notation)] == [before, after]


def parse(text: str, notation: Notation) -> tuple[str, ...]:
    """The ARPAbet phonemes of a transcription, with stress digits where it marks stress.

    The longest symbol that fits is taken. A mark of stress goes to the next vowel, wherever in the
    syllable it stands; the vowels without one then get a 0. Without any mark no vowel gets a
    digit, but where all of them are such as stress never has (``ðə``).

    Raises:
        TranscriptionError: for the first thing that cannot be read.
    """
    signs = _NOTATIONS[notation].readings
    phonemes: list[str] = []
    digits: list[int | None] = []
    mark: tuple[int, int] | None = None  # digit and place of one whose vowel is yet to come
    marked, weak = False, True
    for symbol, place in _match(text, notation):
        if symbol in signs:
            if mark:
                raise TranscriptionError(text, place, notation, "a second mark for one vowel")
            mark, marked = (signs[symbol], place), True
            continue
        for phoneme in _NOTATIONS[notation].read[symbol]:
            vowel = phoneme in stress.VOWELS
            phonemes.append(phoneme)
            digits.append((mark[0] if mark else 0) if vowel else None)
            if vowel:
                mark = None
                weak = weak and symbol in _weak(notation)
    if mark:
        raise TranscriptionError(text, mark[1], notation, "no vowel follows this mark of stress")
    if not phonemes:
        raise TranscriptionError(text, 0, notation, "there is nothing to read")
    return stress.mark(phonemes, digits) if marked or weak else tuple(phonemes)


@cache
def _weak(notation: Notation) -> frozenset[str]:
    """Symbols of vowels that have no stress."""
    written = _NOTATIONS[notation].written
    return frozenset(symbol for phoneme, symbol in written.items() if phoneme.endswith("0"))


@cache
def _longest(notation: Notation) -> int:
    return max(map(len, _NOTATIONS[notation].read))


def _match(text: str, notation: Notation) -> list[tuple[str, int]]:
    """Symbols and marks of a transcription, each with its place."""
    _, read, _, signs, breaks, ignored = _NOTATIONS[notation]
    kept = [(c, place) for place, c in enumerate(text) if c not in ignored]
    bare = "".join(c for c, _ in kept)
    found: list[tuple[str, int]] = []
    at = 0
    while at < len(bare):
        place = kept[at][1]
        if bare[at] in breaks or bare[at].isspace():
            at += 1
            continue
        if bare[at] in signs:
            found.append((bare[at], place))
            at += 1
            continue
        for size in range(min(_longest(notation), len(bare) - at), 0, -1):
            if bare[at : at + size] in read:
                found.append((bare[at : at + size], place))
                at += size
                break
        else:
            known = " ".join(dict.fromkeys(_NOTATIONS[notation].written.values()))
            problem = f"{bare[at]!r} (U+{ord(bare[at]):04X}) is none of its symbols: {known}"
            raise TranscriptionError(text, place, notation, problem)
    return found

"""Convert ARPAbet to the International Phonetic Alphabet and X-SAMPA, and back.

Each phoneme becomes one item: ``T AE1 NG ER0`` is ``ˈt æ ŋ ɚ``, joined ``ˈtæŋɚ``. Stress marks are
written at the beginning of the stressed syllable (see `phonology.stress`), also in words of one
syllable. If two adjacent symbols would read as another one (``t`` and ``ʃ``), a syllable break
``.`` separates them, so that the text can be read back.

Two phonemes are written differently by stress: AH is ``ʌ`` if stressed and ``ə`` if not, ER is
``ɝ`` and ``ɚ``. If stress is not known, the only vowel of a word is written as stressed, others as
unstressed.

Phonemes of other languages may be IPA already. They are recognised (`is_ipa`), and their stress
marks removed and added (`unmark`, `mark`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

from tanger.model import TangerError
from tanger.model.phonology import stress

Notation = Literal["ipa", "x-sampa"]

# One row per phoneme: ARPAbet, IPA, X-SAMPA; then other symbols that are read as this phoneme, in
# IPA after I: and in X-SAMPA after X:. Vowels as in Wells, Accents of English, 1982, for General
# American. a and e alone, ɾ and ʔ are missing, because transcribers of American English disagree
# about them.
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


# IPA letters outside Unicode's IPA block, and blocks of letters, modifiers and diacritics
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzæçðøħŋœβθχǀǁǂǃⱱᵻᵿⁿ")
_BLOCKS = ((0x0250, 0x036F), (0x1D2C, 0x1DBF))
# At least one symbol has one of these if the phonemes are IPA rather than letters of an orthography
_TELLING = re.compile("[\u0250-\u02afŋθˈˌː\u0361]")
# IPA marks of primary and secondary stress
_MARKS = "ˈˌ"


class _Notation(NamedTuple):
    """Symbols of a notation.

    Attributes:
        written: symbol of each phoneme; phonemes with the digit 0 if they have a symbol of their
            own.
        read: phonemes of each symbol.
        marks: marks of primary and secondary stress.
        readings: stress digit of each mark.
        breaks: separators of syllables and words, which are ignored.
        ignored: marks after a symbol that do not distinguish phonemes, such as length and ties.
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
    # Symbols of two phonemes
    ipa.read.update({"ʍ": ("HH", "W"), "n̩": ("AH", "N"), "m̩": ("AH", "M"), "l̩": ("AH", "L")})
    sampa.read.update({"W": ("HH", "W"), "n=": ("AH", "N"), "m=": ("AH", "M"), "l=": ("AH", "L")})
    return {"ipa": ipa, "x-sampa": sampa}


_NOTATIONS = _notations()


class TranscriptionError(TangerError, ValueError):
    """A text cannot be read in its notation.

    Attributes:
        text: the whole text.
        position: index of the character at fault.
        notation: the notation.
    """

    def __init__(self, text: str, position: int, notation: str, problem: str) -> None:
        super().__init__(f"{text[:80]!r} as {notation}, character {position + 1}: {problem}")
        self.text = text
        self.position = position
        self.notation = notation


def symbols(notation: Notation) -> dict[str, tuple[str, ...]]:
    """Return the symbols that can be read in a notation, with their ARPAbet phonemes."""
    return dict(_NOTATIONS[notation].read)


def is_ipa(phonemes: Collection[str]) -> bool:
    """Whether the symbols are IPA: only IPA characters, and some that no orthography has."""
    text = unicodedata.normalize("NFD", "".join(phonemes))
    return bool(_TELLING.search(text)) and all(
        c in _LETTERS or any(first <= ord(c) <= last for first, last in _BLOCKS) for c in set(text)
    )


def is_marked(symbol: str) -> bool:
    """Whether an IPA symbol contains a stress mark, as ``ˈa`` does."""
    return symbol[0] in _MARKS


def unmark(symbol: str) -> str:
    """Remove the stress marks of an IPA symbol; a symbol that is only a mark is kept."""
    return symbol.lstrip(_MARKS) or symbol


def unmark_all(phonemes: Iterable[str]) -> tuple[str, ...]:
    """Remove the stress marks of IPA symbols (see `unmark`)."""
    return tuple(map(unmark, phonemes))


def mark(phonemes: Sequence[str], digits: Sequence[int | None] | None) -> tuple[str, ...]:
    """Add stress marks to IPA symbols of any language, directly before the vowels."""
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
    """Write ARPAbet phonemes in another notation, one item per phoneme.

    Args:
        phonemes: without stress digits.
        notation: the notation.
        digits: stress of the vowels, None for other phonemes; None if stress is not known.
        marks: write stress marks. The choice of vowel symbols depends on stress in any case.
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
    """Join the items of one word, with a break between items that would read as something else.

    Symbols that are not English are joined without breaks.
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
    """Return the ARPAbet phonemes of a transcription, with stress digits if it has stress marks.

    The longest matching symbol is read. A stress mark applies to the next vowel, wherever in the
    syllable it is written; vowels without a mark then get a 0. Without any mark no vowel gets a
    digit, unless all vowels are unstressed symbols (``ðə``).

    Raises:
        TranscriptionError: at the first character that cannot be read.
    """
    signs = _NOTATIONS[notation].readings
    phonemes: list[str] = []
    digits: list[int | None] = []
    mark: tuple[int, int] | None = None  # digit and position of a mark whose vowel is still to come
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
def is_vowel(item: str, notation: Notation) -> bool:
    """Whether an item that `write` returned is an English vowel, with or without a stress mark."""
    phonemes = _NOTATIONS[notation].read.get(item.lstrip("".join(_NOTATIONS[notation].marks)), ())
    return not stress.VOWELS.isdisjoint(phonemes[:1])


@cache
def _weak(notation: Notation) -> frozenset[str]:
    """Return the symbols of unstressed vowels."""
    written = _NOTATIONS[notation].written
    return frozenset(symbol for phoneme, symbol in written.items() if phoneme.endswith("0"))


@cache
def _longest(notation: Notation) -> int:
    return max(map(len, _NOTATIONS[notation].read))


def _match(text: str, notation: Notation) -> list[tuple[str, int]]:
    """Split a transcription into symbols and marks, each with its position."""
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

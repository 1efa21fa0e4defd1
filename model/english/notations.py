"""Readers of dictionaries of American English, which convert their notations to ARPAbet.

Each reader returns words in upper case, and for each entry the ARPAbet pronunciations that it may
stand for: a flap, for example, is a T or a D. If the dictionary marks stress, vowels have CMUdict's
digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise, product

from tanger.model.phonology import stress
from tanger.model.phonology.stress import VOWELS

Pronunciation = tuple[str, ...]
Readings = dict[str, list[Pronunciation]]

# Largest number of pronunciations that are considered for one entry
_MAX_READINGS = 16

_WORD = re.compile(r"^[A-Z']*[A-Z][A-Z']*$")
_AMEPD_LABEL = re.compile(r"\([^)]*\)$")
_ISLE_LINE = re.compile(r"^(?P<word>[^(#]+)\([^#]*\)\s*#(?P<sounds>.*)#\s*$")


def _table(text: str) -> dict[str, tuple[Pronunciation, ...]]:
    """Parse a table ``IPA=P1 P2/P3`` of symbols and the phonemes that each may stand for."""
    table = {}
    for field in text.split(","):
        symbol, _, ways = field.strip().partition("=")
        table[symbol] = tuple(tuple(way.split()) for way in ways.split("/"))
    return table


_MFA = _table(
    "ə=AH,ɪ=IH,i=IY,ɛ=EH,æ=AE,ɐ=AH,ɑ=AA,ɒ=AO,ow=OW,ej=EY,aj=AY,aw=AW,ɔj=OY,ʊ=UH,ʉ=UW,"
    "ɝ=ER,ɚ=ER,ɫ̩=AH L,n̩=AH N,m̩=AH M,n=N,ɲ=N/NG,ɾ̃=N/N T/N D,m=M,mʲ=M,ɱ=M/N,ŋ=NG,l=L,ʎ=L/L Y,ɫ=L,"
    "p=P,pʰ=P,pʲ=P,pʷ=P W,b=B,bʲ=B,t=T,tʰ=T,tʲ=T,tʷ=T W,t̪=TH,ʔ=T,ɾ=T/D,ɾʲ=T/D,d=D,dʲ=D,d̪=DH,"
    "k=K,kʰ=K,c=K,cʰ=K,kʷ=K W,cʷ=K W,ɡ=G,ɟ=G,ɡʷ=G W,ɟʷ=G W,tʃ=CH,dʒ=JH,f=F,fʲ=F,v=V,vʲ=V,"
    "θ=TH,ð=DH,s=S,z=Z,ʃ=SH,ʒ=ZH,h=HH,ç=HH,j=Y,w=W,ɹ=R"
)
# Palatal consonants include the Y that CMUdict writes between them and this vowel
_PALATAL = frozenset("mʲ pʲ bʲ fʲ vʲ c cʰ ɟ ç".split())

_ISLE = _table(
    "ə=AH,ɪ=IH,i=IY,ɛ=EH,æ=AE,ʌ=AH,ɑ=AA,ɔ=AO,oʊ=OW,ei=EY,ɑɪ=AY,aʊ=AW,ɔi=OY,ʊ=UH,u=UW,ɝ=ER,ɚ=ER,"
    "l̩=AH L,n̩=AH N,m̩=AH M,n=N,m=M,ŋ=NG,l=L,p=P,b=B,t=T,ɾ=T,d=D,k=K,g=G,tʃ=CH,dʒ=JH,f=F,v=V,"
    "ɵ=TH,ð=DH,s=S,z=Z,ʃ=SH,ʒ=ZH,h=HH,j=Y,w=W,ɹ=R,r=R"
)
_AMEPD = {"AX": "AH0", "AXR": "ER0"}
_SYLLABIC = "\u0329"
_STRESS_MARKS = {"ˈ": "1", "ˌ": "2"}


def read_amepd(lines: Iterable[str], dropped: Counter[str]) -> Readings:
    """Read the American English Pronouncing Dictionary: CMUdict's notation with AX and AXR added.

    Args:
        lines: lines of its file.
        dropped: counts the skipped entries by reason.
    """
    found: Readings = {}
    for line in lines:
        fields = line.partition("#")[0].partition(";;;")[0].split()
        if len(fields) < 2:
            continue
        word = _AMEPD_LABEL.sub("", fields[0]).upper()
        sounds = tuple(_AMEPD.get(sound, sound) for sound in fields[1:] if sound != "-")
        _add(found, word, [sounds], dropped)
    return found


def read_mfa(lines: Iterable[str], dropped: Counter[str]) -> Readings:
    """Read the Montreal Forced Aligner's American dictionary: allophones in IPA, without stress.

    Args:
        lines: lines of its file.
        dropped: counts the skipped entries by reason.
    """
    found: Readings = {}
    for line in lines:
        fields = line.split()
        if len(fields) < 2:
            continue
        symbols = [symbol.replace("ː", "") for symbol in fields[1:]]
        _add(found, fields[0].upper(), _readings(_mfa_symbols(symbols)), dropped)
    return found


def _mfa_symbols(symbols: Sequence[str]) -> list[tuple[Pronunciation, ...] | None]:
    """Return what each symbol may stand for in its context; None for an unknown symbol."""
    ways = [_MFA.get(symbol) for symbol in symbols]
    for at, (symbol, following) in enumerate(pairwise(symbols)):
        vowel = _MFA.get(following, (("",),))[0]
        if symbol in _PALATAL and following == "ʉ":
            ways[at + 1] = (("Y", "UW"),)
        elif symbol in _PALATAL and following in {"ə", "ʊ"}:
            ways[at + 1] = (vowel, ("Y", *vowel))
        if (symbol == "ŋ" and following[0] in "kc") or (symbol == "m" and following[0] in "pbfv"):
            ways[at] = (*(_MFA[symbol]), ("N",))  # or an N, assimilated in fast speech
        if symbol == "ɹ" and at and vowel[0] in VOWELS and not _is_vowel(symbols[at - 1]):
            ways[at] = (("R",), ("ER",))  # or a syllable that fast speech reduces
    return ways


def _is_vowel(symbol: str) -> bool:
    return _MFA.get(symbol, (("",),))[0][0] in VOWELS


def read_isle(lines: Iterable[str], dropped: Counter[str]) -> Readings:
    """Read ISLEX, the dictionary of `pysle`: IPA with syllables and stress.

    Args:
        lines: lines of its file.
        dropped: counts the skipped entries by reason.
    """
    found: Readings = {}
    for line in lines:
        if (match := _ISLE_LINE.match(line)) is None:
            dropped["not an entry"] += 1
            continue
        symbols = [symbol for symbol in match["sounds"].split() if symbol not in {".", "#"}]
        ways = [_isle_symbol(symbol) for symbol in _off_syllabic(symbols)]
        word = match["word"].upper()
        _add(found, word, (_like_cmudict(word, way) for way in _readings(ways)), dropped)
    return found


def _off_syllabic(symbols: Sequence[str]) -> list[str]:
    """Move the stress of a syllabic consonant to the vowel after it.

    ISLEX has ``ˌl̩ . ɑɪ`` for the syllable ``ˌlɑɪ``.
    """
    moved = list(symbols)
    for at, symbol in enumerate(symbols):
        if symbol[0] in _STRESS_MARKS and symbol.endswith(_SYLLABIC):
            moved[at] = symbol[1:]
            following = "".join(symbols[at + 1 : at + 2])
            if (
                following[:1] not in _STRESS_MARKS
                and _ISLE.get(following, (("",),))[0][0] in VOWELS
            ):
                moved[at + 1] = symbol[0] + following
    return moved


def _isle_symbol(symbol: str) -> tuple[Pronunciation, ...] | None:
    digit = _STRESS_MARKS.get(symbol[0])
    ways = _ISLE.get(symbol[1:] if digit else symbol)
    if ways is None:
        return None
    return tuple(
        tuple(f"{sound}{digit or 0}" if sound in VOWELS else sound for sound in way) for way in ways
    )


def _like_cmudict(word: str, sounds: Pronunciation) -> Pronunciation:
    """Convert ISLEX's conventions to CMUdict's; stress is removed if it is not known.

    They differ in OW before R, the full vowel of -ness, and the second L of -fully.
    """
    written = [sound for at, sound in enumerate(sounds) if sounds[at - 1 : at + 1] != ("L", "L")]
    for suffix in ("NESS", "NESSES"):
        vowel = -2 if suffix == "NESS" else -4
        if word.endswith(suffix) and len(word) > len(suffix) and written[vowel:][:1] == ["EH0"]:
            written[vowel] = "AH0"
    for at in range(len(written) - 1):
        if written[at + 1] == "R" and written[at][:2] == "OW":
            written[at] = f"AO{written[at][2:]}"
    marks = [stress.split(sound)[1] for sound in written]
    vowels = [at for at, mark in enumerate(marks) if mark is not None]
    if len(vowels) == 1:
        written[vowels[0]] = f"{stress.split(written[vowels[0]])[0]}1"
    elif 1 not in marks:
        return stress.strip(written)
    return tuple(written)


def _readings(ways: Sequence[tuple[Pronunciation, ...] | None]) -> Iterator[Pronunciation]:
    """Yield the pronunciations that a sequence of symbols may stand for; none if one is unknown."""
    known = [way for way in ways if way is not None]
    if len(known) < len(ways):
        return iter(())
    combined = product(*known)
    return (tuple(s for way in chosen for s in way) for chosen in islice(combined, _MAX_READINGS))


def _add(
    found: Readings, word: str, readings: Iterable[Pronunciation], dropped: Counter[str]
) -> None:
    if not _WORD.match(word):
        dropped["word of other letters"] += 1
        return
    added = list(readings)
    if not added:
        dropped["unknown symbol"] += 1
        return
    known = found.setdefault(word, [])
    known += [reading for reading in added if reading not in known]


def copy_stress(phonemes: Pronunciation, marked: Pronunciation) -> Pronunciation | None:
    """Copy the stress of an equivalent pronunciation to `phonemes`.

    Args:
        phonemes: without digits.
        marked: with digits.

    Returns:
        `phonemes` with digits; None if `marked` has none or has another number of vowels.
    """
    digits = [digit for sound in marked if (digit := stress.split(sound)[1]) is not None]
    vowels = [phoneme in VOWELS for phoneme in phonemes]
    if not digits or sum(vowels) != len(digits):
        return None
    left: Iterator[int] = iter(digits)
    return stress.mark(phonemes, [next(left) if vowel else None for vowel in vowels])


def merge_er(phonemes: Sequence[str]) -> Pronunciation:
    """Replace AH R within a syllable with ER, keeping the digits."""
    written: list[str] = []
    for phoneme in phonemes:
        if phoneme == "R" and written and (earlier := stress.split(written[-1]))[0] == "AH":
            written[-1] = stress.mark(("ER",), (earlier[1],))[0]
        elif phoneme == "R" and written and stress.split(written[-1])[0] == "ER":
            continue
        else:
            written.append(phoneme)
    return tuple(written)


# ------------------------------------------------------------------------------------------------
# Equivalence classes of pronunciations that differ only by the conventions of dictionaries.
#
# Dictionaries agree more often on the sound of a word than on its transcription: one has the vowel
# of "cot" where another has that of "caught", or they use different symbols for the unstressed
# vowel. Equivalence classes ignore such choices, so that entries of different dictionaries can be
# compared.

_PAIRS = {
    ("HH", "W"): ("W",),
    ("Y", "UW"): ("UW",),
    ("AH", "R"): ("ER",),
    ("ER", "R"): ("ER",),
    ("IH", "R"): ("IY", "R"),
}
_SINGLES = {"AO": "AA", "IH": "AH"}


@lru_cache(maxsize=1 << 16)
def equivalence_class(phonemes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the representative of a pronunciation's equivalence class, in ARPAbet.

    AO becomes AA, AH becomes IH, AH R and ER R become ER, IH R becomes IY R, Y UW becomes UW, and
    HH W becomes W.

    Args:
        phonemes: without stress digits.
    """
    reduced: list[str] = []
    for phoneme in phonemes:
        reduced.append(phoneme)
        if len(reduced) > 1 and (pair := _PAIRS.get((reduced[-2], reduced[-1]))):
            reduced[-2:] = pair
    return tuple(_SINGLES.get(phoneme, phoneme) for phoneme in reduced)


def classes(pronunciations: Sequence[tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    """Return the equivalence classes of several pronunciations."""
    return frozenset(map(equivalence_class, pronunciations))

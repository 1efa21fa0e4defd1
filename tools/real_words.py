"""Rebuild the list of real words on which artifacts of American English are selected.

    python tools/real_words.py --from FOLDER --out data/english/real-words.tsv

A real word is not in CMUdict 0.7b, belongs to the dev fold (see `tanger.model.english.folds`), and
at least two of four dictionaries agree on its pronunciation, up to equivalence: the gold list of
misaki, WikiPron's American English, the Montreal Forced Aligner's dictionary and ISLEX. A line
contains the word, the pronunciations that are agreed on, and the pronunciations of all
dictionaries, in ARPAbet without stress. The list cannot be distributed: the data of the first two
is of unknown origin or under CC BY-SA.

FOLDER contains the files of `FILES`. They come from https://github.com/hexgrad/misaki (misaki/data)
and https://github.com/CUNY-CL/wikipron (data/scrape/tsv), at the commits named there, and from what
`tanger reproduce sources` collects.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from tanger.model import lexicon
from tanger.model.english.folds import fold

Pronunciation = tuple[str, ...]
Readings = dict[str, list[Pronunciation]]

SHA256 = "330f17fa448c327e6fcbed6182726aaba9df6a03f71093dc7618c6b834008f98"
# Each file and its publisher: a commit of a repository.
FILES: Mapping[str, str] = {
    "us_gold.json": "misaki e820629",
    "us_silver.json": "misaki e820629",
    "eng_latn_us_broad.tsv": "wikipron 967ceec",
    "english_us_mfa.dict": "mfa-models 153c489",
    "ISLEdict.txt": "pysle 4.0.2",
    "cmudict-0.7b": "CMUdict 0.7b",
}
_SHORTEST = 3
_AGREE = 2

_CONSONANTS = (
    "b=B d=D f=F h=HH j=Y k=K l=L m=M n=N p=P s=S t=T v=V w=W z=Z ð=DH ŋ=NG ɡ=G ɹ=R ʃ=SH ʒ=ZH θ=TH"
)
_VOWELS = "i=IY u=UW æ=AE ɑ=AA ɔ=AO ə=AH ɛ=EH ɪ=IH ʊ=UH"
_SYLLABIC = "l̩=AH-L n̩=AH-N m̩=AH-M"

_MISAKI = (
    f"{_CONSONANTS} {_VOWELS} A=EY I=AY O=OW W=AW Y=OY ɜɹ=ER ɜ=ER ʌ=AH ᵊ=AH ᵻ=IH ʔ=T "
    "ʤ=JH ʧ=CH ɾ=T/D"
)
_WIKIPRON = (
    f"{_CONSONANTS} {_VOWELS} {_SYLLABIC} a=AA e=EH o=OW ɒ=AA ɐ=AH ʌ=AH ɚ=ER ɝ=ER ɜ=ER ɜɹ=ER "
    "ʍ=W ɫ=L ʔ=T ɾ=D x=K ɵ=TH d͡ʒ=JH t͡ʃ=CH dʒ=JH tʃ=CH "
    "aɪ=AY aʊ=AW eɪ=EY oʊ=OW ɔɪ=OY"
)
_MFA = (
    f"{_CONSONANTS} {_VOWELS} {_SYLLABIC} ow=OW ej=EY aj=AY aw=AW ɔj=OY ʉ=UW ɝ=ER ɚ=ER ɐ=AH ɒ=AA "
    "ɒː=AO ɫ̩=AH-L ɫ=L ʎ=L ɲ=N ɾ̃=N-T ɱ=M mʲ=M pʰ=P pʲ=P pʷ=P bʲ=B tʰ=T tʲ=T tʷ=T t̪=TH ʔ=T "
    "ɾ=T/D ɾʲ=T/D dʲ=D d̪=DH kʰ=K kʷ=K c=K cʰ=K cʷ=K ɟ=G ɡʷ=G ɟʷ=G tʃ=CH dʒ=JH fʲ=F vʲ=V ç=HH"
)
_ISLEX = (
    f"{_CONSONANTS} {_VOWELS} {_SYLLABIC} oʊ=OW ei=EY ɑɪ=AY aʊ=AW ɔi=OY ʌ=AH ɝ=ER ɚ=ER g=G r=R "
    "ɵ=TH tʃ=CH dʒ=JH ɾ=T/D"
)


class Notation:
    """Symbols of a dictionary, and the ARPAbet phonemes that each may stand for."""

    def __init__(self, table: str, *, merges_er: bool = True) -> None:
        """Parse a table with ``symbol=SOUND-SOUND/OTHER`` for each symbol.

        Args:
            table: the symbols; longer ones are matched first.
            merges_er: whether AH R is written as ER.
        """
        self._ways: dict[str, tuple[Pronunciation, ...]] = {}
        for field in table.split():
            symbol, _, ways = field.partition("=")
            self._ways[symbol] = tuple(tuple(way.split("-")) for way in ways.split("/"))
        self._merges_er = merges_er

    def readings(self, symbols: Sequence[str]) -> list[Pronunciation]:
        """Return all pronunciations that a transcription may mean; none if a symbol is unknown."""
        ways = []
        for symbol in self._paired(symbols):
            if symbol not in self._ways:
                return []
            ways.append(self._ways[symbol])
        found = (tuple(s for way in chosen for s in way) for chosen in product(*ways))
        return [self._merged(sounds) for sounds in found]

    def _paired(self, symbols: Sequence[str]) -> Iterator[str]:
        """Yield the symbols; pairs that the table contains (diphthongs, affricates) are merged."""
        at = 0
        while at < len(symbols):
            pair = "".join(symbols[at : at + 2])
            taken = 2 if len(symbols) > at + 1 and pair in self._ways else 1
            yield pair if taken == 2 else symbols[at]
            at += taken

    def _merged(self, sounds: Iterable[str]) -> Pronunciation:
        written: list[str] = []
        for sound in sounds:
            if self._merges_er and sound == "R" and written[-1:] == ["AH"]:
                written[-1] = "ER"
            else:
                written.append(sound)
        return tuple(written)


def read_misaki(path: Path) -> Readings:
    """Read a list of misaki: JSON, with some words by part of speech."""
    notation, found = Notation(_MISAKI), Readings()
    for word, given in json.loads(path.read_text("utf-8")).items():
        for text in [given] if isinstance(given, str) else given.values():
            if text:
                _add(found, word, notation.readings(re.sub("[ˈˌ]", "", text)))
    return found


def read_wikipron(path: Path) -> Readings:
    """Read WikiPron's broad transcriptions, ignoring length, nasalisation and similar marks."""
    notation, found = Notation(_WIKIPRON), Readings()
    for line in path.read_text("utf-8").splitlines():
        word, text = line.split("\t")
        plain = re.sub("[ː\u032a\u032f\u0303]", "", text)
        _add(found, word, notation.readings(plain.split()))
    return found


def read_mfa(path: Path) -> Readings:
    """Read the Montreal Forced Aligner's dictionary; length only distinguishes two vowels."""
    notation, found = Notation(_MFA, merges_er=False), Readings()
    for line in path.read_text("utf-8").splitlines():
        word, *symbols = line.split()
        plain = [each if each == "ɒː" else each.replace("ː", "") for each in symbols]
        _add(found, word, notation.readings(plain))
    return found


def read_islex(path: Path) -> Readings:
    """Read ISLEX, as contained in `pysle`."""
    notation, found = Notation(_ISLEX), Readings()
    for line in path.read_text("utf-8").splitlines():
        if match := re.match(r"^([^(#]+)\([^#]*\)\s*#(.*)#\s*$", line):
            symbols = [each.lstrip("ˈˌ") for each in match[2].split() if each not in ".#"]
            _add(found, match[1], notation.readings(symbols))
    return found


def _add(found: Readings, word: str, readings: Iterable[Pronunciation]) -> None:
    known = found.setdefault(word.upper(), [])
    known += [reading for reading in dict.fromkeys(readings) if reading not in known]


_PAIRS = {("HH", "W"): "W", ("Y", "UW"): "UW", ("AH", "R"): "ER", ("ER", "R"): "ER"}
_SINGLES = {"AO": "AA", "IH": "AH"}


def convention_class(sounds: Pronunciation) -> Pronunciation:
    """Return the equivalence class: AO is AA, IH is AH, AH R and ER R are ER, and so on."""
    written: list[str] = []
    for sound in sounds:
        written.append(_SINGLES.get(sound, sound))
        if pair := _PAIRS.get((written[-2], written[-1]) if len(written) > 1 else ("", "")):
            written[-2:] = [pair]
    return tuple(written)


def real_words(
    judges: Sequence[Readings], non_voting: Readings, known: frozenset[str]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each real word, the pronunciations that the judges agree on, and all pronunciations.

    Args:
        judges: dictionaries that vote.
        non_voting: a dictionary whose pronunciations are listed, but which does not vote.
        known: the words of CMUdict 0.7b.
    """
    for word in sorted({word for judge in judges for word in judge}):
        fits = len(word) >= _SHORTEST and re.fullmatch("[A-Z]+", word)
        if not fits or word in known or fold(word, known) != "dev":
            continue
        votes: Counter[Pronunciation] = Counter()
        for judge in judges:
            votes.update(set(map(convention_class, judge.get(word, ()))))
        agreed = {each for each, count in votes.items() if count >= _AGREE}
        judged = {way for judge in judges for way in judge.get(word, ())}
        consensus = {way for way in judged if convention_class(way) in agreed}
        if consensus:
            yield word, _written(consensus), _written(judged | {*non_voting.get(word, ())})


def _written(ways: Iterable[Pronunciation]) -> list[str]:
    return sorted(" ".join(way) for way in ways)


_JUDGES: Mapping[str, tuple[str, Callable[[Path], Readings]]] = {
    "misaki": ("us_gold.json", read_misaki),
    "wikipron": ("eng_latn_us_broad.tsv", read_wikipron),
    "mfa": ("english_us_mfa.dict", read_mfa),
    "islex": ("ISLEdict.txt", read_islex),
}


def build(folder: Path, judges: Sequence[str] = tuple(_JUDGES)) -> str:
    """Build the list from the files in `folder`; two of the judges must agree on a word."""
    files = [_JUDGES[judge] for judge in judges]
    non_voting = read_misaki(folder / "us_silver.json")
    entries = lexicon.read(folder / "cmudict-0.7b", "cmudict")
    known = frozenset(entry.word.upper() for entry in entries)
    lines = real_words([read(folder / name) for name, read in files], non_voting, known)
    return "".join(f"{word}\t{'|'.join(c)}\t{'|'.join(p)}\n" for word, c, p in lines)


def main() -> int:
    """Write the list, and check that it is the one that the published figures were measured on."""
    parser = argparse.ArgumentParser(description="Rebuild the list of real words.")
    parser.add_argument("--from", dest="folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--judge",
        action="append",
        choices=_JUDGES,
        help="who votes; all four by default. misaki and wikipron alone: nobody learnt from them",
    )
    arguments = parser.parse_args()
    missing = [name for name in FILES if not (arguments.folder / name).is_file()]
    if missing:
        needed = ", ".join(f"{name} ({FILES[name]})" for name in missing)
        print(f"{arguments.folder} lacks {needed}", file=sys.stderr)
        return 2
    content = build(arguments.folder, arguments.judge or tuple(_JUDGES))
    found = hashlib.sha256(content.encode()).hexdigest()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(content, encoding="utf-8")
    print(f"{len(content.splitlines()):,} words written to {arguments.out}, sha256 {found}")
    if not arguments.judge and found != SHA256:
        print(f"another list than the figures are of: {SHA256} is expected", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

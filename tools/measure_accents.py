"""Measure how words with marks on their letters are pronounced, against WikiPron's.

    python -m tools.measure_accents --from FOLDER [--artifact artifacts/en-us] [--wrong rules]

FOLDER holds WikiPron's American English and CMUdict 0.7b, as for tools/real_words.py. Words of the
test fold are left out, with their marks or without. By a digest of its spelling a word is in the
half that the rules of accents.tsv were written with, or in the other.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tanger.model import lexicon
from tanger.model.english.folds import fold
from tanger.model.evaluation.error_rates import edit_distance
from tanger.model.phonology.stress import strip
from tanger.model.text.segments import Source
from tanger.model.text.text_phonemizer import TextPhonemizer
from tools.real_words import Pronunciation, Readings, convention_class, read_wikipron

FILE = "eng_latn_us_broad.tsv"
_SOURCES: tuple[Source, ...] = ("model", "auto")


def without_marks(word: str) -> str:
    """The word with the marks on its letters left out."""
    return "".join(
        letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter)
    )


def marked_words(readings: Readings, known: frozenset[str]) -> list[str]:
    """The words, in capitals, that have marks on Latin letters and are not of the test fold."""
    found = []
    for word in readings:
        bare = without_marks(word)
        latin = word.isalpha() and all("LATIN" in unicodedata.name(each) for each in word)
        if not latin or (bare == word and not set(word) & set("ØŁĐ")) or not readings.get(word):
            continue
        folds = {fold(word, known), fold(bare, known) if bare.isascii() else "train"}
        if "test" not in folds:
            found.append(word)
    return found


def half(word: str) -> str:
    """Which half of the words one belongs to: rules, or held."""
    return "held" if int(hashlib.sha256(word.lower().encode()).hexdigest()[8], 16) % 2 else "rules"


def report(
    phonemizer: TextPhonemizer, words: Sequence[str], readings: Readings, source: Source
) -> list[str]:
    """Print the share that is right and the phoneme error rate; the words that are wrong."""
    errors = references = 0
    wrong = []
    results = phonemizer.pronounce([word.lower() for word in words], source=source)
    for word, result in zip(words, results, strict=True):
        best: Pronunciation = ()
        if result.pronunciations:
            best = convention_class(strip(result.pronunciations[0].phonemes))
        classes = {convention_class(each) for each in readings[word]}
        edits, length = min((edit_distance(best, each), len(each)) for each in classes)
        errors, references = errors + edits, references + length
        if edits:
            wrong.append(f"{word.lower()}\t{result.normalized}\t{' '.join(best)}")
    right = len(words) - len(wrong)
    print(
        f"{source:6}{half(words[0]):6}{right:4} of {len(words)} right ({right / len(words):.1%}), "
        f"phoneme error rate {errors / references:.1%}"
    )
    return wrong


def main() -> int:
    """Measure both sources on both halves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--from", dest="folder", type=Path, required=True)
    parser.add_argument("--artifact", type=Path, default=Path("artifacts/en-us"))
    parser.add_argument("--wrong", choices=("rules", "held"), help="list what is wrong there")
    arguments = parser.parse_args()
    entries = lexicon.read(arguments.folder / "cmudict-0.7b", "cmudict")
    readings = read_wikipron(arguments.folder / FILE)
    words = marked_words(readings, frozenset(entry.word.upper() for entry in entries))
    phonemizer = TextPhonemizer.load(arguments.artifact)
    for source in _SOURCES:
        for which in ("rules", "held"):
            part = [word for word in words if half(word) == which]
            wrong = report(phonemizer, part, readings, source)
            if which == arguments.wrong:
                print(*wrong, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

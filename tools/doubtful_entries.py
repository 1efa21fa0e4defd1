"""List frequent words whose first pronunciation may not be the usual one, for a person to judge.

    python -m tools.doubtful_entries LANGUAGE --made FOLDER [--words 12000]

FOLDER is the output folder of `tanger reproduce LANGUAGE`. A word is listed if espeak-ng is closer
to a later pronunciation than to the first, or far from its only one. What is wrong goes into
``prefer`` or ``given`` of `model/languages`. espeak-ng makes errors of its own: most words that it
says otherwise are right in the dictionary.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from itertools import islice
from pathlib import Path

import wordfreq

from benchmarks.languages import espeak_ipa
from tanger.model import lexicon
from tanger.model.evaluation.error_rates import edit_distance
from tanger.model.languages import definition

# Edits from which the only pronunciation of a word is listed
_FAR = 3
# Marks that the comparison leaves out, and symbols that it takes for one
_MARKS = re.compile("[ˈˌː. ʔ͡‿]|\\([a-z]+\\)")
_SAME = str.maketrans("ɹɾʁɛɔʊɪaɐəzʒʐjwʋɫɨʂɕɲŋ", "rrreouiɑɑesʃʃiuvliʃʃnn")


def main() -> None:
    """Print the words, each with its pronunciations and that of espeak-ng."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language")
    parser.add_argument("--made", type=Path, required=True)
    parser.add_argument("--words", type=int, default=12_000)
    arguments = parser.parse_args()
    name = arguments.language
    ranked = wordfreq.iter_wordlist(definition.load(name).frequencies, "best")
    path = arguments.made / "languages" / name / "frequent.tsv"
    known = lexicon.pronunciations(lexicon.read(path))
    words = [word for word in islice(ranked, arguments.words) if word in known and len(word) > 1]
    for word, answer in zip(words, espeak_ipa(words, name), strict=True):
        ways = known[word]
        distances = [edit_distance(_reduced("".join(way)), _reduced(answer)) for way in ways]
        if min(distances) < distances[0] or (len(ways) == 1 and distances[0] >= _FAR):
            print(word, *("".join(way) for way in ways), f"({answer.strip()})")


def _reduced(ipa: str) -> tuple[str, ...]:
    """Return the letters of IPA, without marks and the finer differences between vowels."""
    letters = _MARKS.sub("", unicodedata.normalize("NFD", ipa)).translate(_SAME)
    return tuple(each for each in letters if not unicodedata.combining(each))


if __name__ == "__main__":
    main()

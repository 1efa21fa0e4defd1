"""Draw the tokens in capitals that the reading of acronyms is judged by.

    python tools/draw_acronyms.py FOLDER > drawn.txt

FOLDER holds WikipediaHomographData's train.tsv and eval.tsv. Printed are the 300 commonest tokens
of two capitals or more of its 16,084 different sentences, with their counts; among equally common
ones the order is by the SHA-256 of their spelling. Tokens of I, V and X alone are Roman numerals.
tests/data/acronyms/drawn.tsv adds, by hand, how each is read in its sentence: every other token
belongs to the half that is held out.
"""

from __future__ import annotations

import csv
import hashlib
import re
import sys
from collections import Counter
from pathlib import Path

_TOKEN = re.compile(r"(?<![\w'’.-])[A-Z]{2,}(?![\w'’-])")
_ROMAN = re.compile(r"[IVX]+")
_DRAWN = 300


def count(folder: Path) -> Counter[str]:
    """How often each token in capitals stands in the sentences."""
    sentences: dict[str, None] = {}
    for name in ("train.tsv", "eval.tsv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            sentences |= dict.fromkeys(r["sentence"] for r in csv.DictReader(file, delimiter="\t"))
    return Counter(
        token
        for sentence in sentences
        for token in _TOKEN.findall(sentence)
        if not _ROMAN.fullmatch(token)
    )


def draw(counts: Counter[str]) -> list[tuple[str, int]]:
    """The commonest tokens, in an order that does not favour the alphabet's beginning."""
    return sorted(
        counts.items(),
        key=lambda item: (-item[1], hashlib.sha256(item[0].encode()).hexdigest()),
    )[:_DRAWN]


if __name__ == "__main__":
    for token, number in draw(count(Path(sys.argv[1]))):
        print(f"{token}\t{number}")

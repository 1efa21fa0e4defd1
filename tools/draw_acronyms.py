"""Draw the tokens in capitals on which the reading of acronyms is evaluated.

    python tools/draw_acronyms.py FOLDER > drawn.txt

FOLDER contains train.tsv and eval.tsv of WikipediaHomographData. Prints the 300 most frequent
tokens of at least two capitals in its 16,084 different sentences, with their counts; equally
frequent ones are ordered by the SHA-256 of their spelling. Tokens of only I, V and X are Roman
numerals and are skipped. In tests/data/acronyms/drawn.tsv, the reading of each token in its
sentence was added by hand; every other token is held out.
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
    """Count each token in capitals in the sentences."""
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
    """Return the most frequent tokens; ties are ordered by hash rather than alphabetically."""
    return sorted(
        counts.items(),
        key=lambda item: (-item[1], hashlib.sha256(item[0].encode()).hexdigest()),
    )[:_DRAWN]


if __name__ == "__main__":
    for token, number in draw(count(Path(sys.argv[1]))):
        print(f"{token}\t{number}")

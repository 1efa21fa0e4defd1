"""Measure the text reader's accuracy on lists of written forms.

    python tools/measure_reader.py [--write] FILE ...

A file is TSV with class, written form and spoken form; header lines and lines that start with ``#
`` are skipped. Readings are compared without case, punctuation, hyphens and the word "and". Prints
the errors and the share of correct readings, by class and by kind of token. ``--write`` writes the
latter to the table of confidences, as (right + 1) / (read + 2).
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tanger.model.text.reader.reader import TextReader, spoken
from tanger.model.text.reader.tables import FOLDER
from tanger.model.text.reader.token import KINDS, Token

# Kinds that are skipped, because nothing is read of them or they are read as written.
_UNCERTAIN = tuple(set(KINDS) - {"space", "punctuation", "markup", "emoji", "word"})


def cases(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the cases of a file."""
    for line in path.read_text("utf-8").splitlines():
        cells = line.split("\t")
        if len(cells) == 3 and not line.startswith("# ") and cells[0] != "class":
            yield cells[0], cells[1], cells[2]


def same(one: str, other: str) -> bool:
    """Whether two readings have the same words."""
    return _bare(one) == _bare(other)


def _bare(line: str) -> list[str]:
    words = re.sub(r"[^\w\s]|_", " ", line.lower()).split()
    return [word for word in words if word != "and"]


def main() -> None:
    """Print the shares, and write them with ``--write``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="rewrite the table of confidences")
    options = parser.parse_args()
    reader = TextReader()
    classes: Counter[str] = Counter()
    right_classes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    right_kinds: Counter[str] = Counter()
    for path in options.files:
        for name, written, expected in cases(path):
            tokens: list[Token] = reader.read(written)
            right = same(spoken(tokens), expected)
            classes[name] += 1
            right_classes[name] += right
            seen = {token.kind for token in tokens} & set(_UNCERTAIN)
            kinds.update(seen)
            right_kinds.update(seen if right else ())
            if not right:
                print(f"{name}: {written} -> {spoken(tokens)} (not {expected})")
    for name, count in sorted(classes.items()):
        print(f"{name:14}{right_classes[name]:5} of {count:4}")
    total = classes.total()
    print(f"{'all':14}{right_classes.total():5} of {total:4}: {right_classes.total() / total:.1%}")
    for kind in sorted(kinds):
        print(f"  kind {kind:14}{right_kinds[kind]:5} of {kinds[kind]:4}")
    if options.write:
        write(kinds, right_kinds)


def write(kinds: Counter[str], right: Counter[str]) -> None:
    """Write the table of confidences."""
    lines = [
        "# How often a reading of each kind is right, (right + 1) / (of + 2); 1 where nothing is",
        "# guessed. Written by tools/measure_reader.py --write.",
        "kind\tshare\tright\tof",
    ]
    for kind in KINDS:
        share = (right[kind] + 1) / (kinds[kind] + 2) if kind in _UNCERTAIN else 1.0
        lines.append(f"{kind}\t{share:.3f}\t{right[kind]}\t{kinds[kind]}")
    path = FOLDER / "en-us" / "confidence.tsv"
    path.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()

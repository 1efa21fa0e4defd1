"""``python -m benchmarks.alignment``: compare our alignments with those of Phonetisaurus.

Phonetisaurus' aligner does not use a network. It applies expectation maximisation over all
segmentations of words and pronunciations into chunks of one or two symbols (Jiampojamarn et al.
2007, "Applying Many-to-Many Alignments and Hidden Markov Models to Letter-to-Phoneme Conversion").
It is called as by its own trainer, on the training and test entries together. Our network aligns
the same pronunciations of the test entries.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.goals import goal, show_table
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding import engine
from tanger.model.distillation import joint_ngram
from tanger.model.lexicon import Entry
from tanger.model.network.config import Precision
from tanger.model.phonology import alignment

DATA = Path(__file__).parent.parent / "data/cmudict"
Spans = list[tuple[int, int]]


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    data: Annotated[Path, typer.Option(help="The folder of the CMUdict split.")] = DATA,
    precision: Annotated[Precision, typer.Option(help="What is computed in.")] = "int8",
    examples: Annotated[int, typer.Option(help="Disagreements to show.")] = 12,
) -> None:
    """Print the share of the test split's phonemes for which both have the same letters."""
    training, test = (
        lexicon.read(data / f"cmudict-0.7b.{part}") for part in ("train-dev-20-21", "test")
    )
    theirs = phonetisaurus_align([*training, *test])
    requested = [entry for entry in test if entry in theirs]
    ours = our_spans(artifact, requested, precision)
    print(
        f"{artifact.name}, {precision}: {len(requested):,} of {len(test):,} test lines that it "
        f"aligns"
    )

    same_first = same = shared = phonemes = 0
    differ = []
    for entry, spans in zip(requested, ours, strict=True):
        pairs = zip(entry.phonemes, spans, theirs[entry], strict=True)
        for phoneme, (start, end), (first, last) in pairs:
            phonemes += 1
            same_first += start == first
            same += (start, end) == (first, last)
            shared += max(start, first) < min(end, last)
            if start != first:
                differ.append((entry.word, phoneme, entry.word[start:end], entry.word[first:last]))
    note = (
        f"of {phonemes:,}; exactly the same letters {100 * same / phonemes:.1f} %, "
        f"one in common {100 * shared / phonemes:.1f} %"
    )
    share = 100 * same_first / phonemes
    show_table([goal("phonemes that begin with the same letter", 90, share, "%", note)])
    for word, phoneme, mine, its in random.Random(1).sample(differ, min(examples, len(differ))):
        print(f"  {word}: {phoneme} is {mine}, by Phonetisaurus {its}")


def our_spans(artifact: Path, entries: Sequence[Entry], precision: Precision) -> list[Spans]:
    """Return the letters of each phoneme of the entries, from the artifact's attention."""
    found = artifacts.read(artifact)
    attention = engine.load(found, "cpu", precision=precision).attention(
        [found.graphemes.encode(entry.word) for entry in entries],
        [found.phonemes.encode(entry.phonemes) for entry in entries],
    )
    return [alignment.spans(paid) for paid in attention]


def phonetisaurus_align(entries: Sequence[Entry]) -> dict[Entry, Spans]:
    """Return the letters of each phoneme by Phonetisaurus; entries it cannot align are omitted.

    Raises:
        JointNgramError: if Phonetisaurus is missing or fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        corpus, aligned = Path(folder) / "lexicon", Path(folder) / "aligned"
        corpus.write_text("".join(f"{e.word}\t{' '.join(e.phonemes)}\n" for e in entries))
        joint_ngram.run_program(
            "phonetisaurus-align", f"--input={corpus}", f"--ofile={aligned}",
            "--seq1_del=false", "--seq2_del=false", "--seq1_max=2", "--seq2_max=2",
        )  # fmt: skip
        return dict(map(read_aligned, aligned.read_text().splitlines()))


def read_aligned(line: str) -> tuple[Entry, Spans]:
    """Parse a line such as ``T}T A}AE N|G}NG E|R}ER``; phonemes of one chunk share its letters."""
    word, phonemes, spans = "", [], []
    for piece in line.split():
        letters, _, emitted = piece.partition("}")
        start, word = len(word), word + letters.replace("|", "")
        for phoneme in emitted.split("|"):
            phonemes.append(phoneme)
            spans.append((start, len(word)))
    return Entry(word, tuple(phonemes)), spans


if __name__ == "__main__":
    typer.run(main)

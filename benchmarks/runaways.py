"""``python -m benchmarks.runaways``: count answers that repeat phonemes up to the length bound.

The words are those of a lexicon, frequent words of wordfreq, and random letters.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.distillation import spellings
from tanger.model.phonemizer import NetworkPhonemizer

TEST = Path(__file__).parent.parent / "data/cmudict/cmudict-0.7b.test"


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    words: Annotated[Path, typer.Option(help="A lexicon to take words from.")] = TEST,
    frequent: Annotated[int, typer.Option(help="How many words of wordfreq.")] = 100_000,
    strings: Annotated[int, typer.Option(help="How many random strings.")] = 10_000,
    longest: Annotated[int, typer.Option(help="Letters of the longest of them.")] = 64,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Count the answers that hit their length bound, and those among them that are loops."""
    loaded = NetworkPhonemizer.load(artifact, device)
    letters = loaded.graphemes.own
    kinds = {
        str(words.name): list(lexicon.pronunciations(lexicon.read(words))),
        "wordfreq": list(islice(spellings.frequent(["en"], letters, without=()), frequent)),
        "random letters": list(_random(letters, strings, longest)),
    }
    for kind, requested in kinds.items():
        answers = dict(zip(requested, loaded.pronounce(requested), strict=True))
        cut = {word: answer for word, answer in answers.items() if not answer.complete}
        loops = [word for word, answer in cut.items() if is_loop(answer)]
        print(
            f"{kind}: {len(requested):,} words, {len(cut)} incomplete, {len(loops)} of them loops"
        )
        for word in list(cut)[:5]:
            print(f"  {word}: {' '.join(cut[word].phonemes)}")


def is_loop(answer: Hypothesis, *, least: int = 3) -> bool:
    """Whether the answer ends with the same phonemes `least` times in a row or more."""
    phonemes = answer.phonemes
    return any(
        phonemes[-size:] * least == phonemes[-size * least :]
        for size in range(1, len(phonemes) // least + 1)
    )


def _random(letters: Sequence[str], count: int, longest: int) -> Iterator[str]:
    draw = random.Random(1)
    for _ in range(count):
        yield "".join(draw.choices(letters, k=draw.randint(1, longest)))


if __name__ == "__main__":
    typer.run(main)

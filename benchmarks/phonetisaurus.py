"""Train and run Phonetisaurus, the most common system to train on a lexicon, as its users do.

Source: Novak et al. (2016), "Phonetisaurus: Exploring grapheme-to-phoneme conversion with joint
n-gram models in the WFST framework"; the package ``phonetisaurus`` contains its binaries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

Phonemes = tuple[str, ...]


def command() -> str | None:
    """Return the program beside this Python or on the path; None if it is not installed."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("phonetisaurus", path=os.pathsep.join([beside, os.environ["PATH"]]))


def train(program: str, lexicon: Path, model: Path) -> None:
    """Train its default, an 8-gram model, on a lexicon in CMUdict's format without variant numbers.

    Raises:
        subprocess.CalledProcessError: if it fails; the error contains the output.
    """
    subprocess.run(
        [program, "train", "--model", str(model), str(lexicon)], check=True, capture_output=True
    )


def pronounce(program: str, model: Path, words: Sequence[str]) -> dict[str, Phonemes]:
    """Return its best pronunciation of each word; empty if it finds none.

    Raises:
        subprocess.CalledProcessError: if it fails; the error contains the output.
    """
    requested = "".join(f"{word}\n" for word in words)
    answered = subprocess.run(
        [program, "predict", "--model", str(model)],
        check=True, capture_output=True, text=True, input=requested,
    ).stdout  # fmt: skip
    lines = (line.split() for line in answered.splitlines() if line.strip())
    return {word: tuple(phonemes) for word, *phonemes in lines}

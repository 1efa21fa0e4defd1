"""Phonetisaurus, the neighbour that a lexicon is most often trained with, as a user would call it.

Source: Novak et al. (2016), "Phonetisaurus: Exploring grapheme-to-phoneme conversion with joint
n-gram models in the WFST framework"; the ``phonetisaurus`` package carries its binaries.
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
    """The program, where it is installed: beside this Python, or on the path."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("phonetisaurus", path=os.pathsep.join([beside, os.environ["PATH"]]))


def train(program: str, lexicon: Path, model: Path) -> None:
    """Train its default, an 8-gram, on a lexicon in CMUdict's form without variants' numbers.

    Raises:
        subprocess.CalledProcessError: where it fails; its output is in the error.
    """
    subprocess.run(
        [program, "train", "--model", str(model), str(lexicon)], check=True, capture_output=True
    )


def pronounce(program: str, model: Path, words: Sequence[str]) -> dict[str, Phonemes]:
    """Its best pronunciation of each word; none where it finds none.

    Raises:
        subprocess.CalledProcessError: where it fails; its output is in the error.
    """
    requested = "".join(f"{word}\n" for word in words)
    answered = subprocess.run(
        [program, "predict", "--model", str(model)],
        check=True, capture_output=True, text=True, input=requested,
    ).stdout  # fmt: skip
    lines = (line.split() for line in answered.splitlines() if line.strip())
    return {word: tuple(phonemes) for word, *phonemes in lines}

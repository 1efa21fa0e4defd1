"""Other grapheme-to-phoneme systems, run on the same words and core; missing ones are reported."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from benchmarks import phonetisaurus
from tanger.model.phonology import stress

Pronounce = Callable[[Sequence[str]], dict[str, tuple[str, ...]]]


class System(NamedTuple):
    """Another grapheme-to-phoneme system.

    Attributes:
        name: name and version.
        pronounce: pronounces words; None if it is not installed.
        same_phonemes: whether its answers can be scored on CMUdict.
        note: remarks.
    """

    name: str
    pronounce: Pronounce | None
    same_phonemes: bool
    note: str


def load_all(lexicon: Path, cache: Path) -> list[System]:
    """Load every system.

    Args:
        lexicon: lexicon to train Phonetisaurus on, once.
        cache: folder of its model.
    """
    return [_phonetisaurus(lexicon, cache), _g2p_en(), _espeak()]


def words_per_second(pronounce: Pronounce, words: Sequence[str]) -> float:
    """Measure the rate without start-up: the time of all words minus that of one word."""
    started = time.perf_counter()
    pronounce(words[:1])
    start = time.perf_counter() - started
    started = time.perf_counter()
    pronounce(words)
    return (len(words) - 1) / (time.perf_counter() - started - start)


def _phonetisaurus(lexicon: Path, cache: Path) -> System:
    program, note = phonetisaurus.command(), "8-gram, trained on the training split"
    if program is None:
        return System("Phonetisaurus", None, True, note)
    model = cache / "phonetisaurus.fst"
    if not model.exists():
        cache.mkdir(parents=True, exist_ok=True)
        print("training Phonetisaurus, once: some three minutes", file=sys.stderr)
        phonetisaurus.train(program, lexicon, model)
    return System(
        "Phonetisaurus", lambda words: phonetisaurus.pronounce(program, model, words), True, note
    )


def _g2p_en() -> System:
    note = "numpy GRU, its dictionary left out; has seen CMUdict"
    if importlib.util.find_spec("g2p_en") is None:
        return System("g2p_en", None, True, note)
    module: Any = importlib.import_module("g2p_en.g2p")
    # Its dictionary, which is a download, would answer instead of the network
    module.cmudict = SimpleNamespace(dict=dict)
    network = module.G2p()

    def pronounce(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return {word: stress.strip(network.predict(word.lower())) for word in words}

    return System("g2p_en", pronounce, True, note)


def _espeak() -> System:
    program, note = shutil.which("espeak-ng"), "rules; its own phonemes"
    if program is None:
        return System("espeak-ng", None, False, note)

    def pronounce(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("".join(f"{word.lower()}\n" for word in words))
            file.flush()
            spoken = subprocess.run(
                [program, "-q", "--ipa", "-v", "en-us", "-f", file.name],
                check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
        return {word: tuple(line) for word, line in zip(words, spoken.split("\n"), strict=False)}

    return System("espeak-ng", pronounce, False, note)

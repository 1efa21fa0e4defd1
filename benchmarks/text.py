"""``python -m benchmarks.text``: tokens of running text a CPU second, beside gruut and g2p_en.

Each reads and pronounces the same sentences in turns, one a call; what is counted is CPU seconds,
so that other work on the machine counts little. Tokens are words and punctuation as a plain pattern
splits them, the same for all. `pip install "gruut[en]<3" g2p_en` brings the others; where one is
missing, or lacks its data, a line says so.
"""

from __future__ import annotations

import importlib
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tanger.model.cli.common import ARTIFACT
from tanger.model.text.text_phonemizer import TextPhonemizer
from tanger.model.text.texts import pronounce_text

SENTENCES = Path(__file__).parent.parent / "tests/unit/text/reader/sentences.txt"
_TOKEN = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]")
GOAL = 25

Read = Callable[[Sequence[str]], object]


def tanger(artifact: Path) -> Read:
    """`tanger` with dictionaries first, a sentence a call."""
    phonemizer = TextPhonemizer.load(artifact, "cpu")
    return lambda sentences: [pronounce_text(phonemizer, each) for each in sentences]


def gruut() -> Read:
    """Sentences of gruut: tokens, parts of speech, its lexicon and its model."""
    module: Any = importlib.import_module("gruut")

    def read(sentences: Sequence[str]) -> object:
        return [
            [word.phonemes for sentence in module.sentences(each) for word in sentence]
            for each in sentences
        ]

    return read


def g2p_en() -> Read:
    """A call of g2p_en: parts of speech, CMUdict and its network."""
    module: Any = importlib.import_module("g2p_en")
    convert = module.G2p()
    return lambda sentences: [convert(each) for each in sentences]


def rate(read: Read, sentences: Sequence[str]) -> float:
    """Tokens a CPU second."""
    tokens = sum(len(_TOKEN.findall(each)) for each in sentences)
    started = time.process_time()
    read(sentences)
    return tokens / (time.process_time() - started)


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    sentences: Annotated[int, typer.Option(help="Sentences that are read in a round.")] = 100,
    rounds: Annotated[int, typer.Option(help="Rounds, each on other sentences.")] = 3,
) -> None:
    """Measure tokens a CPU second, and how often faster than gruut that is."""
    lines = [line for line in SENTENCES.read_text("utf-8").splitlines() if line.strip()]
    loaders: dict[str, Callable[[], Read]] = {
        "tanger": lambda: tanger(artifact),
        "gruut": gruut,
        "g2p_en": g2p_en,
    }
    systems: dict[str, Read] = {}
    for name, load in loaders.items():
        try:
            systems[name] = load()
            systems[name](lines[:5])  # what is loaded when it is first used
        except (ImportError, LookupError) as e:
            reason = next((line for line in str(e).splitlines() if re.search("[a-z]", line)), "")
            print(f"{name} is left out: {reason.strip()}")
    rates: dict[str, list[float]] = {name: [] for name in systems}
    for number in range(rounds):
        part = lines[5 + number * sentences :][:sentences]
        for name, read in systems.items():
            rates[name].append(rate(read, part))
    for name, found in rates.items():
        text = f"{name:8} {statistics.median(found):10,.0f} tokens/CPU s"
        text += f" ({min(found):,.0f} to {max(found):,.0f})"
        if name != "tanger":
            ratios = [a / b for a, b in zip(rates["tanger"], found, strict=True)]
            text += f"; tanger is {statistics.median(ratios):.1f} times as fast"
        print(text)
    if "gruut" in rates:
        print(f"goal: {GOAL} times gruut")


if __name__ == "__main__":
    typer.run(main)

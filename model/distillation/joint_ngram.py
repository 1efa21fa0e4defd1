"""A joint n-gram model of letters and sounds: a teacher of another kind than a network.

It counts which letters stood for which phonemes, and what came before them, and is wrong about
other words than a network is: together they are right about more. The model is Phonetisaurus';
its package carries the programs that train it and ask it.

Source: Novak et al. (2016), "Phonetisaurus: Exploring grapheme-to-phoneme conversion with joint
n-gram models in the WFST framework".
"""

from __future__ import annotations

import importlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tanger.model import TangerError
from tanger.model.lexicon import Entry, pronunciations

Phonemes = tuple[str, ...]

# Words a process: it takes a second to load the model.
_BATCH = 20_000

# How far the search looks: states kept, cost beyond the best, mass of the answers that are listed.
# Ten times the states and twice the cost take four times as long; the panel gains 0.2 points.
_SEARCH = ("--beam=500", "--thresh=6", "--pmass=0.95")


class JointNgramError(TangerError, RuntimeError):
    """Phonetisaurus is missing, or one of its programs failed.

    Attributes:
        program: the one at fault.
    """

    def __init__(self, program: str, problem: str) -> None:
        super().__init__(f"{program}: {problem}")
        self.program = program


def train(entries: Sequence[Entry], model: Path) -> None:
    """Train Phonetisaurus' default, an 8-gram, into the file `model`: minutes for CMUdict.

    Raises:
        JointNgramError: where it cannot be trained.
    """
    phonetisaurus = _package()
    ways = pronunciations(entries)
    lexicon = {word: [list(phonemes) for phonemes in each] for word, each in ways.items()}
    part = model.with_name(f".{model.stem}.part{model.suffix}")
    try:
        phonetisaurus.train(lexicon, part)
        part.replace(model)
    except (subprocess.SubprocessError, OSError) as e:
        raise JointNgramError("phonetisaurus-train", f"failed: {e}") from e
    finally:
        part.unlink(missing_ok=True)


def candidates(
    model: Path, words: Sequence[str], *, maximum: int
) -> Iterator[Mapping[str, Mapping[Phonemes, float]]]:
    """What the model takes for likely, some thousand words at a time.

    Args:
        model: as `train` made it.
        words: to pronounce.
        maximum: pronunciations a word.

    Yields:
        For each of the words, in their order, the natural logarithm of each pronunciation's
        probability, likeliest first; nothing where the model finds none.

    Raises:
        JointNgramError: where it cannot be asked.
    """
    batches = [words[first : first + _BATCH] for first in range(0, len(words), _BATCH)]
    # One batch ahead of whoever judges them, which takes about as long on another core
    with ThreadPoolExecutor(1) as searching:
        coming: Future[Mapping[str, Mapping[Phonemes, float]]] | None = None
        for some in batches:
            before, coming = coming, searching.submit(_search, model, some, maximum)
            if before is not None:
                yield before.result()
        if coming is not None:
            yield coming.result()


def _search(
    model: Path, words: Sequence[str], maximum: int
) -> Mapping[str, Mapping[Phonemes, float]]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write("".join(f"{word}\n" for word in words))
        listed.flush()
        answered = run(
            "phonetisaurus-g2pfst",
            f"--model={model}",
            f"--wordlist={listed.name}",
            f"--nbest={maximum}",
            *_SEARCH,
        )
    found: dict[str, dict[Phonemes, float]] = {word: {} for word in words}
    for line in answered.splitlines():
        word, cost, spoken = line.split("\t")
        if spoken:  # several ways to cut a word may say the same: the likeliest comes first
            found[word].setdefault(tuple(spoken.split()), -float(cost))
    return found


def run(program: str, *options: str) -> str:
    """What one of Phonetisaurus' programs prints.

    Raises:
        JointNgramError: where it is missing or fails.
    """
    environment = _package().guess_environment()
    try:
        done = subprocess.run(
            [program, *options], env=environment, check=True, capture_output=True, encoding="utf-8"
        )
    except subprocess.CalledProcessError as e:
        raise JointNgramError(program, f"failed: {e.stderr.strip()}") from e
    except OSError as e:
        raise JointNgramError(program, f"does not run here: {e}") from e
    return done.stdout


def _package() -> Any:
    """The package that carries the programs."""
    try:
        return importlib.import_module("phonetisaurus")
    except ImportError as e:
        raise JointNgramError(
            "phonetisaurus", "is not installed: `make dev` does it (on Linux)"
        ) from e

"""A joint n-gram model of letters and phonemes, used as a teacher.

It models pairs of letters and phonemes given the preceding pairs. Its errors differ from those of a
network, so that both together are more accurate. The model is Phonetisaurus, whose package contains
the programs for training and decoding.

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
_Found = Mapping[str, Mapping[Phonemes, float]]

# Words per process, which takes a second to load the model.
_WORDS_PER_PROCESS = 20_000
# Log-probability of a candidate that the model did not list, relative to its last one.
UNLISTED = 1.5

# Size of the search: states kept, cost above the best, probability mass of the listed answers. Ten
# times the states and twice the cost take four times as long and improve the ensemble by 0.2
# points.
_SEARCH = ("--beam=500", "--thresh=6", "--pmass=0.95")


class JointNgramError(TangerError, RuntimeError):
    """Phonetisaurus is missing, or one of its programs failed.

    Attributes:
        program: the program.
    """

    def __init__(self, program: str, problem: str) -> None:
        super().__init__(f"{program}: {problem}")
        self.program = program


def train(entries: Sequence[Entry], model: Path) -> None:
    """Train Phonetisaurus' default, an 8-gram model, into the file `model`: minutes for CMUdict.

    Raises:
        JointNgramError: if training fails.
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
    model: Path, words: Sequence[str], *, n: int, batch: int = _WORDS_PER_PROCESS
) -> Iterator[_Found]:
    """Decode words; yield the most probable pronunciations of several words at a time.

    Args:
        model: a model written by `train`.
        words: words to decode.
        n: largest number of pronunciations per word.
        batch: largest number of words at a time.

    Yields:
        For each of the words, in order, the natural logarithm of each pronunciation's probability,
        the most probable first; empty if the model finds none.

    Raises:
        JointNgramError: if decoding fails.
    """
    for found in _search_all(model, words, n):
        listed = list(found.items())
        for first in range(0, len(listed), batch):
            yield dict(listed[first : first + batch])


def _search_all(model: Path, words: Sequence[str], n: int) -> Iterator[_Found]:
    # The next words are decoded while the caller uses these, which takes about as long on another
    # core
    with ThreadPoolExecutor(1) as searching:
        coming: Future[_Found] | None = None
        for first in range(0, len(words), _WORDS_PER_PROCESS):
            some = words[first : first + _WORDS_PER_PROCESS]
            before, coming = coming, searching.submit(_search, model, some, n)
            if before is not None:
                yield before.result()
        if coming is not None:
            yield coming.result()


def _search(model: Path, words: Sequence[str], n: int) -> _Found:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write("".join(f"{word}\n" for word in words))
        listed.flush()
        answered = run_program(
            "phonetisaurus-g2pfst",
            f"--model={model}",
            f"--wordlist={listed.name}",
            f"--nbest={n}",
            *_SEARCH,
        )
    found: dict[str, dict[Phonemes, float]] = {word: {} for word in words}
    for line in answered.splitlines():
        word, cost, spoken = line.split("\t")
        if spoken:  # segmentations may share a pronunciation; the first is best
            found[word].setdefault(tuple(spoken.split()), -float(cost))
    return found


def run_program(program: str, *options: str) -> str:
    """Run one of Phonetisaurus' programs and return its standard output.

    Raises:
        JointNgramError: if it is missing or fails.
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
    """Import the package that contains the programs."""
    try:
        return importlib.import_module("phonetisaurus")
    except ImportError as e:
        raise JointNgramError(
            "phonetisaurus", "is not installed: `make dev` does it (on Linux)"
        ) from e

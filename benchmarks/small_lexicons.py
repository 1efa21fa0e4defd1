"""``python -m benchmarks.small_lexicons``: train on few words, and compare with Phonetisaurus.

The default recipe and Phonetisaurus are trained on the same random lines of a lexicon and scored on
the same test words. Our best epoch is chosen on the dev lexicon, not on the test words.

With ``--sigmorphon FOLDER``, the folder ``data/medium`` of the repository sigmorphon/2021-task1,
the recipe is trained on the 8,000 words of a language and compared with the published baseline of
the task (Ashby et al. 2021, "Results of the Second SIGMORPHON Shared Task on Multilingual
Grapheme-to-Phoneme Conversion").
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks import phonetisaurus
from tanger.model import lexicon
from tanger.model.evaluation import error_rates
from tanger.model.evaluation.error_rates import ErrorRates
from tanger.model.lexicon import Entry
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.vocabulary import letters
from tanger.model.training import data as datasets
from tanger.model.training import recipe
from tanger.model.training.distributed import Processes
from tanger.model.training.reporters import Reporter
from tanger.model.training.trainer import Trainer

References = Mapping[str, Sequence[error_rates.Phonemes]]

# Word error rates of the task's baseline on the test words, %.
BASELINES = {"hbs_latn": 32.1, "kor": 16.3, "vie_hanoi": 2.5, "hun": 1.8}
DATA = Path(__file__).parent.parent / "data/cmudict"


def main(
    data: Annotated[Path, typer.Option(help="The folder of the CMUdict split.")] = DATA,
    lines: Annotated[list[int] | None, typer.Option(help="How many to learn from.")] = None,
    seed: Annotated[int, typer.Option(help="Draws the lines.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    sigmorphon: Annotated[
        Path | None, typer.Option(help="data/medium of sigmorphon/2021-task1, in place of DATA.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Of that task; those with a baseline by default.")
    ] = None,
) -> None:
    """Print any-match WER and PER on the test split, by number of training lines."""
    if sigmorphon is not None:
        torch.set_num_threads(threads)
        for each in language or BASELINES:
            _sigmorphon(sigmorphon, each)
        return
    training = data / "cmudict-0.7b.train-dev-20-21"
    if not training.exists():
        raise typer.BadParameter(f"{training} is not here: make data")
    torch.set_num_threads(threads)
    every = lexicon.read(training)
    chosen_by = lexicon.read(data / "cmudict-0.7b.train-dev-1-21")
    references = lexicon.pronunciations(lexicon.read(data / "cmudict-0.7b.test"))
    program = phonetisaurus.command()
    for count in lines or (800, 8000):
        with tempfile.TemporaryDirectory() as folder:
            learnt = random.Random(seed).sample(every, count)
            letters = {letter for entry in learnt for letter in entry.word}
            phonemes = {phoneme for entry in learnt for phoneme in entry.phonemes}
            # A few lines may lack a letter or phoneme; dev must not contain what cannot be learnt
            judged = [
                entry for entry in chosen_by
                if letters.issuperset(entry.word) and phonemes.issuperset(entry.phonemes)
            ]  # fmt: skip
            drawn, dev = Path(folder) / "drawn.dict", Path(folder) / "dev.dict"
            _write(drawn, learnt)
            _write(dev, judged)
            _show(count, "default recipe", _ours(drawn, dev, count, references, drawn.parent))
            if program is None:
                print(f"{count:7,} lines  Phonetisaurus: not installed (pip install phonetisaurus)")
            else:
                _show(count, "Phonetisaurus", _theirs(program, drawn, references))


def _sigmorphon(folder: Path, language: str) -> None:
    """Train and score on one language of the task, with its own training, dev and test words."""
    train, dev, test = (folder / f"{language}_{part}.tsv" for part in ("train", "dev", "test"))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as apart:
        references = lexicon.pronunciations(lexicon.read(test))
        entries = lexicon.read(train)
        known = {letter for word, _ in entries for letter in letters(word)}
        spelt = [each for each in lexicon.read(dev) if known.issuperset(letters(each.word))]
        watched = Path(apart) / "dev.tsv"  # without letters that nothing can learn
        lines = (f"{word}\t{' '.join(phonemes)}\n" for word, phonemes in spelt)
        watched.write_text("".join(lines), encoding="utf-8")
        rates = _ours(train, watched, len(entries), references, Path(apart))
    print(
        f"{language:9}  WER {100 * rates.wer:5.2f} %  PER {100 * rates.per:5.2f} %  baseline "
        f"{BASELINES.get(language, float('nan')):5.1f} %  {time.monotonic() - began:,.0f} s",
        flush=True,
    )


def _write(path: Path, entries: Sequence[Entry]) -> None:
    """Write CMUdict's format without variant numbers, which Phonetisaurus would read as letters."""
    lines = (f"{entry.word}  {' '.join(entry.phonemes)}\n" for entry in entries)
    path.write_text("".join(lines), encoding="utf-8")


def _ours(drawn: Path, dev: Path, count: int, references: References, apart: Path) -> ErrorRates:
    out = apart / "artifact"
    followed = recipe.load("default", entries=count)
    Trainer(
        followed,
        datasets.read(followed, drawn, dev),
        out=out,
        run=apart / "run",
        reporter=Reporter(),
        processes=Processes(0, 1, torch.device("cpu")),
    ).fit()
    phonemizer = NetworkPhonemizer.load(out, "cpu")
    spelt = {word: letters(word) for word in references}
    known = [word for word in spelt if all(each in phonemizer.graphemes for each in spelt[word])]
    answers = phonemizer.pronounce([spelt[word] for word in known])
    return _score(
        references, {w: answer.phonemes for w, answer in zip(known, answers, strict=True)}
    )


def _theirs(program: str, drawn: Path, references: References) -> ErrorRates:
    model = drawn.parent / "model.fst"
    phonetisaurus.train(program, drawn, model)
    return _score(references, phonetisaurus.pronounce(program, model, list(references)))


def _score(references: References, answers: Mapping[str, tuple[str, ...]]) -> ErrorRates:
    return error_rates.any_match(references, {word: answers.get(word, ()) for word in references})


def _show(count: int, who: str, rates: ErrorRates) -> None:
    print(
        f"{count:7,} lines  {who:14}  WER {100 * rates.wer:5.2f} %  PER {100 * rates.per:5.2f} %",
        flush=True,
    )


if __name__ == "__main__":
    typer.run(main)

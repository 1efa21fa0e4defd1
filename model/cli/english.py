"""Commands for the artifacts of American English: training lexicon, evaluation and calibration."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tanger.model import artifact as artifacts
from tanger.model.cli.common import (
    ARTIFACT,
    ArtifactOption,
    DeviceOption,
    PrecisionOption,
    ThreadsOption,
    fail,
    load,
    plain_errors,
)
from tanger.model.evaluation.english import WordSet
from tanger.model.output_files import file_sha256, replace_file

if TYPE_CHECKING:
    from tanger.model.english.notations import Pronunciation
    from tanger.model.network.config import Precision
    from tanger.model.phonemizer import NetworkPhonemizer

# Words decoded together
_BATCH = 4096
# Answers per word among which the equivalent of a foreign entry is sought
_CANDIDATES = 10

SourcesOption = Annotated[Path, typer.Option("--from", help="Folder of the dictionaries' files.")]
VerifyOption = Annotated[
    bool, typer.Option(help="Refuse files of other editions than those of the shipped artifacts.")
]


def combine_dictionaries(
    folder: SourcesOption,
    out: Annotated[Path, typer.Option(help="Folder for the files that are written.")],
    base: Annotated[
        Path, typer.Option(help="Artifact trained on CMUdict; the lexicon follows its conventions.")
    ] = ARTIFACT,
    repeat: Annotated[
        list[str] | None,
        typer.Option(
            help="WORDS:TIMES: list the WORDS most frequent words TIMES times; repeatable. By "
            "default 300:20, 1000:12 and 10000:5."
        ),
    ] = None,
    verify: VerifyOption = True,
    threads: ThreadsOption = None,
) -> None:
    """Combine several dictionaries into one training lexicon (needs wordfreq; minutes).

    Writes train.dict and dev.dict without stress, preferred.dict with one pronunciation a word,
    train-stress.dict and dev-stress.dict with stress, and sources.json with the number of words by
    the way they were processed.
    """
    with plain_errors():
        from tanger.model import lexicon
        from tanger.model.english import sources as dictionaries
        from tanger.model.evaluation import english
        from tanger.model.lexicon import Entry
        from tanger.model.phonology.stress import strip

        repeats = [_repeat(text) for text in repeat or ("300:20", "1000:12", "10000:5")]
        sources = dictionaries.read(folder, verify=verify)
        network = load(artifacts.read(base), "cpu", precision="int8", threads=threads)
        combined = dictionaries.combine(sources, lambda words: candidates(network, words))
        out.mkdir(parents=True, exist_ok=True)
        ranked = list(english.ranked_words())
        for name, entries in {
            "train": dictionaries.entries(combined.train, ranked, repeats),
            "preferred": dictionaries.entries(
                combined.train, ranked, repeats, preferred_alone=True
            ),
            "train-stress": dictionaries.stressed_entries(combined.train),
            "dev": [Entry(w, strip(p)) for w, ways in combined.dev.items() for p in ways],
            "dev-stress": dictionaries.stressed_entries(combined.dev),
        }.items():
            lexicon.write(out / f"{name}.dict", entries, "cmudict")
            print(f"{len(entries):,} entries written to {out / name}.dict")
        report = {
            "sha256": dict(sources.checksums),
            "base": network.weights_sha256,
            "repeats": repeats,
            "skipped": {name: dict(counts) for name, counts in sources.dropped.items()},
            "words": dict(combined.counts),
        }
        replace_file(out / "sources.json", (json.dumps(report, indent=2) + "\n").encode())


def english_spellings(
    folder: SourcesOption,
    listed: Annotated[
        list[Path], typer.Option("--list", help="File of spellings, one per line (SCOWL's).")
    ],
    lexicon: Annotated[Path, typer.Option(help="Training lexicon; its words are excluded.")],
    out: Annotated[Path, typer.Option(help="File for the words, one per line.")],
    count: Annotated[int, typer.Option(min=1, help="Largest number of words.")] = 70_000,
    seed: Annotated[int, typer.Option(help="Seed of the random choice.")] = 1,
    verify: VerifyOption = True,
) -> None:
    """Choose words of the training fold that are in no dictionary, for teachers to label."""
    with plain_errors():
        from tanger.model.english import sources as dictionaries
        from tanger.model.lexicon import read

        words = dictionaries.spellings(
            (word for path in listed for word in path.read_text("utf-8").split()),
            dictionaries.read(folder, verify=verify).cmudict,
            without={entry.word for entry in read(lexicon)},
            count=count,
            seed=seed,
        )
        replace_file(out, "".join(f"{word}\n" for word in words).encode())
    print(f"{len(words):,} words written to {out}")


def evaluate_sets(
    names: Set[WordSet],
    folder: Path,
    artifact: Path,
    *,
    real_words: Path,
    trained: Path | None,
    split: Path,
    against: Path | None = None,
    wrong: Path | None = None,
    keep: bool = False,
    verify: bool = True,
    device: str = "cpu",
    precision: Precision = "int8",
    threads: int | None = None,
) -> None:
    """Score the network's greedy answers to sets of English words, and print a line per set.

    Args:
        names: names of the sets.
        folder: folder of the dictionaries.
        artifact: the artifact to score.
        real_words: list of words that are not in CMUdict 0.7b.
        trained: the artifact's training lexicon.
        split: a lexicon, scored any-match.
        against: another artifact to compare with, word by word.
        wrong: file for the wrong answers, as JSON.
        keep: write the results into the artifact and its model card.
        verify: refuse other editions of the dictionaries.
        device: device to decode on.
        precision: precision on a CPU.
        threads: CPU threads; all by default.

    Raises:
        TangerError: if a file or an artifact is not valid.
        OSError: if a file cannot be read or written.
    """
    from tanger.model.english import sources as dictionaries
    from tanger.model.evaluation import english, model_card

    sources = dictionaries.read(folder, verify=verify)
    new_words = english.read_real_words(real_words) if names & {WordSet.REAL, WordSet.ALL} else None
    networks = [
        load(artifacts.read(path), device, precision=precision, threads=threads)
        for path in (artifact, against)
        if path is not None
    ]
    found, *others = [
        english.evaluate(
            network, sources, names, real_words=new_words, trained=trained, splits=[split]
        )
        for network in networks
    ]
    if wrong is not None:
        answers = {
            name: {word: " ".join(phonemes) for word, phonemes in words.items()}
            for name, words in found.wrong.items()
        }
        replace_file(wrong, (json.dumps(answers, indent=1) + "\n").encode())
    if keep:
        model_card.update(artifact, networks[0].weights_sha256, word_sets=found.as_dict())
    print(artifact)
    for rate in found.rates:
        error = found.calibration_errors.get(rate.name)
        print(f"  {rate}" + (f", calibration error {100 * error:.1f} %" if error else ""))
    for other in others:
        print(f"in place of {against}:")
        for pair in english.compare(other, found):
            print(f"  {pair}")


def calibrate_english(
    folder: SourcesOption,
    real_words: Annotated[
        Path,
        typer.Option(help="TSV of words that CMUdict 0.7b lacks: word, consensus, all variants."),
    ],
    trained: Annotated[Path, typer.Option(help="Training lexicon of the artifact.")],
    artifact: ArtifactOption = ARTIFACT,
    verify: VerifyOption = True,
    device: DeviceOption = "cpu",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
) -> None:
    """Calibrate an artifact on real words, and apart on words of its training (needs wordfreq).

    The artifact keeps the words of the training lexicon as a Bloom filter.
    """
    with plain_errors():
        from tanger.model import lexicon
        from tanger.model.english import sources as dictionaries
        from tanger.model.evaluation import english, english_calibration

        found = artifacts.read(artifact)
        fitted = english_calibration.calibrate(
            load(found, device, precision=precision, threads=threads),
            dictionaries.read(folder, verify=verify),
            english.read_real_words(real_words),
            lexicon.pronunciations(lexicon.read(trained)),
        )
        fitted_to = {
            "file": real_words.name,
            "sha256": file_sha256(real_words),
            "besides": "frequent words and trained words",
            "cross_fitted_errors": fitted.errors,
        }
        artifacts.recalibrate(
            found,
            fitted.calibration,
            fitted.nbest_calibration,
            fitted_to=fitted_to,
            trained_words=fitted.trained_words,
            trained_calibration=fitted.trained_calibration,
        )
    errors = ", ".join(f"{name} {100 * error:.1f} %" for name, error in fitted.errors.items())
    print(f"{artifact} is calibrated; cross-fitted calibration error: {errors}")


def _repeat(text: str) -> tuple[int, int]:
    words, _, times = text.partition(":")
    if not (words.isdecimal() and times.isdecimal() and int(times)):
        fail(f"--repeat {text}: give WORDS:TIMES, such as 1000:12")
    return int(words), int(times)


def candidates(network: NetworkPhonemizer, words: Sequence[str]) -> list[list[Pronunciation]]:
    """Return the phonemes of the network's most probable answers to each word, in order.

    Words with letters that it has not learnt have none.
    """
    known = frozenset(network.graphemes.own)
    spelt = [word for word in words if known.issuperset(word)]
    answers = (
        [answer.phonemes for answer in ways if answer.complete]
        for first in range(0, len(spelt), _BATCH)
        for ways in network.nbest(spelt[first : first + _BATCH], _CANDIDATES)
    )
    found = dict(zip(spelt, answers, strict=True))
    return [found.get(word, []) for word in words]


def rank_variants(artifact: ArtifactOption = ARTIFACT) -> None:
    """Order the pronunciations of words in CMUdict by an artifact's network (seconds).

    Writes variants.json into the artifact. The service and the commands give the pronunciations of
    words that they look up in this order.
    """
    from tanger.model.decoding import engine
    from tanger.model.text import dictionaries, variants

    with plain_errors():
        checked = artifacts.read(artifact)
        content = dictionaries.builtin_content()
        several = dictionaries.variants(content)
        ranking = variants.rank(
            checked, engine.load(checked, "cpu"), dictionaries.sha256(content), several
        )
        variants.write(checked, ranking)
    ambiguous = sum(len(each) > 1 for each in several.values())
    print(f"{len(ranking.order):,} of {ambiguous:,} words with variants have another order")

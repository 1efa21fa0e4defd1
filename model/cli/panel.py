"""The command that fits a panel of teachers, and labelling with one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tanger.model import artifact
from tanger.model.cli.common import (
    OverwriteOption,
    ThreadsOption,
    check_output,
    fail,
    plain_errors,
    set_threads,
)
from tanger.model.lexicon import Entry, pronunciations, read

if TYPE_CHECKING:
    from tanger.model.training.batches import Example


def fit_panel(
    teacher: Annotated[list[Path], typer.Option(help="Artifact; repeatable.")],
    ngram: Annotated[Path, typer.Option(help="Model of `joint-ngram`.")],
    lexicon: Annotated[
        list[Path], typer.Option(help="Training lexicon of the teachers; repeatable.")
    ],
    unseen: Annotated[
        Path,
        typer.Option(
            help="Lexicon to fit to; its words that the training lexicon has are left out."
        ),
    ],
    out: Annotated[Path, typer.Option(help="File for the panel (.json).")],
    right_to_left: Annotated[
        list[Path] | None,
        typer.Option(help="Artifact trained on reversed words and pronunciations; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the parts of the cross-fitting.")] = 1,
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Fit the weights of teachers, n-grams and rules to words that none of them was trained on."""
    with plain_errors():
        from tanger.model.distillation import panel
        from tanger.model.distillation.candidates import FeatureExtractor, Network

        check_output(out, overwrite=overwrite)
        set_threads(threads)
        known = pronunciations([entry for path in lexicon for entry in read(path)])
        references = {
            word: ways for word, ways in pronunciations(read(unseen)).items() if word not in known
        }
        if not references:
            fail(f"{unseen} has no word that the training lexicon lacks")
        directions = [(path, False) for path in teacher]
        directions += [(path, True) for path in right_to_left or ()]
        networks = [
            Network(artifact.read(path), right_to_left=reverse, threads=threads or 1)
            for path, reverse in directions
        ]
        extractor = FeatureExtractor(networks, ngram, known)
        listed = list(extractor.candidates(sorted(references)))
        judged = panel.cross_fit(listed, references, extractor.names, seed=seed)
        fitted = panel.fit(listed, references, extractor.names)
        reversed_networks = {network.sha256 for network in networks if network.right_to_left}
        panel.Panel(fitted.weights, reversed_networks).write(out)
    print(
        f"cross-fitted on {judged.words:,} words: {judged.wrong:,} wrong "
        f"({100 * judged.wrong / judged.words:.2f} %), {judged.nats:.4f} nats a word; the panel is "
        f"{out}"
    )


def label_by_panel(
    artifacts: Sequence[artifact.Artifact],
    panel_file: Path,
    ngram: Path,
    entries: Sequence[Entry],
    words: Sequence[str],
    threads: int,
) -> Iterator[Example]:
    """Yield words with soft labels by the panel in the file `panel_file`; see `panel.label`.

    Args:
        artifacts: the networks that it was fitted with.
        panel_file: output of `fit-panel`.
        ngram: the n-gram model that it was fitted with.
        entries: the training lexicon.
        words: the words to label.
        threads: CPU threads.
    """
    from tanger.model.distillation import panel
    from tanger.model.distillation.candidates import FeatureExtractor, Network
    from tanger.model.training.batches import encode_entries

    fitted = panel.Panel.read(panel_file)
    networks = [
        Network(each, right_to_left=each.weights_sha256 in fitted.right_to_left, threads=threads)
        for each in artifacts
    ]
    first = artifacts[0]

    def encode(some: Sequence[Entry]) -> list[Example]:
        bounded = bool(first.network["add_bos_eos"])
        return encode_entries(some, first.graphemes, first.phonemes, add_bos_eos=bounded)

    extractor = FeatureExtractor(networks, ngram, pronunciations(entries))
    return panel.label(fitted, extractor, words, encode)

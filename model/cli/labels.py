"""Commands that make soft labels: a joint n-gram model, a fitted panel, and the labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from tanger.model import artifact
from tanger.model.cli.common import (
    DeviceOption,
    OverwriteOption,
    ThreadsOption,
    check_output,
    fail,
    plain_errors,
    set_threads,
)
from tanger.model.lexicon import Entry, pronunciations, read, read_words
from tanger.model.output_files import file_sha256

if TYPE_CHECKING:
    from tanger.model.decoding.torch_decoder import TorchDecoder
    from tanger.model.training.batches import Example


def train_joint_ngram(
    lexicon: Annotated[list[Path], typer.Option(help="Training lexicon; repeatable.")],
    out: Annotated[Path, typer.Option(help="File for the model (.fst).")],
    overwrite: OverwriteOption = False,
) -> None:
    """Train a joint n-gram model, another kind of teacher (needs phonetisaurus; minutes)."""
    with plain_errors():
        from tanger.model.distillation import joint_ngram

        check_output(out, overwrite=overwrite)
        entries = _entries_of(lexicon)
        joint_ngram.train(entries, out)
    print(f"a joint n-gram model of {len(entries):,} entries is {out}")


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
        known = pronunciations(_entries_of(lexicon))
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


def label(
    teacher: Annotated[
        list[Path], typer.Option(help="Artifact; several are averaged as an ensemble.")
    ],
    lexicon: Annotated[list[Path], typer.Option(help="Training lexicon; repeatable.")],
    out: Annotated[Path, typer.Option(help="File for the soft labels (.safetensors).")],
    words: Annotated[
        Path | None,
        typer.Option(help="File of more words, one per line, that the teachers pronounce."),
    ] = None,
    ngram: Annotated[
        Path | None,
        typer.Option(help="Model of `joint-ngram`, combined with the teachers for those words."),
    ] = None,
    panel: Annotated[
        Path | None,
        typer.Option(
            help="Output of `fit-panel`, which weighs the teachers and the n-gram model for those "
            "words; entries then keep their own phonemes."
        ),
    ] = None,
    as_they_are: Annotated[
        bool,
        typer.Option(
            "--as-they-are",
            help="Label entries with their own phonemes; teachers only label --words.",
        ),
    ] = False,
    ngram_weight: Annotated[
        float | None,
        typer.Option(min=0, help="Weight of the n-gram model relative to the teachers."),
    ] = None,
    sharpness: Annotated[
        float | None, typer.Option(min=0, help="Exponent of the combined probabilities.")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write soft labels: the teachers' probabilities of each phoneme, to train a student on."""
    with plain_errors():
        from tanger.model.decoding.torch_decoder import TorchDecoder
        from tanger.model.distillation import soft_labelling
        from tanger.model.training import soft_labels

        check_output(out, overwrite=overwrite)
        set_threads(threads)
        if panel is not None and ngram is None:
            fail("--panel weighs an n-gram model too: say --ngram")
        artifacts = [artifact.read(path) for path in teacher]
        decoder = TorchDecoder.of(artifacts, device)
        entries = _entries_of(lexicon)
        known = {entry.word for entry in entries}
        spelt = [word for word in (read_words(words) if words else ()) if word not in known]
        if as_they_are or panel is not None:
            labelled_entries = soft_labelling.hard_labels(decoder, entries)
        else:
            labelled_entries = soft_labelling.label(decoder, entries, ())
        if panel is not None and ngram is not None:
            labelled_words = _label_by_panel(artifacts, panel, ngram, entries, spelt, threads or 1)
        else:
            labelled_words = _label_by_mean(decoder, ngram, spelt, ngram_weight, sharpness)
        steps = chain(labelled_entries, labelled_words)
        total = len(entries) + len(spelt)
        examples = list(track(steps, "labelling", total=total, console=Console(stderr=True)))
        origin = _origin_of_labels(artifacts, ngram, panel)
        soft_labels.write(
            out,
            soft_labels.SoftLexicon(
                decoder.graphemes,
                decoder.phonemes,
                decoder.network.config.add_bos_eos,
                origin,
                examples,
            ),
        )
    print(
        f"{len(entries):,} entries and {len(examples) - len(entries):,} spellings labelled in {out}"
    )


def _label_by_panel(
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


def _label_by_mean(
    decoder: TorchDecoder,
    ngram: Path | None,
    words: Sequence[str],
    weight: float | None,
    sharpness: float | None,
) -> Iterator[Example]:
    """Yield words with soft labels by the networks' mean and, if there is one, an n-gram model."""
    from tanger.model.distillation import soft_labelling, teachers

    if ngram is None:
        return soft_labelling.label(decoder, (), words)
    return teachers.label(
        decoder,
        ngram,
        words,
        weight=teachers.WEIGHT if weight is None else weight,
        sharpness=teachers.SHARPNESS if sharpness is None else sharpness,
    )


def _origin_of_labels(
    teachers: Iterable[artifact.Artifact], ngram: Path | None, panel: Path | None
) -> dict[str, list[dict[str, Any]]]:
    """Describe what made the labels: summaries of the teachers, checksums of n-grams and panel."""
    origin: dict[str, list[dict[str, Any]]] = {"teachers": [each.summary for each in teachers]}
    for name, path in (("joint_ngram", ngram), ("panel", panel)):
        if path is not None:
            origin[name] = [{"sha256": file_sha256(path)}]
    return origin


def _entries_of(lexicons: Iterable[Path]) -> list[Entry]:
    return [entry for path in lexicons for entry in read(path)]

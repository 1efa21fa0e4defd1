"""What a run learns from and what it is judged by, read and encoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tanger.model import TangerError, lexicon
from tanger.model.lexicon import Entry
from tanger.model.lexicon.index import StressedLexicon
from tanger.model.phonology.stress import NO_VOWEL
from tanger.model.phonology.vocabulary import UnknownSymbolError, Vocabulary
from tanger.model.training import soft_labels
from tanger.model.training.batches import Example, encode_entries
from tanger.model.training.recipe import Recipe


class DatasetError(TangerError, ValueError):
    """Lexicons that nothing can be trained on; the message says what to do."""


@dataclass(frozen=True)
class Dataset:
    """What a run learns from and chooses by.

    Attributes:
        graphemes, phonemes: the vocabularies, made from the training lexicon alone.
        examples: the training entries as indices, or what teachers made of them.
        dev: the dev entries whose words training does not hold.
        dev_known: how many dev entries were left out, their words being in training.
        checksums: file name, sha256 and size of both lexicons, and of the soft labels.
    """

    graphemes: Vocabulary
    phonemes: Vocabulary
    examples: list[Example]
    dev: list[Entry]
    dev_known: int
    checksums: dict[str, Any]


def read(
    recipe: Recipe,
    lexicon_path: Path,
    dev_path: Path,
    *,
    further: Sequence[Path] = (),
    soft_path: Path | None = None,
    stress_path: Path | None = None,
) -> Dataset:
    """Read and encode both lexicons.

    Args:
        recipe: how they are encoded.
        lexicon_path: the training lexicon.
        dev_path: the lexicon that chooses.
        further: lexicons of more entries to train on, such as `derive` makes.
        soft_path: what teachers made of the training lexicon and of more, to stand in its place.
        stress_path: a lexicon that has the stress of the training lexicon's words.

    Raises:
        DatasetError: where one is empty, dev holds a symbol that training lacks, the soft
            labels are of other symbols or of a recipe that joins words, what is added holds dev's
            words, or the recipe's stress head has no stress to learn.
        LexiconError: for a bad line.
        SoftLabelsError: for a damaged file.
    """
    entries = lexicon.read(lexicon_path)
    if not entries:
        raise DatasetError(f"{lexicon_path} holds no words to train on")
    graphemes = {grapheme for entry in entries for grapheme in entry.word}
    phonemes = {phoneme for entry in entries for phoneme in entry.phonemes}
    if recipe.vocabulary.shared:
        inputs, outputs = Vocabulary.shared(graphemes, phonemes)
    else:
        inputs, outputs = Vocabulary.of(graphemes), Vocabulary.of(phonemes)
    words = {entry.word for entry in entries}
    dev_entries = lexicon.read(dev_path)
    dev = [entry for entry in dev_entries if entry.word not in words]
    _check_dev(dev, inputs, outputs, lexicon_path, dev_path)
    checksums: dict[str, Any] = {
        "lexicon": _checksum(lexicon_path, len(entries)),
        "dev": _checksum(dev_path, len(dev)),
    }
    add_bos_eos = recipe.network.add_bos_eos
    if further and soft_path is not None:
        raise DatasetError("soft labels stand for all that is trained on: label those entries too")
    if recipe.minibatches.joined and soft_path is not None:
        raise DatasetError("nobody taught two words as one: with soft labels, joined must be 0")
    if soft_path is None:
        examples = encode_entries(entries, inputs, outputs, add_bos_eos=add_bos_eos)
    else:
        soft = soft_labels.read(soft_path)
        if (soft.graphemes, soft.phonemes, soft.add_bos_eos) != (inputs, outputs, add_bos_eos):
            raise DatasetError(f"{soft_path} was made by teachers of other symbols: label again")
        examples = list(soft.examples)
        checksums["soft_labels"] = {**_checksum(soft_path, len(examples)), **soft.origin}
    for path in further:
        more = _encode_more(path, inputs, outputs, add_bos_eos=add_bos_eos)
        examples += more
        checksums.setdefault("further", []).append(_checksum(path, len(more)))
    judged = encode_entries(dev, inputs, outputs, add_bos_eos=add_bos_eos)
    held_out = {tuple(example.graphemes) for example in judged}
    if known := sum(tuple(example.graphemes) in held_out for example in examples):
        raise DatasetError(
            f"what is added to {lexicon_path} holds {known:,} words of {dev_path}: make it again, "
            "--without that lexicon"
        )
    if recipe.network.stress:
        if stress_path is None:
            raise DatasetError("the recipe has a stress head: say --stress LEXICON, with digits")
        examples, known = _with_stress(examples, entries, stress_path, inputs, outputs)
        checksums["stress"] = _checksum(stress_path, known)
    return Dataset(
        graphemes=inputs,
        phonemes=outputs,
        examples=examples,
        dev=dev,
        dev_known=len(dev_entries) - len(dev),
        checksums=checksums,
    )


def _check_dev(
    dev: Sequence[Entry],
    inputs: Vocabulary,
    outputs: Vocabulary,
    lexicon_path: Path,
    dev_path: Path,
) -> None:
    if not dev:
        raise DatasetError(f"{dev_path} holds no words that {lexicon_path} does not hold as well")
    for entry in dev:
        try:
            inputs.encode(entry.word)
            outputs.encode(entry.phonemes)
        except UnknownSymbolError as e:
            raise DatasetError(
                f"{dev_path} has {e.symbol!r} in {entry.word!r}, which {lexicon_path} never has: "
                "nothing can learn it; leave the word out or add such words to training"
            ) from e


def _encode_more(
    path: Path, graphemes: Vocabulary, phonemes: Vocabulary, *, add_bos_eos: bool
) -> list[Example]:
    try:
        return encode_entries(lexicon.read(path), graphemes, phonemes, add_bos_eos=add_bos_eos)
    except UnknownSymbolError as e:
        raise DatasetError(f"{path} has {e.symbol!r}, which the training lexicon never has") from e


def _with_stress(
    examples: list[Example],
    entries: list[Entry],
    path: Path,
    graphemes: Vocabulary,
    phonemes: Vocabulary,
) -> tuple[list[Example], int]:
    """The examples with the stress of those that are entries, and how many have some."""
    stressed = StressedLexicon(lexicon.read(path))
    classes = {}
    for entry in entries:
        if (found := stressed.classes(entry)) is not None:
            spelt, spoken = graphemes.encode(entry.word), phonemes.encode(entry.phonemes)
            classes[*spelt, -1, *spoken] = [*found, NO_VOWEL]  # </s> carries none
    if not classes:
        raise DatasetError(f"{path} has none of the training lexicon's pronunciations")
    ends = (graphemes.start, graphemes.end)
    marked = []
    for example in examples:
        spelt = [index for index in example.graphemes if index not in ends]
        marked.append(example._replace(stress=classes.get((*spelt, -1, *example.labels[1:-1]))))
    return marked, sum(example.stress is not None for example in marked)


def _checksum(path: Path, entries: int) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest, "entries": entries}

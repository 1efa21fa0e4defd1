"""Read and encode the data of a training run: lexicons, soft labels and stress."""

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
from tanger.model.phonology.vocabulary import SPACE, UnknownSymbolError, Vocabulary, letters
from tanger.model.training import soft_labels
from tanger.model.training.batches import Example, encode_entries
from tanger.model.training.recipe import Recipe


class DatasetError(TangerError, ValueError):
    """The lexicons cannot be used for training; the message says what to do."""


@dataclass(frozen=True)
class Dataset:
    """Training and dev data of a run.

    Attributes:
        graphemes, phonemes: vocabularies of the training lexicon.
        examples: the training entries as indices, with soft labels if any were read.
        dev: the dev entries whose words are not in the training lexicon.
        dev_known: number of dev entries omitted because their words are in the training lexicon.
        checksums: name, sha256 and size of each file that was read, by its role.
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
    additional_lexicons: Sequence[Path] = (),
    soft_path: Path | None = None,
    stress_path: Path | None = None,
) -> Dataset:
    """Read and encode the training and dev data.

    Args:
        recipe: determines the encoding.
        lexicon_path: the training lexicon.
        dev_path: the dev lexicon, on which the best epoch is chosen.
        additional_lexicons: lexicons of more training entries, such as the output of `derive`.
        soft_path: soft labels of the training lexicon and other words, used in place of the
            lexicon.
        stress_path: a lexicon with the stress of the training lexicon's words.

    Raises:
        DatasetError: if a lexicon is empty; words hold white space other than
            spaces; dev contains a symbol that the training lexicon lacks;
            the soft labels have other symbols or the recipe concatenates words; the additional
            entries contain words of dev; or the recipe has a stress head and no stress is given.
        LexiconError: if a line cannot be parsed.
        SoftLabelsError: if the file of soft labels is damaged.
    """
    if soft_path is not None:
        _check_soft_labels(recipe, additional_lexicons)
    entries = _read_entries(lexicon_path)
    if not entries:
        raise DatasetError(f"{lexicon_path} holds no words to train on")
    _check_spaces(lexicon_path, entries)
    encoder = _Encoder.of(entries, recipe)
    words = {entry.word for entry in entries}
    dev_entries = _read_entries(dev_path)
    dev = [entry for entry in dev_entries if entry.word not in words]
    encoded_dev = _encode_dev(dev, encoder, lexicon_path, dev_path)
    checksums: dict[str, Any] = {
        "lexicon": _checksum(lexicon_path, len(entries)),
        "dev": _checksum(dev_path, len(dev)),
    }
    if soft_path is None:
        examples = encoder.encode(entries)
    else:
        soft = _read_soft_labels(soft_path, encoder)
        examples = list(soft.examples)
        checksums["soft_labels"] = {**_checksum(soft_path, len(examples)), **soft.origin}
    for path in additional_lexicons:
        more = _encode_additional(path, encoder)
        examples += more
        checksums.setdefault("further", []).append(_checksum(path, len(more)))
    held_out = {tuple(example.graphemes) for example in encoded_dev}
    if known := sum(tuple(example.graphemes) in held_out for example in examples):
        raise DatasetError(
            f"what is added to {lexicon_path} holds {known:,} words of {dev_path}: make it again, "
            "--without that lexicon"
        )
    if recipe.network.stress:
        if stress_path is None:
            raise DatasetError("the recipe has a stress head: say --stress LEXICON, with digits")
        examples, known = _with_stress(examples, entries, stress_path, encoder)
        checksums["stress"] = _checksum(stress_path, known)
    return Dataset(
        graphemes=encoder.graphemes,
        phonemes=encoder.phonemes,
        examples=examples,
        dev=dev,
        dev_known=len(dev_entries) - len(dev),
        checksums=checksums,
    )


def _read_entries(path: Path) -> list[Entry]:
    return [Entry(letters(word), phonemes) for word, phonemes in lexicon.read(path)]


@dataclass(frozen=True)
class _Encoder:
    """Encodes entries with the vocabularies of the training lexicon and the recipe's settings."""

    graphemes: Vocabulary
    phonemes: Vocabulary
    add_bos_eos: bool

    @classmethod
    def of(cls, entries: Sequence[Entry], recipe: Recipe) -> _Encoder:
        graphemes = {grapheme for entry in entries for grapheme in entry.word}
        phonemes = {phoneme for entry in entries for phoneme in entry.phonemes}
        if recipe.vocabulary.shared:
            inputs, outputs = Vocabulary.shared(graphemes, phonemes)
        else:
            inputs, outputs = Vocabulary.of(graphemes), Vocabulary.of(phonemes)
        return cls(inputs, outputs, recipe.network.add_bos_eos)

    def encode(self, entries: Sequence[Entry]) -> list[Example]:
        return encode_entries(entries, self.graphemes, self.phonemes, add_bos_eos=self.add_bos_eos)


def _check_spaces(path: Path, entries: Sequence[Entry]) -> None:
    """Refuse white space that looks like a space and would be another grapheme."""
    for entry in entries:
        for grapheme in entry.word:
            if grapheme != SPACE and grapheme.isspace():
                raise DatasetError(
                    f"{path} has U+{ord(grapheme):04X} in {entry.word!r}: write a space in its "
                    "place"
                )


def _encode_dev(
    dev: Sequence[Entry], encoder: _Encoder, lexicon_path: Path, dev_path: Path
) -> list[Example]:
    if not dev:
        raise DatasetError(f"{dev_path} holds no words that {lexicon_path} does not hold as well")
    examples = []
    for entry in dev:
        try:
            examples += encoder.encode([entry])
        except UnknownSymbolError as e:
            raise DatasetError(
                f"{dev_path} has {e.symbol!r} in {entry.word!r}, which {lexicon_path} never has: "
                "nothing can learn it; leave the word out or add such words to training"
            ) from e
    return examples


def _encode_additional(path: Path, encoder: _Encoder) -> list[Example]:
    try:
        return encoder.encode(_read_entries(path))
    except UnknownSymbolError as e:
        raise DatasetError(f"{path} has {e.symbol!r}, which the training lexicon never has") from e


def _check_soft_labels(recipe: Recipe, additional_lexicons: Sequence[Path]) -> None:
    if additional_lexicons:
        raise DatasetError("soft labels stand for all that is trained on: label those entries too")
    if recipe.minibatches.joined:
        raise DatasetError("nobody taught two words as one: with soft labels, joined must be 0")


def _read_soft_labels(path: Path, encoder: _Encoder) -> soft_labels.SoftLexicon:
    soft = soft_labels.read(path)
    if _Encoder(soft.graphemes, soft.phonemes, soft.add_bos_eos) != encoder:
        raise DatasetError(f"{path} was made by teachers of other symbols: label again")
    return soft


def _with_stress(
    examples: list[Example], entries: list[Entry], path: Path, encoder: _Encoder
) -> tuple[list[Example], int]:
    """Add stress to the examples that are among `entries`; return them and how many have stress."""
    stressed = StressedLexicon(lexicon.read(path))
    classes = {}
    for entry, example in zip(entries, encoder.encode(entries), strict=True):
        if (found := stressed.classes(entry)) is not None:
            classes[_key(example)] = [*found, NO_VOWEL]  # ``</s>`` has no stress
    if not classes:
        raise DatasetError(f"{path} has none of the training lexicon's pronunciations")
    marked = [example._replace(stress=classes.get(_key(example))) for example in examples]
    return marked, sum(example.stress is not None for example in marked)


def _key(example: Example) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(example.graphemes), tuple(example.labels)


def _checksum(path: Path, entries: int) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest, "entries": entries}

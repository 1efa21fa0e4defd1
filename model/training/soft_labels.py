"""Files of soft labels, which teachers write and students are trained on.

For every label of every word they contain the most probable symbols with their probabilities.
Source: Sun et al. (2019), "Token-Level Ensemble Distillation for Grapheme-to-Phoneme Conversion".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from tanger.model import FileError
from tanger.model.output_files import replace_file
from tanger.model.phonology.vocabulary import Vocabulary
from tanger.model.training.batches import Example, SoftLabels

# Symbols stored for each label; their probabilities are normalised to sum to 1.
KEPT = 8


class SoftLabelsError(FileError):
    """A file of soft labels that cannot be used."""


@dataclass(frozen=True)
class SoftLexicon:
    """Words with soft labels.

    Attributes:
        graphemes, phonemes: vocabularies of the indices.
        add_bos_eos: the graphemes are enclosed in ``<s>`` and ``</s>``.
        origin: the teachers that labelled the words, with checksums.
        examples: the words, each with its soft labels.
    """

    graphemes: Vocabulary
    phonemes: Vocabulary
    add_bos_eos: bool
    origin: dict[str, Any]
    examples: Sequence[Example]


def write(path: Path, lexicon: SoftLexicon) -> None:
    """Write a file of soft labels, atomically.

    Raises:
        OSError: if it cannot be written; an existing file is unchanged.
    """
    soft = [example.soft for example in lexicon.examples if example.soft is not None]
    arrays = {
        "graphemes": _flat(example.graphemes for example in lexicon.examples),
        "grapheme_lengths": _lengths(example.graphemes for example in lexicon.examples),
        "labels": _flat(example.labels for example in lexicon.examples),
        "label_lengths": _lengths(example.labels for example in lexicon.examples),
        "symbols": np.concatenate([labels.symbols for labels in soft]),
        "probabilities": np.concatenate([labels.probabilities for labels in soft]),
    }
    metadata = {
        "add_bos_eos": json.dumps(lexicon.add_bos_eos),
        "graphemes": json.dumps(lexicon.graphemes.symbols),
        "phonemes": json.dumps(lexicon.phonemes.symbols),
        "origin": json.dumps(lexicon.origin),
    }
    replace_file(path, safetensors.numpy.save(arrays, metadata))


def read(path: Path) -> SoftLexicon:
    """Read a file of soft labels.

    Raises:
        SoftLabelsError: if it is not such a file, or is damaged.
        OSError: if it cannot be read.
    """
    try:
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return SoftLexicon(
            Vocabulary(tuple(json.loads(metadata["graphemes"]))),
            Vocabulary(tuple(json.loads(metadata["phonemes"]))),
            # The former name, used before format 2 of artifacts
            json.loads(metadata.get("add_bos_eos") or metadata["boundaries"]),
            json.loads(metadata["origin"]),
            list(_examples(arrays)),
        )
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as e:
        raise SoftLabelsError(path, f"is no file of soft labels: make it again ({e})") from e


def _examples(arrays: dict[str, np.ndarray[Any, Any]]) -> Iterator[Example]:
    graphemes = _split(arrays["graphemes"], arrays["grapheme_lengths"])
    labels = _split(arrays["labels"], arrays["label_lengths"])
    steps = arrays["label_lengths"] - 1  # ``<s>`` is not predicted
    symbols = _split(arrays["symbols"], steps)
    probabilities = _split(arrays["probabilities"], steps)
    for word, phonemes, *soft in zip(graphemes, labels, symbols, probabilities, strict=True):
        yield Example(word.tolist(), phonemes.tolist(), SoftLabels(*soft))


def _flat(rows: Iterable[list[int]]) -> np.ndarray[Any, Any]:
    return np.array([index for row in rows for index in row], dtype=np.uint16)


def _lengths(rows: Iterable[list[int]]) -> np.ndarray[Any, Any]:
    return np.array([len(row) for row in rows], dtype=np.int64)


def _split(flat: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    if len(flat) != lengths.sum():
        raise ValueError(f"{len(flat)} rows do not make words of {lengths.sum()}")
    return np.split(flat, lengths.cumsum()[:-1])

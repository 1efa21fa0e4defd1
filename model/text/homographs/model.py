"""Which sense of a homograph a sentence means: a log-linear model of its neighbours.

The score of a sense is the sum of the weights of the context's features, each once for the sense
itself and once for its part of speech, whose weights all homographs share: a verb is known by its
neighbours, whichever verb it is. That is how senses come out that training saw once or never.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tanger.model import TangerError
from tanger.model.text.homographs import features, table

WEIGHTS_FILE = "homographs.safetensors"
TABLE_FILE = "homographs.tsv"
FORMAT = "tanger-homographs-1"


class HomographModelError(TangerError, ValueError):
    """A file of weights is not one of this model.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class Sense(NamedTuple):
    """One sense of a word in a sentence.

    Attributes:
        name: such as ``read_past``.
        probability: that the sentence means it.
        phonemes: ARPAbet with CMUdict's stress digits.
        gloss: what the sense is, for people.
    """

    name: str
    probability: float
    phonemes: tuple[str, ...]
    gloss: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """What scoring a sense takes: its log prior, and the seeds of its scopes' hashes."""

    entry: table.SenseEntry
    log_prior: float
    seeds: tuple[int, ...]


class HomographModel:
    """Senses of homographs by context. Immutable, and safe to share between threads."""

    def __init__(
        self,
        senses: dict[str, list[table.SenseEntry]],
        weights: memoryview,
        *,
        trained: frozenset[str],
        scale: float,
        unseen_scale: float,
    ) -> None:
        """Put a model together.

        Args:
            senses: of each word.
            weights: of 2**18 places, whole numbers of -127 to 127.
            trained: words whose senses have weights of their own.
            scale: what a whole number is worth in logits, calibration included.
            unseen_scale: the same for words that have no weights of their own.
        """
        self._weights = weights
        self._scored: dict[str, tuple[float, list[_Scored]]] = {}
        for word, entries in senses.items():
            own = word in trained
            scored = [
                _Scored(
                    entry, math.log(entry.prior), tuple(map(features.seed, scopes_of(entry, own)))
                )
                for entry in entries
            ]
            self._scored[word] = (scale if own else unseen_scale, scored)

    @classmethod
    def load(cls, folder: Path) -> HomographModel:
        """The model of a folder with ``homographs.tsv`` and ``homographs.safetensors``.

        Raises:
            OSError: where a file is missing.
            TableError: where the table cannot be read.
            HomographModelError: where the weights are not of this model.
        """
        from safetensors import SafetensorError, safe_open

        path = folder / WEIGHTS_FILE
        senses = table.read(folder / TABLE_FILE)
        try:
            with safe_open(path, "numpy") as file:
                metadata = json.loads((file.metadata() or {}).get("tanger", "{}"))
                weights = file.get_tensor("weights")
        except (SafetensorError, json.JSONDecodeError) as e:
            raise HomographModelError(path, f"is no safetensors file: {e}") from e
        if metadata.get("format") != FORMAT or weights.shape != (1 << features.TABLE_BITS,):
            raise HomographModelError(path, f"expected weights of the format {FORMAT}")
        return cls(
            senses,
            memoryview(weights),
            trained=frozenset(metadata["trained"]),
            scale=metadata["scale"],
            unseen_scale=metadata["unseen_scale"],
        )

    @property
    def words(self) -> frozenset[str]:
        """The homographs, in lower case."""
        return frozenset(self._scored)

    def senses(self, words: Sequence[str], index: int) -> list[Sense]:
        """The senses of ``words[index]``, the likeliest first; none where it is no homograph.

        Args:
            words: the words and punctuation marks of a sentence, as written, without spaces.
            index: of the word in question, in any case.
        """
        found = self._scored.get(words[index].lower())
        if found is None:
            return []
        scale, scored = found
        context = features.context(words, index)
        weights = self._weights
        logits = [
            sense.log_prior
            + scale
            * sum(weights[slot] for seed in sense.seeds for slot in features.slots(context, seed))
            for sense in scored
        ]
        highest = max(logits)
        shares = [math.exp(logit - highest) for logit in logits]
        total = sum(shares)
        return sorted(
            (
                Sense(s.entry.name, share / total, s.entry.phonemes, s.entry.gloss)
                for s, share in zip(scored, shares, strict=True)
            ),
            key=lambda sense: -sense.probability,
        )


def scopes_of(entry: table.SenseEntry, own: bool) -> tuple[str, ...]:
    """The scopes whose weights make a sense's score.

    Args:
        entry: the sense.
        own: whether its word has weights of its own.
    """
    shared = tuple(f"/{scope}" for scope in entry.scopes)
    return (entry.name, *shared) if own else shared

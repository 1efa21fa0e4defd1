"""A log-linear model that chooses the sense of a homograph from its neighbours.

The score of a sense is the sum of the weights of the context's features, each once for the sense
itself and once for its part of speech. All homographs share the weights of parts of speech, because
the neighbours of verbs are similar for all verbs. This also covers senses that are rare in the
training data, or not in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tanger.model import FileError
from tanger.model.text.homographs import features, table

WEIGHTS_FILE = "homographs.safetensors"
TABLE_FILE = "homographs.tsv"
FORMAT = "tanger-homographs-1"


class HomographModelError(FileError):
    """A weight file does not belong to this model."""


class Sense(NamedTuple):
    """One sense of a word in a sentence.

    Attributes:
        name: name, such as ``read_past``.
        probability: probability of the sense in the sentence.
        phonemes: ARPAbet with CMUdict's stress digits.
        gloss: description of the sense.
    """

    name: str
    probability: float
    phonemes: tuple[str, ...]
    gloss: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """A sense with its log prior and the hash seeds of its scopes, for scoring."""

    entry: table.SenseEntry
    log_prior: float
    seeds: tuple[int, ...]


class HomographModel:
    """Predicts senses of homographs by context. Immutable, and safe to share between threads."""

    def __init__(
        self,
        senses: dict[str, list[table.SenseEntry]],
        weights: memoryview,
        *,
        trained: frozenset[str],
        scale: float,
        unseen_scale: float,
    ) -> None:
        """Create a model.

        Args:
            senses: senses by word.
            weights: weight table, shape (2**18,), integers from -127 to 127.
            trained: words whose senses have weights of their own.
            scale: factor from integer weights to logits, including calibration.
            unseen_scale: the same factor for words without weights of their own.
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
        self.words = frozenset(self._scored)

    @classmethod
    def load(cls, folder: Path) -> HomographModel:
        """Load the model from a folder with ``homographs.tsv`` and ``homographs.safetensors``.

        Raises:
            OSError: if a file is missing.
            TableError: if the table is malformed.
            HomographModelError: if the weights do not belong to this model.
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

    def senses(self, words: Sequence[str], index: int) -> list[Sense]:
        """Return the senses of ``words[index]``, the most probable first; none if not a homograph.

        Args:
            words: words and punctuation marks of a sentence, as written, without spaces.
            index: index of the word, which may be in any case.
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
    """Return the scopes whose weights add up to a sense's score.

    Args:
        entry: the sense.
        own: whether its word has weights of its own.
    """
    shared = tuple(f"/{scope}" for scope in entry.scopes)
    return (entry.name, *shared) if own else shared

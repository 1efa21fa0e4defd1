"""Candidate pronunciations of words, with what each network, n-gram and rule says about them.

Candidates come from the beam of each network, from the joint n-gram model and from the rules for
possessives and plurals. A network scores a candidate that it did not propose by teacher forcing.
Words of the training lexicon that begin alike support the candidates that begin as they do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tanger.model.artifact import Artifact
from tanger.model.decoding import engine
from tanger.model.decoding.hypothesis import GivenPronunciation
from tanger.model.distillation import joint_ngram
from tanger.model.distillation.joint_ngram import UNLISTED, Phonemes
from tanger.model.text import derived_forms

# Candidates per word of each network, and of the n-gram model.
BEAM = 5
NGRAM_CANDIDATES = 10

# Words whose candidates are scored together.
_BATCH = 2_000
# Smallest log-probability: a candidate that a network rules out is no worse than that.
_LEAST = -25.0
# Letters that words have to share at the beginning to count as alike, and how many words count.
_SHORTEST_BEGINNING = 3
_NEIGHBOURS = 40


# Features besides each network's log-probability.
_OTHERS = (
    "mean of the networks",
    "n-gram",
    "n-gram lists it",
    "n-gram lists it first",
    "possessive by rule",
    "plural by rule",
    "phonemes shared with words that begin alike",
)


class Candidates(NamedTuple):
    """The candidates of one word.

    Attributes:
        word: the word.
        pronunciations: [N] its distinct candidates.
        features: [N, F] their features, by `FeatureExtractor.names`.
    """

    word: str
    pronunciations: Sequence[Phonemes]
    features: np.ndarray[Any, Any]


class Network:
    """A network that proposes and scores pronunciations in its own direction."""

    def __init__(
        self, artifact: Artifact, *, right_to_left: bool = False, threads: int = 1
    ) -> None:
        """Load the artifact on the CPU.

        Args:
            artifact: the artifact.
            right_to_left: it was trained on reversed words and pronunciations.
            threads: CPU threads.

        Raises:
            ArtifactError, DecoderUnavailableError: see `engine.load`.
        """
        self.sha256 = artifact.weights_sha256
        self.right_to_left = right_to_left
        self._graphemes, self._phonemes = artifact.graphemes, artifact.phonemes
        self.phonemes = frozenset(artifact.phonemes.own)
        self._decoder = engine.load(artifact, "cpu", threads=threads)

    def propose(self, words: Sequence[str]) -> list[dict[Phonemes, float]]:
        """Return each word's most probable pronunciations and their log-probabilities.

        Where the repetition rule forbids a phoneme, the others have its share.
        """
        rows = [self._graphemes.encode(word[:: self._order]) for word in words]
        found: list[dict[Phonemes, float]] = []
        for answers in self._decoder.beam(rows, BEAM):
            complete = [
                (self._phonemes.decode(one.symbols)[:: self._order], _log(one.probabilities))
                for one in answers
                if one.complete and one.symbols
            ]
            found.append(dict(sorted(complete, key=lambda proposed: -proposed[1])))
        return found

    def score(self, pairs: Sequence[tuple[str, Phonemes]]) -> list[float]:
        """Return the log-probability of each word's pronunciation, by teacher forcing."""
        given = [
            GivenPronunciation(
                self._graphemes.encode(word[:: self._order]),
                self._phonemes.encode(spoken[:: self._order]),
            )
            for word, spoken in pairs
        ]
        return [
            float(each.log_probabilities[np.arange(len(each.symbols)), each.symbols].sum())
            for each in self._decoder.score(given)
        ]

    @property
    def name(self) -> str:
        """Name of the network's feature: its version, and its direction if that is unusual."""
        return f"{self.sha256[:12]}{', right to left' if self.right_to_left else ''}"

    @property
    def _order(self) -> int:
        return -1 if self.right_to_left else 1


@dataclass(frozen=True)
class FeatureExtractor:
    """Proposes candidates and computes their features.

    Attributes:
        networks: the networks.
        ngram: a model written by `joint_ngram.train`.
        known: pronunciations of the training lexicon's words, from which rules derive others.
    """

    networks: Sequence[Network]
    ngram: Path
    known: Mapping[str, Sequence[Phonemes]]

    @cached_property
    def _beginnings(self) -> Mapping[str, Sequence[str]]:
        """The first words of the training lexicon with each beginning."""
        found: dict[str, list[str]] = {}
        for word in self.known:
            for length in range(_SHORTEST_BEGINNING, len(word) + 1):
                words = found.setdefault(word[:length], [])
                if len(words) < _NEIGHBOURS:
                    words.append(word)
        return found

    def _alike(self, word: str) -> Sequence[Sequence[Phonemes]]:
        """Return the pronunciations of the words that share the longest beginning with `word`."""
        for length in range(len(word), _SHORTEST_BEGINNING - 1, -1):
            if words := self._beginnings.get(word[:length]):
                return [self.known[each] for each in words]
        return []

    def _derived(self, word: str) -> Sequence[Phonemes]:
        """Return the pronunciations by rule that all networks can score."""
        found = derived_forms.inflected(word, self.known)
        return [
            spoken
            for spoken in found
            if all(network.phonemes.issuperset(spoken) for network in self.networks)
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return (*(network.name for network in self.networks), *_OTHERS)

    def candidates(self, words: Sequence[str]) -> Iterator[Candidates]:
        """Return the candidates of each word, in order; words without any are omitted.

        Raises:
            UnknownSymbolError: if a symbol is not in a network's vocabulary.
            JointNgramError: if the n-gram model cannot be used.
        """
        found = joint_ngram.candidates(self.ngram, words, n=NGRAM_CANDIDATES, batch=_BATCH)
        return chain.from_iterable(map(self._of, found))

    def _of(self, listed: Mapping[str, Mapping[Phonemes, float]]) -> Iterator[Candidates]:
        words = list(listed)
        alike = {word: self._alike(word) for word in words}
        derived = {word: self._derived(word) for word in words}
        proposals = [
            dict(zip(words, network.propose(words), strict=True)) for network in self.networks
        ]
        pairs = [
            (word, spoken)
            for word in words
            for spoken in dict.fromkeys(
                (
                    *(spoken for proposed in proposals for spoken in proposed[word]),
                    *listed[word],
                    *derived[word],
                )
            )
        ]
        scores = np.stack(
            [
                self._log_probabilities(network, pairs, proposed)
                for network, proposed in zip(self.networks, proposals, strict=True)
            ],
            axis=1,
        )  # [N, networks]
        rows: dict[str, list[int]] = {}
        for row, (word, _) in enumerate(pairs):
            rows.setdefault(word, []).append(row)
        for word, each in rows.items():
            spoken = [pairs[row][1] for row in each]
            others = [
                (
                    *_of_ngram(one, listed[word]),
                    *_by_rule(word, one, derived[word]),
                    _shared_beginning(one, alike[word]),
                )
                for one in spoken
            ]
            mean = np.logaddexp.reduce(scores[each], axis=1) - math.log(len(self.networks))
            yield Candidates(word, spoken, np.column_stack([scores[each], mean, others]))

    @staticmethod
    def _log_probabilities(
        network: Network,
        pairs: Sequence[tuple[str, Phonemes]],
        proposed: Mapping[str, Mapping[Phonemes, float]],
    ) -> np.ndarray[Any, Any]:
        """Return the network's log-probability [N] of each pair: as proposed, or by scoring it."""
        others = [(word, spoken) for word, spoken in pairs if spoken not in proposed[word]]
        scored = dict(zip(others, network.score(others), strict=True))
        found = [
            proposed[word][spoken] if spoken in proposed[word] else scored[word, spoken]
            for word, spoken in pairs
        ]
        return np.maximum(found, _LEAST)


def _of_ngram(spoken: Phonemes, listed: Mapping[Phonemes, float]) -> tuple[float, bool, bool]:
    """Return the n-gram model's log-probability, whether it lists the candidate, and as first."""
    unlisted = min(listed.values(), default=0.0) - UNLISTED
    return listed.get(spoken, unlisted), spoken in listed, spoken == next(iter(listed), None)


def _by_rule(word: str, spoken: Phonemes, derived: Sequence[Phonemes]) -> tuple[bool, bool]:
    """Return whether the candidate is the possessive or the plural that a rule derives."""
    return "'" in word and spoken in derived, "'" not in word and spoken in derived


def _shared_beginning(spoken: Phonemes, alike: Sequence[Sequence[Phonemes]]) -> float:
    """Return how many first phonemes the candidate shares with each word, on average."""
    shared = [max(_shared(spoken, other) for other in ways) for ways in alike]
    return sum(shared) / len(shared) if shared else 0.0


def _shared(first: Phonemes, second: Phonemes) -> int:
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    )


def _log(probabilities: Sequence[float]) -> float:
    return sum(math.log(each) if each > 0 else _LEAST for each in probabilities)

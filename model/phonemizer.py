"""`NetworkPhonemizer`: the interface to a loaded network, from words to hypotheses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tanger.model import artifact as artifacts
from tanger.model import calibration as calibrations
from tanger.model.artifact import Artifact
from tanger.model.bloom_filter import BloomFilter
from tanger.model.calibration import Calibration
from tanger.model.decoding import engine
from tanger.model.decoding.hypothesis import (
    Decoded,
    Decoder,
    GivenPronunciation,
    Hypothesis,
    Scored,
)
from tanger.model.network.config import Precision
from tanger.model.phonology import stress
from tanger.model.phonology.alignment import align
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.vocabulary import Vocabulary

# Phonemes; and if the network has a stress head, a stress digit for each vowel and None for each
# other phoneme.
Prediction = tuple[tuple[str, ...], tuple[int | None, ...] | None]


class NetworkPhonemizer:
    """A decoder with its vocabularies and calibrations."""

    def __init__(
        self,
        decoder: Decoder,
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        *,
        weights_sha256: str | None = None,
        calibration: Calibration | None = None,
        nbest_calibration: Calibration | None = None,
        trained_words: BloomFilter | None = None,
        trained_calibration: Calibration | None = None,
    ) -> None:
        """Wrap a decoder.

        Args:
            decoder: decodes the words.
            graphemes: its input vocabulary.
            phonemes: its output vocabulary.
            weights_sha256: sha256 of the artifact's weights, if they come from an artifact.
            calibration: calibration of a word's most probable answer.
            nbest_calibration: calibration of a word's other answers; by default `calibration`.
            trained_words: words that the network was trained on.
            trained_calibration: calibration of the most probable answer to one of these; by default
                `calibration`.
        """
        self.decoder = decoder
        self.graphemes = graphemes
        self.phonemes = phonemes
        self.weights_sha256 = weights_sha256
        self.calibration = calibration
        self.nbest_calibration = nbest_calibration or calibration
        self.trained_words = trained_words
        self.trained_calibration = trained_calibration or calibration

    @classmethod
    def load(
        cls,
        artifact: Path,
        device: str = "auto",
        *,
        phonemes_only: bool = True,
        precision: Precision = "int8",
        threads: int = 1,
    ) -> NetworkPhonemizer:
        """Load the artifact in the folder `artifact` onto `device` (see `from_artifact`).

        Raises:
            ArtifactError: if the artifact is damaged.
            DeviceError: if the device is not available.
            DecoderUnavailableError: if no decoder is installed that can be used.
        """
        return cls.from_artifact(
            artifacts.read(artifact),
            device,
            phonemes_only=phonemes_only,
            precision=precision,
            threads=threads,
        )

    @classmethod
    def from_artifact(
        cls,
        artifact: Artifact,
        device: str = "auto",
        *,
        phonemes_only: bool = True,
        precision: Precision = "int8",
        threads: int = 1,
    ) -> NetworkPhonemizer:
        """Load an artifact onto `device`.

        Arguments and exceptions are those of `decoding.engine.load`.
        """
        decoder = engine.load(
            artifact, device, phonemes_only=phonemes_only, precision=precision, threads=threads
        )
        return cls(
            decoder,
            artifact.graphemes,
            artifact.phonemes,
            weights_sha256=artifact.weights_sha256,
            calibration=artifact.calibration,
            nbest_calibration=artifact.nbest_calibration,
            trained_words=artifact.trained_words,
            trained_calibration=artifact.trained_calibration,
        )

    def pronounce(self, words: Sequence[str]) -> list[Hypothesis]:
        """Return the network's most probable answer to each word, in order.

        Args:
            words: spelled in the artifact's graphemes, at least one each (see `text.speller`).

        Raises:
            UnknownSymbolError: if a grapheme is not in the artifact's vocabulary.
            ValueError: if a word is empty.
        """
        decoded = self.decoder.decode(self._encoded(words))
        return [
            self._reported(one, None if fitted is None else fitted.probability(one.probabilities))
            for one, fitted in zip(decoded, self._calibrations(words), strict=True)
        ]

    def predict(self, words: Sequence[str]) -> Iterator[Prediction]:
        """Yield the answers of `pronounce` without their probabilities.

        Args:
            words: see `pronounce`.

        Raises:
            UnknownSymbolError, ValueError: see `pronounce`.
        """
        return map(self._prediction, self.decoder.decode(self._encoded(words)))

    def nbest(
        self, words: Sequence[str], n: int, *, aligned: bool = False
    ) -> list[list[Hypothesis]]:
        """Return up to `n` answers to each word, the most probable first.

        The answer of `pronounce` is always among them, and nearly always the first. If it is the
        first, its probability is the same as there. The probabilities of a word's answers sum to
        less than 1.

        Args:
            words: see `pronounce`.
            n: answers per word.
            aligned: align each answer with the letters.

        Raises:
            UnknownSymbolError, ValueError: see `pronounce`; ValueError also if `n` is below
                1.
            AlignmentError: if `aligned` is set and the network has no attention.
        """
        if n < 1:
            raise ValueError(f"{n} answers a word: at least 1 is needed")
        if n == 1 and not aligned:
            return [[answer] for answer in self.pronounce(words)]
        rows = self._encoded(words)
        if n == 1:
            decoded = [[found] for found in self.decoder.decode(rows)]
        else:
            decoded = [
                sorted(found, key=lambda one: -math.prod(one.probabilities))
                for found in self.decoder.beam(rows, n)
            ]
        answers = list(map(self._calibrated_nbest, decoded, self._calibrations(words)))
        if not aligned:
            return answers
        return self._aligned(words, answers, [one.symbols for found in decoded for one in found])

    def align(
        self, words: Sequence[str], pronunciations: Sequence[Sequence[Sequence[str]]]
    ) -> list[list[Hypothesis]]:
        """Align given pronunciations with the letters of their words, by teacher forcing.

        Args:
            words: see `pronounce`.
            pronunciations: of each word, in the artifact's phonemes, with or without stress digits.

        Raises:
            UnknownSymbolError, ValueError: see `pronounce`; UnknownSymbolError also for phonemes.
            AlignmentError: if the network has no attention.
        """
        rows = self._encoded(words)
        given = [
            [Hypothesis(phonemes, (), complete=True, stress=digits) for phonemes, digits in split]
            for split in (map(self._inventory.split, several) for several in pronunciations)
        ]
        labelled = [
            GivenPronunciation(row, self.phonemes.encode(one.phonemes))
            for row, several in zip(rows, given, strict=True)
            for one in several
        ]
        scored = iter(self.decoder.score(labelled))
        for several in given:
            several[:] = [one._replace(step_probabilities=_steps(next(scored))) for one in several]
        return self._aligned(words, given, [each.phonemes for each in labelled])

    def _aligned(
        self,
        words: Sequence[str],
        answers: Sequence[Sequence[Hypothesis]],
        symbols: Sequence[Sequence[int]],
    ) -> list[list[Hypothesis]]:
        """Align answers with their letters; `symbols` has the phoneme indices of each answer."""
        repeated = [word for word, found in zip(words, answers, strict=True) for _ in found]
        looked = iter(self.decoder.attention(self._encoded(repeated), symbols))
        return [
            [
                one._replace(alignment=align(word, next(looked), one.step_probabilities))
                for one in several
            ]
            for word, several in zip(words, answers, strict=True)
        ]

    @cached_property
    def _inventory(self) -> Inventory:
        return Inventory(self.phonemes.own)

    def _encoded(self, words: Sequence[str]) -> list[list[int]]:
        if not all(words):
            raise ValueError("an empty word has no pronunciation")
        return [self.graphemes.encode(word) for word in words]

    def _calibrations(self, words: Sequence[str]) -> Sequence[Calibration | None]:
        """Return the calibration of the most probable answer to each word.

        A network is right more often about a word that it was trained on than about a new one with
        the same step probabilities.
        """
        if self.trained_words is None:
            return [self.calibration] * len(words)
        return [
            self.trained_calibration if trained else self.calibration
            for trained in self.trained_words.contains(words)
        ]

    def _calibrated_nbest(
        self, found: Sequence[Decoded], first: Calibration | None
    ) -> list[Hypothesis]:
        """Return one word's hypotheses with calibrated probabilities, the most probable first."""
        probabilities: Sequence[float | None] = [None] * len(found)
        if first is not None and self.nbest_calibration is not None:
            steps = [one.probabilities for one in found]
            probabilities = calibrations.nbest_probabilities(first, self.nbest_calibration, steps)
        return list(map(self._reported, found, probabilities))

    def _reported(self, one: Decoded, probability: float | None) -> Hypothesis:
        phonemes, digits = self._prediction(one)
        return Hypothesis(phonemes, tuple(one.probabilities), one.complete, digits, probability)

    def _prediction(self, one: Decoded) -> Prediction:
        digits = None if one.stress is None else stress.digits(one.stress)
        return self.phonemes.decode(one.symbols), digits


def _steps(scored: Scored) -> tuple[float, ...]:
    """Return the probability of each symbol of a scored pronunciation, ``</s>`` included."""
    return tuple(
        math.exp(logs[symbol])
        for symbol, logs in zip(scored.symbols, scored.log_probabilities, strict=True)
    )

"""A loaded artifact that answers words: the one door to the network for everybody else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tanger.model import artifact as artifacts
from tanger.model import calibration as calibrations
from tanger.model.artifact import Artifact
from tanger.model.calibration import Calibration
from tanger.model.decoding import engine
from tanger.model.decoding.hypothesis import Decoded, Decoder, Given, Hypothesis, Scored, Scorer
from tanger.model.network.config import Precision
from tanger.model.phonology import stress
from tanger.model.phonology.alignment import align
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.vocabulary import Vocabulary

# Phonemes and, where the network has a head for it, a digit for each vowel and None for each other.
Prediction = tuple[tuple[str, ...], tuple[int | None, ...] | None]


class Phonemizer:
    """A decoder with its vocabularies."""

    def __init__(
        self,
        decoder: Decoder,
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        *,
        weights_sha256: str | None = None,
        calibration: Calibration | None = None,
        nbest_calibration: Calibration | None = None,
    ) -> None:
        """Wrap a decoder.

        Args:
            decoder: what answers.
            graphemes: what it reads.
            phonemes: what it writes.
            weights_sha256: of the artifact that the weights are from, if they are from one.
            calibration: what makes probabilities of its answers.
            nbest_calibration: the same of those that are not their word's likeliest; without it
                those are judged by the other's measure.
        """
        self.decoder = decoder
        self.graphemes = graphemes
        self.phonemes = phonemes
        self.weights_sha256 = weights_sha256
        self.calibration = calibration
        self.nbest_calibration = nbest_calibration or calibration

    @classmethod
    def load(
        cls,
        artifact: Path,
        device: str = "auto",
        *,
        masked: bool = True,
        precision: Precision = "int8",
        threads: int = 1,
    ) -> Phonemizer:
        """Load the artifact in the folder `artifact` onto `device` (see `from_artifact`).

        Raises:
            ArtifactError: where the artifact is damaged.
            DeviceError: where the device is not there.
            EngineError: where nothing that can decode is installed.
        """
        return cls.from_artifact(
            artifacts.read(artifact), device, masked=masked, precision=precision, threads=threads
        )

    @classmethod
    def from_artifact(
        cls,
        artifact: Artifact,
        device: str = "auto",
        *,
        masked: bool = True,
        precision: Precision = "int8",
        threads: int = 1,
    ) -> Phonemizer:
        """Load an artifact onto `device`.

        Args and errors as of `decoding.engine.load`.
        """
        decoder = engine.load(artifact, device, masked=masked, precision=precision, threads=threads)
        return cls(
            decoder,
            artifact.graphemes,
            artifact.phonemes,
            weights_sha256=artifact.weights_sha256,
            calibration=artifact.calibration,
            nbest_calibration=artifact.nbest_calibration,
        )

    def pronounce(self, words: Sequence[str]) -> list[Hypothesis]:
        """The network's answer for each word, in their order.

        Args:
            words: at least one grapheme each, in the artifact's own graphemes
                (see `text.speller`).

        Raises:
            UnknownSymbolError: for a grapheme that the artifact lacks.
            ValueError: for an empty word.
        """
        decoded = self.decoder.decode(self._encoded(words))
        if self.calibration is None:
            return [self._reported(one, None) for one in decoded]
        chance = self.calibration.probability
        return [self._reported(one, chance(one.probabilities)) for one in decoded]

    def predict(self, words: Sequence[str]) -> Iterator[Prediction]:
        """What `pronounce` answers, for those who do not ask how sure it is.

        Args:
            words: as of `pronounce`.

        Raises:
            UnknownSymbolError, ValueError: as `pronounce`.
        """
        return map(self._prediction, self.decoder.decode(self._encoded(words)))

    def alternatives(
        self, words: Sequence[str], maximum: int, *, aligned: bool = False
    ) -> list[list[Hypothesis]]:
        """Several answers for each word, the likeliest first, at most `maximum` of them.

        What `pronounce` answers is always among them, and nearly always the first. The sum of a
        word's probabilities is below 1, and that of `pronounce`'s answer is the same as there
        wherever it comes first.

        Args:
            words: as of `pronounce`.
            maximum: answers a word.
            aligned: each with its letters.

        Raises:
            UnknownSymbolError, ValueError: as `pronounce`; ValueError for `maximum` below 1, too.
            AlignmentError: where `aligned` is asked of a network without attention.
        """
        if maximum < 1:
            raise ValueError(f"{maximum} answers a word: at least 1 is needed")
        if maximum == 1 and not aligned:
            return [[answer] for answer in self.pronounce(words)]
        rows = self._encoded(words)
        if maximum == 1:
            decoded = [[found] for found in self.decoder.decode(rows)]
        else:
            decoded = [
                sorted(found, key=lambda one: -math.prod(one.probabilities))
                for found in self.decoder.beam(rows, maximum)
            ]
        answers = [self._calibrated_nbest(found) for found in decoded]
        if not aligned:
            return answers
        return self._aligned(words, answers, [one.symbols for found in decoded for one in found])

    def align(
        self, words: Sequence[str], pronunciations: Sequence[Sequence[Sequence[str]]]
    ) -> list[list[Hypothesis]]:
        """Given pronunciations of words with their letters, by teacher forcing.

        Args:
            words: as of `pronounce`.
            pronunciations: of each, in the artifact's phonemes, with stress digits or without.

        Raises:
            UnknownSymbolError, ValueError: as `pronounce`; also for phonemes.
            AlignmentError: for a network without attention.
        """
        rows = self._encoded(words)
        given = [
            [Hypothesis(phonemes, (), complete=True, stress=digits) for phonemes, digits in split]
            for split in (map(self._inventory.split, several) for several in pronunciations)
        ]
        labelled = [
            Given(row, self.phonemes.encode(one.phonemes))
            for row, several in zip(rows, given, strict=True)
            for one in several
        ]
        scored = iter(self._scorer.score(labelled))
        for several in given:
            several[:] = [one._replace(step_probabilities=_steps(next(scored))) for one in several]
        return self._aligned(words, given, [each.phonemes for each in labelled])

    def _aligned(
        self,
        words: Sequence[str],
        answers: Sequence[Sequence[Hypothesis]],
        symbols: Sequence[Sequence[int]],
    ) -> list[list[Hypothesis]]:
        """The answers to words, each with its letters; the symbols are those of all answers."""
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

    @cached_property
    def _scorer(self) -> Scorer:
        """What scores pronunciations with the decoder's own network."""
        if isinstance(self.decoder, engine.Engine):
            return self.decoder
        from tanger.model.decoding.torch_decoder import TorchDecoder

        if not isinstance(self.decoder, TorchDecoder):
            raise TypeError(f"{self.decoder.runs_on} cannot score a given pronunciation")
        return self.decoder

    def _encoded(self, words: Sequence[str]) -> list[list[int]]:
        if not all(words):
            raise ValueError("an empty word has no pronunciation")
        return [self.graphemes.encode(word) for word in words]

    def _calibrated_nbest(self, found: Sequence[Decoded]) -> list[Hypothesis]:
        """The answers to one word, the likeliest first."""
        chances: Sequence[float | None] = [None] * len(found)
        if self.calibration is not None and self.nbest_calibration is not None:
            steps = [one.probabilities for one in found]
            chances = calibrations.of_several(self.calibration, self.nbest_calibration, steps)
        return list(map(self._reported, found, chances))

    def _reported(self, one: Decoded, chance: float | None) -> Hypothesis:
        phonemes, digits = self._prediction(one)
        return Hypothesis(phonemes, tuple(one.probabilities), one.complete, digits, chance)

    def _prediction(self, one: Decoded) -> Prediction:
        digits = None if one.stress is None else stress.digits(one.stress)
        return self.phonemes.decode(one.symbols), digits


def _steps(scored: Scored) -> tuple[float, ...]:
    """The probability of each symbol of a scored pronunciation, and of ``</s>``."""
    return tuple(
        math.exp(logs[symbol]) for symbol, logs in zip(scored.symbols, scored.logs, strict=True)
    )

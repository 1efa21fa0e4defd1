"""A loaded artifact that answers words: the one door to the network for everybody else."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tanger.model import artifact as artifacts
from tanger.model import calibration as calibrations
from tanger.model.artifact import Artifact
from tanger.model.calibration import Calibration
from tanger.model.decoding import devices
from tanger.model.decoding.hypothesis import Decoded, Hypothesis
from tanger.model.network.config import NetworkConfig, Precision
from tanger.model.phonology import stress
from tanger.model.phonology.alignment import align
from tanger.model.phonology.vocabulary import Vocabulary

# Phonemes and, where the network has a head for it, a digit for each vowel and None for each other.
Prediction = tuple[tuple[str, ...], tuple[int | None, ...] | None]


class Decoder(Protocol):
    """What answers spelt words: the `Engine` on a CPU, a `TorchDecoder` everywhere else."""

    @property
    def device(self) -> str:
        """Where it computes."""

    @property
    def precision(self) -> str:
        """What it computes in."""

    @property
    def runs_on(self) -> str:
        """Which engine it is, and what that computes in."""

    @property
    def threads(self) -> int:
        """CPU threads that it uses."""

    @property
    def configs(self) -> list[NetworkConfig]:
        """Of each of its networks."""

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """An answer for each word [letters], in their order.

        None hangs on the words beside it, but for the rounding of its probabilities.
        """

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """For each word what `decode` says, and behind it others, at most `width` in all."""

    def attention(
        self, rows: Sequence[Sequence[int]], spoken: Sequence[Sequence[int]]
    ) -> list[np.ndarray[Any, Any]]:
        """Where the network looks while it says what it is told to: [U, T] for each word.

        Raises:
            AlignmentError: where it has no attention.
        """


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

        On a CPU the `Engine` answers; without ONNX Runtime, and on a GPU, torch does, in float32.

        Args:
            artifact: the artifact.
            device: auto, cpu, cuda or cuda:N.
            masked: only phonemes and ``</s>`` are ever emitted.
            precision: what the engine computes in.
            threads: of the CPU, to compute with.

        Raises:
            ArtifactError: where its weights and its config do not fit.
            DeviceError: where the device is not there.
        """
        target = devices.resolve(device)
        decoder: Decoder
        if target == "cpu" and all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
            from tanger.model.decoding.engine import Engine

            decoder = Engine(artifact, masked=masked, precision=precision, threads=threads)
        else:
            import torch

            from tanger.model.decoding.torch_decoder import TorchDecoder

            torch.set_num_threads(threads)
            decoder = TorchDecoder.of([artifact], target, masked=masked)
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
        return self._aligned(rows, decoded, answers) if aligned else answers

    def _aligned(
        self,
        rows: Sequence[Sequence[int]],
        decoded: Sequence[Sequence[Decoded]],
        answers: Sequence[Sequence[Hypothesis]],
    ) -> list[list[Hypothesis]]:
        """The answers, each with its letters."""
        looked = iter(
            self.decoder.attention(
                [row for row, found in zip(rows, decoded, strict=True) for _ in found],
                [one.symbols for found in decoded for one in found],
            )
        )
        return [
            [one._replace(alignment=align(next(looked), one.step_probabilities)) for one in several]
            for several in answers
        ]

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

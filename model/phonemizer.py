"""A loaded artifact that answers words: the one door to the network for everybody else."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from model import checkpoint, devices, stress
from model.calibration import Calibration
from model.config import NetworkConfig, Precision
from model.hypothesis import Decoded, Hypothesis
from model.vocabulary import Vocabulary


class Decoder(Protocol):
    """What answers spelt words: the `Engine` on a CPU, a `TorchDecoder` everywhere else."""

    @property
    def device(self) -> str:
        """Where it computes."""

    @property
    def precision(self) -> str:
        """What it computes in."""

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
    ) -> None:
        """Wrap a decoder.

        Args:
            decoder: what answers.
            graphemes: what it reads.
            phonemes: what it writes.
            weights_sha256: of the artifact that the weights are from, if they are from one.
            calibration: what makes probabilities of its answers.
        """
        self.decoder = decoder
        self.graphemes = graphemes
        self.phonemes = phonemes
        self.weights_sha256 = weights_sha256
        self.calibration = calibration

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
        """Load the artifact in the folder `artifact` onto `device`.

        On a CPU the `Engine` answers; without ONNX Runtime, and on a GPU, torch does, in float32.

        Args:
            artifact: the folder.
            device: auto, cpu, cuda or cuda:N.
            masked: only phonemes and ``</s>`` are ever emitted.
            precision: what the engine computes in.
            threads: of the CPU, to compute with.

        Raises:
            ArtifactError: where the artifact is damaged.
            DeviceError: where the device is not there.
        """
        found = checkpoint.read(artifact)
        target = devices.resolve(device)
        decoder: Decoder
        if target == "cpu" and all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
            from model.engine import Engine

            decoder = Engine(found, masked=masked, precision=precision, threads=threads)
        else:
            import torch

            from model.torch_decoder import TorchDecoder

            torch.set_num_threads(threads)
            decoder = TorchDecoder.of([found], target, masked=masked)
        return cls(
            decoder,
            found.graphemes,
            found.phonemes,
            weights_sha256=found.weights_sha256,
            calibration=found.calibration,
        )

    def pronounce(self, words: Sequence[str]) -> list[Hypothesis]:
        """The network's answer for each word, in their order.

        Args:
            words: at least one grapheme each, in the artifact's own graphemes
                (see `model.spelling`).

        Raises:
            UnknownSymbolError: for a grapheme that the artifact lacks.
            ValueError: for an empty word.
        """
        if not all(words):
            raise ValueError("an empty word has no pronunciation")
        decoded = self.decoder.decode([self.graphemes.encode(word) for word in words])
        return [self._hypothesis(found) for found in decoded]

    def _hypothesis(self, found: Decoded) -> Hypothesis:
        fitted = self.calibration
        return Hypothesis(
            self.phonemes.decode(found.symbols),
            tuple(found.probabilities),
            found.complete,
            None if found.stress is None else stress.digits(found.stress),
            None if fitted is None else fitted.probability(found.probabilities),
        )

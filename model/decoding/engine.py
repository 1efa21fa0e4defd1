"""Select a decoder: compiled C on CPUs; torch on GPUs, for float32, or if nothing is compiled.

All give the answers of `decoding.reference`; those of the compiled decoder differ by the rounding
of int8 quantisation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from tanger.model import TangerError
from tanger.model.artifact import Artifact, ArtifactError
from tanger.model.decoding import devices
from tanger.model.decoding.hypothesis import (
    Decoded,
    Decoder,
    GivenPronunciation,
    Scored,
    batches_by_length,
    in_order,
)
from tanger.model.decoding.native import build
from tanger.model.decoding.native.bindings import Labelled, NativeNetwork
from tanger.model.network.config import NetworkConfig, Precision
from tanger.model.phonology.alignment import AlignmentError, of_letters

log = logging.getLogger("tanger.engine")

# Letters per batch, over all its words; larger batches would not fit into the caches.
_MAX_LETTERS = 512

COMPILE = (
    "install a C compiler (cc, gcc or clang) and run `python -m tanger.model.decoding.native.build`"
)
INSTALL_TORCH = "install torch (`pip install torch`)"
UNCOMPILED = f"torch decodes, several times slower than compiled C would: {COMPILE}"

Q = TypeVar("Q")
A = TypeVar("A")


class DecoderUnavailableError(TangerError, RuntimeError):
    """No decoder is available for this artifact, device and precision.

    Attributes:
        remedies: what the user can do; each remedy is sufficient.
    """

    def __init__(self, problem: str, *remedies: str) -> None:
        super().__init__(f"{problem}: {', or '.join(remedies)}")
        self.remedies = remedies


def load(
    artifact: Artifact,
    device: str = "auto",
    *,
    phonemes_only: bool = True,
    precision: Precision = "int8",
    threads: int = 1,
) -> Decoder:
    """Load the artifact's network into a decoder.

    Args:
        artifact: the artifact.
        device: auto, cpu, cuda or cuda:N.
        phonemes_only: emit only phonemes and ``</s>`` (see `TorchDecoder`).
        precision: precision on a CPU; float32 requires torch. A GPU computes in float32.
        threads: number of CPU threads.

    Raises:
        ArtifactError: if its weights and configuration do not fit.
        DeviceError: if the device is not available.
        DecoderUnavailableError: if no decoder is installed that can be used.
    """
    target = devices.resolve(device)
    if target == "cpu" and precision == "int8":
        try:
            return NativeDecoder(artifact, phonemes_only=phonemes_only, threads=threads)
        except DecoderUnavailableError:
            if not devices.has_torch():
                raise
            log.warning("%s", UNCOMPILED)
    if not devices.has_torch():
        raise DecoderUnavailableError(
            "float32 takes torch, which is missing", INSTALL_TORCH, "compute in int8"
        )
    import torch

    from tanger.model.decoding.torch_decoder import TorchDecoder

    torch.set_num_threads(threads)
    return TorchDecoder.of([artifact], target, phonemes_only=phonemes_only)


class NativeDecoder:
    """Decodes with the compiled int8 network, with batches on several cores."""

    device = "cpu"
    precision = "int8"

    def __init__(self, artifact: Artifact, *, phonemes_only: bool = True, threads: int = 1) -> None:
        """Load the network.

        Args:
            artifact: the artifact.
            phonemes_only: emit only phonemes and ``</s>`` (see `TorchDecoder`).
            threads: number of batches decoded at the same time, one per thread.

        Raises:
            ArtifactError: if its weights and configuration do not fit.
            DecoderUnavailableError: if there is no compiled decoder for this processor.
        """
        library = build.library()
        if library is None:
            problem = "nothing was compiled that decodes on this processor, and torch is missing"
            raise DecoderUnavailableError(problem, COMPILE, INSTALL_TORCH)
        kind, loaded = library
        self.runs_on = f"compiled C for {kind}, {self.precision}"
        self.threads = threads
        self._phonemes = artifact.phonemes
        logit_bias = np.zeros(len(self._phonemes), np.float32)
        if phonemes_only:
            logit_bias[:] = -np.inf
            allowed = self._phonemes.encode(self._phonemes.own)
            logit_bias[[self._phonemes.end, *allowed]] = 0
        weights = artifact.weights()
        try:
            self._config = NetworkConfig(**artifact.network)
            self._network = NativeNetwork(
                loaded, self._config, weights, artifact.graphemes, self._phonemes,
                logit_bias,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as e:
            raise ArtifactError(artifact.path, f"its weights and config do not fit: {e}") from e
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    @property
    def configs(self) -> list[NetworkConfig]:
        """Configuration of the network, in a list (see `Decoder`)."""
        return [self._config]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Return the greedy answers to encoded words, in order (see `Decoder`)."""
        return self._in_batches(rows, list(map(len, rows)), self._network.decode)

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """Return several answers to each encoded word (see `Decoder`).

        Raises:
            ValueError: if `width` is below 1.
        """
        if width < 1:
            raise ValueError(f"a beam of {width}: at least 1 is needed")
        return self._in_batches(
            rows, list(map(len, rows)), lambda some: self._network.beam(some, width), width=width
        )

    def attention(
        self, rows: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]
    ) -> list[np.ndarray[Any, Any]]:
        """Return the attention weights while `tokens` are decoded (see `Decoder`).

        Raises:
            AlignmentError: if the network has no attention.
        """
        if not self._config.attention:
            raise AlignmentError
        pairs = list(zip(rows, tokens, strict=True))
        return self._in_batches(pairs, list(map(len, rows)), self._attention)

    def score(self, given: Sequence[GivenPronunciation]) -> list[Scored]:
        """Score given pronunciations by teacher forcing (see `Decoder`)."""
        return self._in_batches(given, [len(each.graphemes) for each in given], self._scored)

    def _attention(self, pairs: Sequence[Labelled]) -> list[np.ndarray[Any, Any]]:
        within = slice(1, -1) if self._config.add_bos_eos else slice(None)
        return [of_letters(paid[:, within]) for paid in self._network.attention(pairs)]

    def _scored(self, given: Sequence[GivenPronunciation]) -> list[Scored]:
        end = self._phonemes.end
        pairs = [(each.graphemes, [*each.phonemes, end]) for each in given]
        return [
            Scored(
                np.array(labels),
                _log_softmax(logits),
                None if marks is None else _log_softmax(marks),
            )
            for (_, labels), (logits, marks) in zip(pairs, self._network.forced(pairs), strict=True)
        ]

    def _in_batches(
        self,
        requested: Sequence[Q],
        lengths: Sequence[int],
        answer: Callable[[list[Q]], list[A]],
        *,
        width: int = 1,
    ) -> list[A]:
        """Apply `answer` to batches of words, and return the results in the order of the words.

        Args:
            requested: the words.
            lengths: number of letters of each word.
            answer: decodes a batch, whose longest word is first.
            width: rows per word.
        """
        batches = list(
            batches_by_length(
                lengths,
                max_words=-(-len(requested) // self.threads),
                max_letters=max(1, _MAX_LETTERS // width),
            )
        )
        apply = map if self._pool is None or len(batches) == 1 else self._pool.map
        answers = apply(lambda batch: answer([requested[i] for i in batch]), batches)
        return in_order(zip(batches, answers, strict=True))


def _log_softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the logarithm of the softmax along the last axis."""
    centred: np.ndarray[Any, Any] = logits - logits.max(axis=-1, keepdims=True)
    centred -= np.log(np.exp(centred).sum(axis=-1, keepdims=True))
    return centred

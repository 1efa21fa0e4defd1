"""Decode and score with networks in torch: on GPUs, in training, and for ensembles."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from tanger.model.artifact import Artifact, ArtifactError
from tanger.model.decoding import devices, reference
from tanger.model.decoding.cuda import GraphedDecoder
from tanger.model.decoding.devices import DeviceLostError
from tanger.model.decoding.hypothesis import (
    Decoded,
    GivenPronunciation,
    Scored,
    batches_by_length,
    in_order,
    length_bound,
)
from tanger.model.decoding.repetition import max_repeats
from tanger.model.network.config import NetworkConfig
from tanger.model.network.ensemble import Ensemble
from tanger.model.network.seq2seq import Seq2Seq, pad
from tanger.model.network.weights import Array
from tanger.model.phonology.alignment import AlignmentError, of_letters
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.vocabulary import Vocabulary, frame

log = logging.getLogger("tanger.torch")

# Words decoded together. Larger batches need more memory and are not faster on a CPU.
BATCH = 256

Q = TypeVar("Q")
A = TypeVar("A")


class TorchDecoder:
    """One network, or an ensemble, with vocabularies and a device."""

    def __init__(
        self,
        network: Seq2Seq | Ensemble,
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        *,
        phonemes_only: bool = True,
        weights_frozen: bool = False,
    ) -> None:
        """Wrap a network on its current device.

        Args:
            network: in evaluation mode.
            graphemes: input vocabulary.
            phonemes: output vocabulary.
            phonemes_only: emit only phonemes and ``</s>``; otherwise any symbol of the table, as in
                CNTK's tutorial.
            weights_frozen: the weights do not change any more, so that on a GPU greedy decoding can
                be captured in CUDA graphs (see `GraphedDecoder`).
        """
        self.network = network
        self.graphemes = graphemes
        self.phonemes = phonemes
        self.torch_device = next(network.parameters()).device
        self.device = str(self.torch_device)
        self._stress_bias = stress_bias(phonemes)
        self.allowed = None
        if phonemes_only:
            allowed = torch.zeros(len(phonemes), dtype=torch.bool)
            allowed[[phonemes.end, *phonemes.encode(phonemes.own)]] = True
            self.allowed = allowed.to(self.torch_device)
        # Decodes greedily instead of the plain loop
        self.graphed: GraphedDecoder | None = None
        if weights_frozen and self.torch_device.type == "cuda" and isinstance(network, Seq2Seq):
            self.graphed = GraphedDecoder(network, graphemes, phonemes, allowed=self.allowed)

    @classmethod
    def of(
        cls, artifacts: Sequence[Artifact], device: str, *, phonemes_only: bool = True
    ) -> TorchDecoder:
        """Load the network of one artifact, or the ensemble of several.

        Raises:
            ArtifactError: if an artifact is damaged, or its vocabularies differ from the first
                one's.
            DeviceError: if the device is not available.
        """
        first = artifacts[0]
        for other in artifacts[1:]:
            if (other.graphemes, other.phonemes) != (first.graphemes, first.phonemes):
                raise ArtifactError(other.path, f"reads or writes other symbols than {first.path}")
            if other.network["add_bos_eos"] != first.network["add_bos_eos"]:
                raise ArtifactError(other.path, f"{first.path} has another add_bos_eos")
        networks = [load_network(artifact) for artifact in artifacts]
        network = networks[0] if len(networks) == 1 else Ensemble(networks).eval()
        return cls(
            network.to(devices.resolve(device)), first.graphemes, first.phonemes,
            phonemes_only=phonemes_only, weights_frozen=True,
        )  # fmt: skip

    @property
    def precision(self) -> str:
        """Precision of the matrix products."""
        return "float32"

    @property
    def runs_on(self) -> str:
        """Description of engine and precision, for people."""
        return f"torch {torch.__version__} on {self.torch_device.type}, {self.precision}"

    @property
    def threads(self) -> int:
        """Number of CPU threads."""
        return torch.get_num_threads()

    @property
    def configs(self) -> list[NetworkConfig]:
        """Configuration of each network."""
        network = self.network
        return network.configs if isinstance(network, Ensemble) else [network.config]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Return the greedy answers to encoded words, in order (see `Decoder`).

        Raises:
            DeviceLostError: if the GPU failed.
        """
        if self.graphed is not None:
            with self._gpu_errors():
                try:
                    return self.graphed.decode(rows)
                except (torch.OutOfMemoryError, torch.AcceleratorError):
                    raise
                except RuntimeError as e:  # the driver cannot capture graphs, or not all operations
                    log.warning("no CUDA graphs here, a plain loop decodes: %s", e)
                    self.graphed = None
        return self._in_batches(rows, BATCH, partial(self._batch, reference.greedy), len)

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """Return several answers to each encoded word (see `Decoder`).

        Raises:
            DeviceLostError: if the GPU failed.
        """
        search = partial(reference.beam, width=width)
        return self._in_batches(rows, max(1, BATCH // width), partial(self._batch, search), len)

    def attention(
        self, rows: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]
    ) -> list[np.ndarray[Any, Any]]:
        """Return the attention weights while `tokens` are decoded (see `Decoder`).

        Raises:
            AlignmentError: if a network has no attention.
            DeviceLostError: if the GPU failed.
        """
        if not all(config.attention for config in self.configs):
            raise AlignmentError
        pairs = list(zip(rows, tokens, strict=True))
        return self._in_batches(pairs, BATCH, self._attention, lambda pair: len(pair[0]))

    def score(self, given: Sequence[GivenPronunciation]) -> list[Scored]:
        """Score given pronunciations by teacher forcing (see `Decoder`).

        Raises:
            DeviceLostError: if the GPU failed.
        """
        return self._in_batches(given, BATCH, self._score, lambda each: len(each.graphemes))

    def _attention(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> list[np.ndarray[Any, Any]]:
        graphemes, lengths = self._padded([row for row, _ in pairs])
        tokens = [symbols for _, symbols in pairs]
        found = reference.attention(
            self.network, graphemes, lengths, tokens, start=self.phonemes.start
        )
        within = slice(1, -1) if self.network.config.add_bos_eos else slice(None)
        return [of_letters(paid[:, within]) for paid in found]

    @torch.inference_mode()
    def _score(self, given: Sequence[GivenPronunciation]) -> list[Scored]:
        graphemes, lengths = self._padded([each.graphemes for each in given])
        start, end = self.phonemes.start, self.phonemes.end
        labels, _ = pad([[start, *each.phonemes, end] for each in given])
        scores = self.network(graphemes, lengths, labels.to(self.torch_device))
        logits, symbols = scores.phonemes, labels[:, 1:]
        if self.allowed is not None:
            logits = logits.masked_fill(~self.allowed, -math.inf)
        logs = logits.log_softmax(dim=2).cpu().numpy()
        stress: Sequence[Array] | None = None
        if scores.stress is not None:
            biased = scores.stress.cpu() + torch.from_numpy(self._stress_bias[symbols.numpy()])
            stress = biased.log_softmax(dim=2).numpy()
        return [
            Scored(
                symbols[row, :steps].numpy(),
                logs[row, :steps],
                None if stress is None else stress[row][:steps],
            )
            for row, steps in enumerate(len(each.phonemes) + 1 for each in given)
        ]

    def _in_batches(
        self,
        requested: Sequence[Q],
        maximum: int,
        answer: Callable[[list[Q]], list[A]],
        length: Callable[[Q], int],
    ) -> list[A]:
        """Apply `answer` to batches of at most `maximum` words; return the results in order.

        Words of similar `length` are batched together, which reduces padding.
        """
        batches = batches_by_length(list(map(length, requested)), max_words=maximum)
        with self._gpu_errors():
            return in_order((batch, answer([requested[i] for i in batch])) for batch in batches)

    @contextmanager
    def _gpu_errors(self) -> Iterator[None]:
        """Convert a failure of the GPU to `DeviceLostError`."""
        try:
            yield
        except torch.AcceleratorError as e:
            raise DeviceLostError(self.device, str(e)) from e

    def _batch(self, decode: Callable[..., list[A]], rows: Sequence[Sequence[int]]) -> list[A]:
        graphemes, lengths = self._padded(rows)
        return decode(
            self.network,
            graphemes,
            lengths,
            bounds=[length_bound(len(row)) for row in rows],
            max_repeats=[max_repeats(row) for row in rows],
            start=self.phonemes.start,
            end=self.phonemes.end,
            allowed=self.allowed,
            stress_bias=self._stress_bias,
        )

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode words as one tensor [B, T] on the network's device; also return their lengths."""
        add_bos_eos = self.network.config.add_bos_eos
        graphemes, lengths = pad(
            [frame(row, self.graphemes, add_bos_eos=add_bos_eos) for row in rows]
        )
        return graphemes.to(self.torch_device), lengths


def load_network(artifact: Artifact) -> Seq2Seq:
    """Load the artifact's network on the CPU, in evaluation mode.

    Raises:
        ArtifactError: if its weights and configuration do not fit.
    """
    try:
        network = Seq2Seq(NetworkConfig(**artifact.network))
        network.load_state_dict(
            {name: torch.from_numpy(array) for name, array in artifact.weights().items()}
        )
    except (TypeError, ValueError, RuntimeError) as e:
        raise ArtifactError(artifact.path, f"its weights and config do not fit: {e}") from e
    return network.eval()

"""Networks in torch as decoders and scorers: on a GPU, in training, and as ensembles."""

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
from tanger.model.decoding.hypothesis import Decoded, Given, Scored, length_bound
from tanger.model.decoding.repetition import max_repeats
from tanger.model.network.config import NetworkConfig
from tanger.model.network.ensemble import Ensemble
from tanger.model.network.seq2seq import Seq2Seq, pad
from tanger.model.network.weights import Array
from tanger.model.phonology.alignment import AlignmentError, of_letters
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.vocabulary import Vocabulary, frame

log = logging.getLogger("tanger.torch")

# Words decoded together. Past this a CPU gains no more, and memory grows.
BATCH = 256

Q = TypeVar("Q")
A = TypeVar("A")


class TorchDecoder:
    """A network, or several, with their vocabularies on a device."""

    def __init__(
        self,
        network: Seq2Seq | Ensemble,
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        *,
        masked: bool = True,
        settled: bool = False,
    ) -> None:
        """Wrap a network where it lies.

        Args:
            network: in evaluation mode.
            graphemes: what it reads.
            phonemes: what it writes.
            masked: only phonemes and ``</s>`` are ever emitted; without it any symbol of the
                table may be, as CNTK's tutorial has it.
            settled: the network's weights stay what they are, so that on a GPU its greedy decode
                may be captured in CUDA graphs (see `GraphedDecoder`).
        """
        self.network = network
        self.graphemes = graphemes
        self.phonemes = phonemes
        self.torch_device = next(network.parameters()).device
        self.device = str(self.torch_device)
        self._stress_bias = stress_bias(phonemes)
        self.allowed = None
        if masked:
            allowed = torch.zeros(len(phonemes), dtype=torch.bool)
            allowed[[phonemes.end, *phonemes.encode(phonemes.own)]] = True
            self.allowed = allowed.to(self.torch_device)
        # What decodes greedily in place of the plain loop
        self.graphed: GraphedDecoder | None = None
        if settled and self.torch_device.type == "cuda" and isinstance(network, Seq2Seq):
            self.graphed = GraphedDecoder(network, graphemes, phonemes, allowed=self.allowed)

    @classmethod
    def of(cls, artifacts: Sequence[Artifact], device: str, *, masked: bool = True) -> TorchDecoder:
        """The network of an artifact; of several, their ensemble.

        Raises:
            ArtifactError: where one is damaged, or reads or writes other symbols than the first.
            DeviceError: where the device is not there.
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
            network.to(devices.resolve(device)), first.graphemes, first.phonemes, masked=masked,
            settled=True,
        )  # fmt: skip

    @property
    def precision(self) -> str:
        """What it computes in."""
        return "float32"

    @property
    def runs_on(self) -> str:
        """Which engine it is, and what that computes in."""
        return f"torch {torch.__version__} on {self.torch_device.type}, {self.precision}"

    @property
    def threads(self) -> int:
        """CPU threads that it uses."""
        return torch.get_num_threads()

    @property
    def configs(self) -> list[NetworkConfig]:
        """Of each network."""
        network = self.network
        return network.configs if isinstance(network, Ensemble) else [network.config]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Answers for spelt words, in their order (see `Decoder`).

        Raises:
            DeviceLostError: where the GPU failed.
        """
        if self.graphed is not None:
            with self._losing():
                try:
                    return self.graphed.decode(rows)
                except (torch.OutOfMemoryError, torch.AcceleratorError):
                    raise
                except RuntimeError as e:  # a driver that captures nothing, or not all of it
                    log.warning("no CUDA graphs here, a plain loop decodes: %s", e)
                    self.graphed = None
        return self._in_batches(rows, BATCH, partial(self._batch, reference.greedy))

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """Several answers for each spelt word (see `Decoder`).

        Raises:
            DeviceLostError: where the GPU failed.
        """
        search = partial(reference.beam, width=width)
        return self._in_batches(rows, max(1, BATCH // width), partial(self._batch, search))

    def attention(
        self, rows: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]
    ) -> list[np.ndarray[Any, Any]]:
        """Where the network looks while it says so (see `Decoder`).

        Raises:
            AlignmentError: where it has no attention.
            DeviceLostError: where the GPU failed.
        """
        if not all(config.attention for config in self.configs):
            raise AlignmentError
        pairs = list(zip(rows, tokens, strict=True))
        return self._in_batches(pairs, BATCH, self._look, length=lambda pair: len(pair[0]))

    def score(self, given: Sequence[Given]) -> list[Scored]:
        """What the network thinks of pronunciations, by teacher forcing (see `Scorer`).

        Raises:
            DeviceLostError: where the GPU failed.
        """
        return self._in_batches(given, BATCH, self._score, length=lambda each: [*map(len, each)])

    def _look(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> list[np.ndarray[Any, Any]]:
        graphemes, lengths = self._padded([row for row, _ in pairs])
        tokens = [symbols for _, symbols in pairs]
        looked = reference.attention(
            self.network, graphemes, lengths, tokens, start=self.phonemes.start
        )
        within = slice(1, -1) if self.network.config.add_bos_eos else slice(None)
        return [of_letters(paid[:, within]) for paid in looked]

    @torch.inference_mode()
    def _score(self, given: Sequence[Given]) -> list[Scored]:
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
        length: Callable[[Q], Any] = len,  # type: ignore[assignment]
    ) -> list[A]:
        """What `answer` says to at most so many words at a time, in their order.

        Words go with others of about their `length`, so that little padding is computed.
        """
        order = sorted(range(len(requested)), key=lambda index: length(requested[index]))
        answers: dict[int, A] = {}
        for first in range(0, len(order), maximum):
            chosen = order[first : first + maximum]
            with self._losing():
                found = answer([requested[i] for i in chosen])
            answers.update(zip(chosen, found, strict=True))
        return [answers[index] for index in range(len(requested))]

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """Where the GPU may fail, and is lost if it does."""
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
        """Words as the network reads them, [B, T] on its device, and their lengths."""
        add_bos_eos = self.network.config.add_bos_eos
        graphemes, lengths = pad(
            [frame(row, self.graphemes, add_bos_eos=add_bos_eos) for row in rows]
        )
        return graphemes.to(self.torch_device), lengths


def load_network(artifact: Artifact) -> Seq2Seq:
    """The artifact's network, in evaluation mode, on the CPU.

    Raises:
        ArtifactError: where its weights and its config do not fit.
    """
    try:
        network = Seq2Seq(NetworkConfig(**artifact.network))
        network.load_state_dict(
            {name: torch.from_numpy(array) for name, array in artifact.weights().items()}
        )
    except (TypeError, ValueError, RuntimeError) as e:
        raise ArtifactError(artifact.path, f"its weights and config do not fit: {e}") from e
    return network.eval()

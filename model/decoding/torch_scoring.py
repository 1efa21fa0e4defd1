"""Teacher forcing in torch: the plain reference for scoring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import torch

from tanger.model.artifact import Artifact
from tanger.model.decoding.hypothesis import Given, Scored
from tanger.model.decoding.torch_decoder import load_network
from tanger.model.network.seq2seq import Seq2Seq, pad
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.vocabulary import Vocabulary, frame

_BATCH = 256


class TorchScorer:
    """A network with its vocabularies."""

    def __init__(self, network: Seq2Seq, graphemes: Vocabulary, phonemes: Vocabulary) -> None:
        """Wrap a network in evaluation mode, where it lies."""
        self._network = network
        self._device = next(network.parameters()).device
        self._graphemes = graphemes
        self._phonemes = phonemes
        emitted = [phonemes.end, *phonemes.encode(phonemes.own)]
        self._never = torch.ones(len(phonemes), dtype=torch.bool)
        self._never[emitted] = False
        self._stress_bias = torch.from_numpy(stress_bias(phonemes))

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        """The network of an artifact.

        Raises:
            ArtifactError: where it is damaged.
        """
        return cls(load_network(artifact), artifact.graphemes, artifact.phonemes)

    def score(self, given: Sequence[Given]) -> list[Scored]:
        """See `Scorer`."""
        order = sorted(range(len(given)), key=lambda i: tuple(map(len, given[i])))
        found: dict[int, Scored] = {}
        for first in range(0, len(order), _BATCH):
            chosen = order[first : first + _BATCH]
            found.update(zip(chosen, self._batch([given[i] for i in chosen]), strict=True))
        return [found[index] for index in range(len(given))]

    @torch.inference_mode()
    def _batch(self, given: Sequence[Given]) -> list[Scored]:
        add_bos_eos = self._network.config.add_bos_eos
        start, end = self._phonemes.start, self._phonemes.end
        graphemes, lengths = pad(
            [frame(each.graphemes, self._graphemes, add_bos_eos=add_bos_eos) for each in given]
        )
        labels, _ = pad([[start, *each.phonemes, end] for each in given])
        scores = self._network(graphemes.to(self._device), lengths, labels.to(self._device))
        phonemes = scores.phonemes.cpu().masked_fill(self._never, -math.inf)
        logs = phonemes.log_softmax(dim=2).numpy()
        stress = None
        if scores.stress is not None:
            biased = scores.stress.cpu() + self._stress_bias[labels[:, 1:]]
            stress = biased.log_softmax(dim=2).numpy()
        symbols = labels[:, 1:].numpy()
        return [
            Scored(
                symbols[row, :steps],
                logs[row, :steps],
                None if stress is None else stress[row, :steps],
            )
            for row, steps in enumerate(len(each.phonemes) + 1 for each in given)
        ]

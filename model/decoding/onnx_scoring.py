"""Teacher forcing with ONNX Runtime: what `decoding.torch_scoring` gives, and needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tanger.model.artifact import Artifact, ArtifactError
from tanger.model.decoding import onnx_network
from tanger.model.decoding.hypothesis import Given, Scored
from tanger.model.decoding.onnx_session import session
from tanger.model.network.config import NetworkConfig, Precision
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.vocabulary import frame

# Words that go through the network together: more would outgrow the caches.
_MAXIMUM = 128


class OnnxScorer:
    """An artifact's network on one CPU core."""

    def __init__(self, artifact: Artifact, *, precision: Precision = "int8") -> None:
        """Load the network, to compute in `precision`.

        Raises:
            ArtifactError: where its weights and its config do not fit.
        """
        self._graphemes = artifact.graphemes
        self._phonemes = artifact.phonemes
        try:
            self._config = NetworkConfig(**artifact.network)
            self._session = session(
                onnx_network.forced(self._config, artifact.weights(), precision=precision)
            )
        except (KeyError, TypeError, ValueError) as e:
            raise ArtifactError(artifact.path, f"its weights and config do not fit: {e}") from e
        self._logit_bias = np.full(len(self._phonemes), -np.inf, np.float32)
        self._stress_bias = stress_bias(self._phonemes)
        self._logit_bias[[self._phonemes.end, *self._phonemes.encode(self._phonemes.own)]] = 0

    def score(self, given: Sequence[Given]) -> list[Scored]:
        """See `Scorer`."""
        by_length: dict[int, list[int]] = {}
        # Pronunciations of about the same length in a batch, so that few steps are for nothing
        for index in sorted(range(len(given)), key=lambda i: len(given[i].phonemes)):
            by_length.setdefault(len(given[index].graphemes), []).append(index)
        found: dict[int, Scored] = {}
        for indices in by_length.values():
            for first in range(0, len(indices), _MAXIMUM):
                chosen = indices[first : first + _MAXIMUM]
                found.update(zip(chosen, self._batch([given[i] for i in chosen]), strict=True))
        return [found[index] for index in range(len(given))]

    def _batch(self, given: Sequence[Given]) -> list[Scored]:
        """Words of one length."""
        boundaries = self._config.boundaries
        steps = [len(each.phonemes) + 1 for each in given]
        start, end = self._phonemes.start, self._phonemes.end
        labels = np.full((max(steps) + 1, len(given)), end, np.int64)  # [U + 1, B]
        labels[0] = start
        for row, each in enumerate(given):
            labels[1 : steps[row], row] = each.phonemes
        framed = [frame(each.graphemes, self._graphemes, boundaries=boundaries) for each in given]
        logs, *stress = self._session.run(
            None,
            {
                "graphemes": np.array(framed, np.int64).T,
                "labels": labels,
                "logit_bias": self._logit_bias,
            },
        )
        if stress:
            biased = stress[0] + self._stress_bias[labels[1:]]
            stress = [biased - np.log(np.exp(biased).sum(axis=2, keepdims=True))]
        return [
            Scored(
                labels[1 : count + 1, row],
                logs[:count, row],
                stress[0][:count, row] if stress else None,
            )
            for row, count in enumerate(steps)
        ]

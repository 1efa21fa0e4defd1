"""The fast decode on a CPU: ONNX Runtime runs the network of `model.onnx_network`.

It gives what `model.decoding` gives, the reference that it is tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime

from model import onnx_network
from model.checkpoint import Artifact, ArtifactError
from model.circles import may_circle, rounds, ruled_out
from model.config import NetworkConfig, Precision
from model.hypothesis import Decoded, length_bound
from model.stress import one_primary
from model.vocabulary import frame

# Words that go through the network together: more would outgrow the caches.
_MOST = 128


class Engine:
    """An artifact's network, ready to decode."""

    device = "cpu"

    def __init__(
        self,
        artifact: Artifact,
        *,
        masked: bool = True,
        precision: Precision = "int8",
        threads: int = 1,
    ) -> None:
        """Load the network.

        Args:
            artifact: where it is from.
            masked: only phonemes and ``</s>`` are ever emitted (see `TorchDecoder`).
            precision: what it computes in.
            threads: how many batches are decoded at the same time, each by one.

        Raises:
            ArtifactError: where its weights and its config do not fit.
        """
        self.precision = precision
        self.threads = threads
        self._graphemes = artifact.graphemes
        self._phonemes = artifact.phonemes
        try:
            self._config = NetworkConfig(**artifact.network)
            content = onnx_network.model(
                self._config,
                artifact.weights(),
                precision=precision,
                start=self._phonemes.start,
                end=self._phonemes.end,
            )
            self._session = _session(content)
        except (
            KeyError,
            TypeError,
            ValueError,
            onnxruntime.capi.onnxruntime_pybind11_state.Fail,
        ) as e:
            raise ArtifactError(artifact.path, f"its weights and config do not fit: {e}") from e
        self._favour = np.zeros(len(self._phonemes), np.float32)
        if masked:
            self._favour[:] = -np.inf
            allowed = self._phonemes.encode(self._phonemes.own)
            self._favour[[self._phonemes.end, *allowed]] = 0
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    @property
    def configs(self) -> list[NetworkConfig]:
        """Of the one network."""
        return [self._config]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Answers for spelt words, in their order (see `Decoder`)."""
        by_length: dict[int, list[int]] = {}
        for index, row in enumerate(rows):
            by_length.setdefault(len(row), []).append(index)
        batches = [
            indices[first : first + _MOST]
            for _, indices in sorted(by_length.items(), reverse=True)  # the longest work first
            for first in range(0, len(indices), _MOST)
        ]
        answers: list[Decoded | None] = [None] * len(rows)

        def work(indices: list[int]) -> None:
            for index, answer in zip(indices, self._batch([rows[i] for i in indices]), strict=True):
                answers[index] = answer

        if self._pool is None or len(batches) == 1:
            for batch in batches:
                work(batch)
        else:
            list(self._pool.map(work, batches))
        return [answer for answer in answers if answer is not None]

    def _batch(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Words of one length; who might go round in circles is decoded again, step for step."""
        steps = length_bound(len(rows[0]))
        favour = np.broadcast_to(self._favour, (steps, 1, len(self._favour)))
        answers = self._run(rows, favour)
        for index, answer in enumerate(answers):
            if may_circle(answer.symbols):
                answers[index] = self._without_circles(rows[index], answer)
        return answers

    def _without_circles(self, row: Sequence[int], answer: Decoded) -> Decoded:
        """The answer in which no symbol was said that `model.circles` rules out.

        A step's rule hangs on those before it alone, so that each new run is right for longer.
        """
        often = rounds(row)
        favour = np.tile(self._favour, (length_bound(len(row)), 1, 1))
        seen = 0
        while seen < len(answer.probabilities):
            if circling := ruled_out(answer.symbols[:seen], often):
                favour[seen, 0, list(circling)] = -np.inf
                (answer,) = self._run([row], favour)
            seen += 1
        return answer

    def _run(self, rows: Sequence[Sequence[int]], favour: np.ndarray[Any, Any]) -> list[Decoded]:
        boundaries = self._config.boundaries
        framed = [frame(row, self._graphemes, boundaries=boundaries) for row in rows]
        symbols, probabilities, *stress = self._session.run(
            None,
            {
                "graphemes": np.array(framed, np.int64).T,
                "steps": np.array(len(favour)),
                "favour": favour,
            },
        )
        ended = symbols == self._phonemes.end  # [U, B]
        complete = ended.any(axis=0)
        counts = np.where(complete, ended.argmax(axis=0), len(symbols))
        classes: Sequence[Sequence[int] | None] = [None] * len(rows)
        if stress:
            classes = one_primary(stress[0].transpose(1, 0, 2), counts).tolist()
        return [
            Decoded(said[:count], chances[: count + whole], whole, marks and marks[:count])
            for said, chances, count, whole, marks in zip(
                symbols.T.tolist(),
                probabilities.T.tolist(),
                counts.tolist(),
                complete.tolist(),
                classes,
                strict=True,
            )
        ]


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Batches share the cores better than an operator's threads do
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

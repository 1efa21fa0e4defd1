"""The fast decode on a CPU: compiled C where it is there, and ONNX Runtime for all else.

In whole numbers the decode is `decoding.native`'s, twice as fast as ONNX Runtime, which runs the
graphs of `decoding.onnx_network`: float32, attention, and everything where nothing was compiled.
Both give what `decoding.reference` gives, the reference that they are tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import onnxruntime

from tanger.model.artifact import Artifact, ArtifactError
from tanger.model.decoding import hypothesis, onnx_network
from tanger.model.decoding.hypothesis import Decoded, Given, Scored, length_bound
from tanger.model.decoding.native import build
from tanger.model.decoding.native.bindings import NativeNetwork
from tanger.model.decoding.onnx_session import session
from tanger.model.decoding.repetition import blocked_tokens, max_repeats, may_repeat, run_limits
from tanger.model.network.config import NetworkConfig, Precision
from tanger.model.phonology.alignment import AlignmentError, of_letters
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.stress import one_primary
from tanger.model.phonology.vocabulary import frame

# Words that go through the network together: more would outgrow the caches.
_MAXIMUM = 128
# Likewise of the compiled decode, which takes words of any length together: their letters.
_MAX_LETTERS = 512
# Likewise of a beam's hypotheses.
_MAX_IN_BEAMS = 256

Q = TypeVar("Q")
A = TypeVar("A")


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
        native: bool = True,
    ) -> None:
        """Load the network.

        Args:
            artifact: where it is from.
            masked: only phonemes and ``</s>`` are ever emitted (see `TorchDecoder`).
            precision: what it computes in.
            threads: how many batches are decoded at the same time, each by one.
            native: false leaves whole numbers to ONNX Runtime, too.

        Raises:
            ArtifactError: where its weights and its config do not fit.
        """
        self.precision = precision
        self.threads = threads
        self._graphemes = artifact.graphemes
        self._phonemes = artifact.phonemes
        self._ends = {"start": self._phonemes.start, "end": self._phonemes.end}
        # As they are stored: graphs that are seldom asked for are made when they are
        self._weights = {
            name: array.astype(np.float16) for name, array in artifact.weights().items()
        }
        self._logit_bias = np.zeros(len(self._phonemes), np.float32)
        if masked:
            self._logit_bias[:] = -np.inf
            allowed = self._phonemes.encode(self._phonemes.own)
            self._logit_bias[[self._phonemes.end, *allowed]] = 0
        self._stress_bias = stress_bias(self._phonemes)
        self._native: NativeNetwork | None = None
        library = build.library() if native and precision == "int8" else None
        try:
            self._config = NetworkConfig(**artifact.network)
            if library is None:
                self.runs_on = f"ONNX Runtime {onnxruntime.__version__}, {precision}"
                self._greedy = self._session(onnx_network.greedy, **self._ends)
            else:
                kind, loaded = library
                self.runs_on = f"compiled C for {kind}, {precision}"
                self._native = NativeNetwork(
                    loaded, self._config, self._floats(), self._graphemes, self._phonemes,
                    self._logit_bias,
                )  # fmt: skip
        except (KeyError, TypeError, ValueError) as e:
            raise ArtifactError(artifact.path, f"its weights and config do not fit: {e}") from e
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    @property
    def configs(self) -> list[NetworkConfig]:
        """Of the one network."""
        return [self._config]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Answers for spelt words, in their order (see `Decoder`)."""
        lengths = list(map(len, rows))
        if self._native is None:
            return self._in_batches(rows, _of_one_length(lengths, _MAXIMUM), self._batch)
        batches = _of_any_length(lengths, _MAX_LETTERS, share=-(-len(rows) // self.threads))
        return self._in_batches(rows, batches, self._native.decode)

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """Several answers for each spelt word (see `Decoder`).

        Raises:
            ValueError: for a width below 1.
        """
        if width < 1:
            raise ValueError(f"a beam of {width}: at least 1 is needed")
        native = self._native
        if native is None:
            batches = _of_one_length(list(map(len, rows)), max(1, _MAX_IN_BEAMS // width))
            return self._in_batches(rows, batches, lambda some: self._beam_batch(some, width))
        letters, share = max(1, _MAX_LETTERS // width), -(-len(rows) // self.threads)
        batches = _of_any_length(list(map(len, rows)), letters, share=share)
        return self._in_batches(rows, batches, lambda some: native.beam(some, width))

    def attention(
        self, rows: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]
    ) -> list[np.ndarray[Any, Any]]:
        """Where the network looks while it says so (see `Decoder`)."""
        if not self._config.attention:
            raise AlignmentError
        pairs = list(zip(rows, tokens, strict=True))
        if self._native is not None:
            lengths = list(map(len, rows))
            batches = _of_any_length(lengths, _MAX_LETTERS, share=-(-len(rows) // self.threads))
            return self._in_batches(pairs, batches, self._native_attention)
        return self._in_batches(pairs, _of_one_length(list(map(len, rows)), _MAXIMUM), self._look)

    def score(self, given: Sequence[Given]) -> list[Scored]:
        """What the network thinks of pronunciations (see `Scorer`); compiled alone."""
        lengths = [len(each.graphemes) for each in given]
        batches = _of_any_length(lengths, _MAX_LETTERS, share=-(-len(given) // self.threads))
        return self._in_batches(given, batches, self._scored)

    def _native_attention(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> list[np.ndarray[Any, Any]]:
        assert self._native is not None
        within = slice(1, -1) if self._config.boundaries else slice(None)
        return [of_letters(paid[:, within]) for paid in self._native.attention(pairs)]

    def _scored(self, given: Sequence[Given]) -> list[Scored]:
        assert self._native is not None
        end = self._phonemes.end
        pairs = [(each.graphemes, [*each.phonemes, end]) for each in given]
        return [
            Scored(
                np.array(labels),
                _log_softmax(logits),
                None if marks is None else _log_softmax(marks),
            )
            for (_, labels), (logits, marks) in zip(pairs, self._native.forced(pairs), strict=True)
        ]

    def _in_batches(
        self,
        requested: Sequence[Q],
        batches: Sequence[Sequence[int]],
        answer: Callable[[list[Q]], list[A]],
    ) -> list[A]:
        """What `answer` says to each batch of them, in the order in which they were asked."""
        answers: dict[int, A] = {}

        def work(indices: Sequence[int]) -> None:
            answers.update(zip(indices, answer([requested[i] for i in indices]), strict=True))

        if self._pool is None or len(batches) == 1:
            for batch in batches:
                work(batch)
        else:
            list(self._pool.map(work, batches))
        return [answers[index] for index in range(len(requested))]

    def _batch(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Words of one length; who might go round in circles is decoded again, step for step."""
        steps = length_bound(len(rows[0]))
        logit_bias = np.broadcast_to(self._logit_bias, (steps, 1, len(self._logit_bias)))
        answers = self._run(rows, logit_bias)
        for index, answer in enumerate(answers):
            if may_repeat(answer.symbols):
                answers[index] = self._without_circles(rows[index], answer)
        return answers

    def _without_circles(self, row: Sequence[int], answer: Decoded) -> Decoded:
        """The answer in which no symbol was said that `decoding.repetition` rules out.

        A step's rule hangs on those before it alone, so that each new run is right for longer.
        """
        often = max_repeats(row)
        logit_bias = np.tile(self._logit_bias, (length_bound(len(row)), 1, 1))
        seen = 0
        while seen < len(answer.probabilities):
            if circling := blocked_tokens(answer.symbols[:seen], often):
                logit_bias[seen, 0, list(circling)] = -np.inf
                (answer,) = self._run([row], logit_bias)
            seen += 1
        return answer

    @cached_property
    def _looking(self) -> onnxruntime.InferenceSession:
        return self._session(onnx_network.attention)

    def _look(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> list[np.ndarray[Any, Any]]:
        """Words of one length, each with what is said."""
        steps = max(1, *(len(tokens) for _, tokens in pairs))
        labels = np.full((steps, len(pairs)), self._phonemes.end)
        labels[0] = self._phonemes.start
        for number, (_, tokens) in enumerate(pairs):
            labels[1 : len(tokens), number] = tokens[:-1]
        rows = [row for row, _ in pairs]
        (looked,) = self._looking.run(None, {"graphemes": self._framed(rows), "labels": labels})
        within = slice(1, -1) if self._config.boundaries else slice(None)
        return [
            of_letters(looked[: len(tokens), number, within])
            for number, (_, tokens) in enumerate(pairs)
        ]

    @cached_property
    def _beam(self) -> onnxruntime.InferenceSession:
        return self._session(onnx_network.beam, **self._ends)

    def _beam_batch(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """Words of one length."""
        found = self._beam.run(
            None,
            {
                "graphemes": self._framed(rows),
                "steps": np.array(length_bound(len(rows[0]))),
                "width": np.array([width]),
                "logit_bias": self._logit_bias,
                "limits": np.array([run_limits(max_repeats(row)) for row in rows]),
            },
        )
        return hypothesis.read_back(*found, end=self._phonemes.end, stress_bias=self._stress_bias)

    def _framed(self, rows: Sequence[Sequence[int]]) -> np.ndarray[Any, Any]:
        """Words of one length as the graphs read them, [T, B]."""
        boundaries = self._config.boundaries
        framed = [frame(row, self._graphemes, boundaries=boundaries) for row in rows]
        return np.array(framed, np.int64).T

    def _run(
        self, rows: Sequence[Sequence[int]], logit_bias: np.ndarray[Any, Any]
    ) -> list[Decoded]:
        symbols, probabilities, *stress = self._greedy.run(
            None,
            {
                "graphemes": self._framed(rows),
                "steps": np.array(len(logit_bias)),
                "logit_bias": logit_bias,
            },
        )
        ended = symbols == self._phonemes.end  # [U, B]
        complete = ended.any(axis=0)
        counts = np.where(complete, ended.argmax(axis=0), len(symbols))
        classes: Sequence[Sequence[int] | None] = [None] * len(rows)
        if stress:
            logits = stress[0] + self._stress_bias[symbols]
            classes = one_primary(logits.transpose(1, 0, 2), counts).tolist()
        return [
            Decoded(tokens[:count], chances[: count + whole], whole, marks and marks[:count])
            for tokens, chances, count, whole, marks in zip(
                symbols.T.tolist(),
                probabilities.T.tolist(),
                counts.tolist(),
                complete.tolist(),
                classes,
                strict=True,
            )
        ]

    def _session(self, graph: Callable[..., bytes], **symbols: int) -> onnxruntime.InferenceSession:
        """One of the graphs of `decoding.onnx_network`, ready to run."""
        return session(graph(self._config, self._floats(), precision=self.precision, **symbols))

    def _floats(self) -> dict[str, np.ndarray[Any, Any]]:
        return {name: array.astype(np.float32) for name, array in self._weights.items()}


def _log_softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Logarithms of probabilities, along the last axis."""
    centred = logits - logits.max(axis=-1, keepdims=True)
    centred -= np.log(np.exp(centred).sum(axis=-1, keepdims=True))
    return centred


def _of_one_length(lengths: Sequence[int], maximum: int) -> list[list[int]]:
    """Words, by their indices, in batches of at most so many of one length, the longest first."""
    by_length: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        by_length.setdefault(length, []).append(index)
    return [
        indices[first : first + maximum]
        for _, indices in sorted(by_length.items(), reverse=True)
        for first in range(0, len(indices), maximum)
    ]


def _of_any_length(lengths: Sequence[int], letters: int, *, share: int) -> list[list[int]]:
    """Words, by their indices, the longest first, in batches of about so many letters.

    Args:
        lengths: of the words.
        letters: as many as a batch has where all its words are as long as its longest.
        share: words of a batch, at most.
    """
    ordered = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    batches, first = [], 0
    while first < len(ordered):
        count = min(share, max(1, letters // max(1, lengths[ordered[first]])))
        batches.append(ordered[first : first + count])
        first += count
    return batches

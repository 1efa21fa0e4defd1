"""Greedy decoding on a GPU, captured in CUDA graphs.

A plain loop launches dozens of small kernels per step, and waits for the device after each step to
see which words are finished. Here the encoder is one CUDA graph and `STEPS` decoder steps are
another; both run the network of `network.seq2seq` in fixed buffers. The device computes which words
are finished, and which symbols the rule of `decoding.repetition` blocks; the host waits once after
each graph.

Words are padded to the sizes of the buffers, which does not change the answers. On a CPU the same
functions run without capture; the tests compare them with `decoding.reference`. It has not been run
or measured on a GPU yet.

Shapes: B words, T letters, U steps, V phonemes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tanger.model.decoding.hypothesis import (
    Decoded,
    batches_by_length,
    in_order,
    length_bound,
)
from tanger.model.decoding.reference import stress_classes
from tanger.model.decoding.repetition import MAX_PERIOD, max_repeats, run_limits
from tanger.model.network.seq2seq import DecoderState, EncoderOutput, Seq2Seq, pad
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.stress import CLASSES
from tanger.model.phonology.vocabulary import Vocabulary, frame

# Decoder steps per graph. With more, many steps would be computed after the ends of most words;
# with fewer, the host would wait more often.
STEPS = 4
# Largest number of words decoded together, a power of two, ...
MAX_BATCH = 4096
# ... and of their letters including padding, which bounds the memory for batches of long words.
MAX_LETTERS = 16 * MAX_BATCH
# Word length of the smallest buffers.
MIN_LETTERS = 4
# Number of buffer sizes whose graphs are kept.
KEPT = 16
_NONE = -1  # stands for the symbols before the first one


class _Words(NamedTuple):
    """A batch of words."""

    graphemes: Tensor  # [B, T] indices
    lengths: Tensor  # [B] number of letters
    bounds: Tensor  # [B] largest number of decoder steps; 0 for a row without a word
    limits: Tensor  # [B, `MAX_PERIOD`] see `repetition.run_limits`


class _DecodeProgress(NamedTuple):
    """Decoding progress of a batch of words."""

    label: Tensor  # [B] last symbol
    left: Tensor  # [B] number of steps left; 0 for a finished word
    latest: Tensor  # [B, `MAX_PERIOD`] last symbols, the latest first
    runs: Tensor  # [B, `MAX_PERIOD`] by k, length of the run of symbols equal to that k before


class GraphedDecoder:
    """Decodes greedily in fixed buffers and, on a GPU, in CUDA graphs."""

    def __init__(
        self,
        network: Seq2Seq,
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        *,
        allowed: Tensor | None = None,
    ) -> None:
        """Wrap a network on its current device.

        Args:
            network: in evaluation mode.
            graphemes: input vocabulary.
            phonemes: output vocabulary.
            allowed: [V] true for the phonemes that may be emitted; all by default.
        """
        self.network, self.phonemes = network, phonemes
        self.never = None if allowed is None else ~allowed
        self.device = network.output.weight.device
        self._graphemes = graphemes
        self._stress_bias = stress_bias(phonemes)
        self.buckets: dict[tuple[int, int], _Bucket] = {}  # by number of words and letters
        self._lock = threading.Lock()  # the buffers hold one batch at a time

    @torch.inference_mode()
    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Return the greedy answers to encoded words, in order (see `Decoder`).

        Raises:
            torch.OutOfMemoryError: if the device has too little memory for the batch. All buffers
                are freed, so that a smaller batch may succeed.
            torch.AcceleratorError: if the device failed.
        """
        ends = 2 * self.network.config.add_bos_eos
        lengths = [_power_of_two(len(row) + ends, MIN_LETTERS) for row in rows]
        batches = batches_by_length(lengths, max_words=MAX_BATCH, max_letters=MAX_LETTERS)
        with self._lock:
            try:
                return in_order((b, self._batch([rows[index] for index in b])) for b in batches)
            except RuntimeError:
                self.buckets.clear()
                raise

    def _batch(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Decode words that fit into one bucket."""
        words = _power_of_two(len(rows))
        # Rows without a word have one letter and take no step
        empty = words - len(rows)
        add_bos_eos = self.network.config.add_bos_eos
        framed = [frame(row, self._graphemes, add_bos_eos=add_bos_eos) for row in rows]
        graphemes, lengths = pad([*framed, *[[0]] * empty])
        bounds = torch.tensor([*(length_bound(len(row)) for row in rows), *[0] * empty])
        limits = [*(run_limits(max_repeats(row)) for row in rows), *[[0] * MAX_PERIOD] * empty]
        bucket = self._bucket(words, _power_of_two(graphemes.shape[1], MIN_LETTERS))
        symbols, probabilities, stress = bucket.decode(
            _Words(graphemes, lengths, bounds, torch.tensor(limits))
        )
        steps = torch.arange(symbols.shape[1])
        ended = (symbols == self.phonemes.end) & (steps < bounds.unsqueeze(1))
        complete = ended.any(dim=1)
        counts = torch.where(complete, ended.int().argmax(dim=1), bounds).tolist()
        classes = stress_classes(stress, symbols, counts, self._stress_bias)
        found = zip(
            counts, complete.tolist(), symbols.tolist(), probabilities.tolist(), strict=True
        )
        return [
            Decoded(tokens[:count], values[: count + whole], whole, marks)
            for (count, whole, tokens, values), marks in zip(found, classes, strict=True)
        ][: len(rows)]

    def _bucket(self, words: int, letters: int) -> _Bucket:
        """Return the buffers of these sizes, creating them if necessary."""
        if (words, letters) not in self.buckets:
            if len(self.buckets) == KEPT:
                self.buckets.clear()
            if self.device.type == "cuda" and not self.buckets:
                # Graphs share a memory pool, which cannot be reused after the last of them is gone
                self._pool = torch.cuda.graph_pool_handle()
            self.buckets[words, letters] = _Bucket(self, words, letters)
        return self.buckets[words, letters]

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return a function that repeats `work` in the same buffers: a CUDA graph, on a CPU `work`.

        The graphs can share memory, because they never run at the same time and no result in it is
        used after a replay.
        """
        if self.device.type != "cuda":
            return work
        before = torch.cuda.current_stream(self.device)
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(before)
        # A failed capture may leave its stream the current one; this context manager does not
        with torch.cuda.stream(stream):
            work()  # warm-up: libraries allocate what they could not during a capture
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(
                graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"
            ):
                work()
        before.wait_stream(stream)
        return graph.replay


class _Bucket:
    """Buffers for B words of T letters, and the decoding in them."""

    def __init__(self, decoder: GraphedDecoder, words: int, letters: int) -> None:
        """Allocate the buffers and capture the graphs."""
        self._network, self._never = decoder.network, decoder.never
        self._start, self._end = decoder.phonemes.start, decoder.phonemes.end
        count = torch.zeros(words, dtype=torch.long, device=decoder.device)
        self._words = _Words(
            count.new_zeros(words, letters), count + 1, count, count.new_zeros(words, MAX_PERIOD)
        )
        self._steps_done = count.new_zeros(1)
        self._active = torch.ones(1, dtype=torch.bool, device=decoder.device)
        self._encoder_output, self._state, self._progress = self._initial_state()
        room = -(-length_bound(letters) // STEPS) * STEPS
        self._symbols = count.new_zeros(room, words)
        self._probabilities = self._encoder_output.values.new_zeros(room, words)
        self._stress = self._encoder_output.values.new_zeros(room, words, CLASSES)
        self._encode = decoder.capture(self._run_encoder)
        self._advance = decoder.capture(self._run_steps)

    def decode(self, words: _Words) -> tuple[Tensor, Tensor, Tensor | None]:
        """Decode B words of at most T letters.

        Returns:
            On the CPU, undefined beyond the end of a word: symbols [B, U], their probabilities [B,
                U], logits of their stress classes [B, U, 4].
        """
        self._words.graphemes[:, : words.graphemes.shape[1]] = words.graphemes
        _assign(self._words[1:], words[1:])
        self._encode()
        self._advance()
        steps_done = STEPS
        while self._active.item():  # the only place where the host waits
            self._advance()
            steps_done += STEPS
        symbols, probabilities, stress = (
            each[:steps_done].transpose(0, 1).cpu()
            for each in (self._symbols, self._probabilities, self._stress)
        )
        return symbols, probabilities, stress if self._network.config.stress else None

    # The captured functions. They do not inspect values on the host.

    def _initial_state(self) -> tuple[EncoderOutput, DecoderState, _DecodeProgress]:
        """Return the encoder's output, and decoder state and progress before the first step."""
        encoder_output = self._network.encode_on_device(self._words.graphemes, self._words.lengths)
        left = self._words.bounds.clone()
        latest = left.new_full((len(left), MAX_PERIOD), _NONE)
        label = torch.full_like(left, self._start)
        progress = _DecodeProgress(label, left, latest, torch.zeros_like(latest))
        return encoder_output, self._network.start(encoder_output), progress

    def _run_encoder(self) -> None:
        _assign((self._encoder_output, self._state, self._progress), self._initial_state())
        self._steps_done.zero_()

    def _run_steps(self) -> None:
        state, progress = self._state, self._progress
        states, symbols, probabilities = [], [], []
        for _ in range(STEPS):
            logits, state = self._network.step(progress.label, state, self._encoder_output)
            progress, probability = self._choose(logits, progress)
            states.append(state)
            symbols.append(progress.label)
            probabilities.append(probability)
        at = self._steps_done + torch.arange(STEPS, device=self._steps_done.device)
        self._symbols.index_copy_(0, at, torch.stack(symbols))
        self._probabilities.index_copy_(0, at, torch.stack(probabilities))
        stress = self._network.stress(states, torch.stack(symbols, dim=1))  # [B, STEPS, 4]
        if stress is not None:
            self._stress.index_copy_(0, at, stress.transpose(0, 1))
        self._steps_done.add_(STEPS)
        _assign((self._state, self._progress), (state, progress))
        self._active.copy_((progress.left > 0).any())

    def _choose(self, logits: Tensor, before: _DecodeProgress) -> tuple[_DecodeProgress, Tensor]:
        """Choose each word's most probable allowed symbol; also return its probability [B]."""
        if self._never is not None:
            logits = logits.masked_fill(self._never, -math.inf)
        full = before.runs >= self._words.limits
        penalties = torch.zeros_like(full, dtype=logits.dtype).masked_fill_(full, -math.inf)
        # Before the first symbol no run has reached its limit, so the clamped index has no effect
        logits = logits.scatter_add(1, before.latest.clamp(min=0), penalties)
        # ``</s>`` may not be the first symbol (see `decoding.reference`)
        end = torch.arange(logits.shape[1], device=logits.device) == self._end
        first = (before.latest[:, :1] == _NONE) & end
        label = logits.masked_fill(first, -math.inf).argmax(dim=1)
        column = label.unsqueeze(1)
        least = torch.finfo(logits.dtype).tiny
        progress = _DecodeProgress(
            label,
            (before.left - 1).masked_fill_(label == self._end, 0),
            torch.cat([column, before.latest[:, :-1]], dim=1),
            (before.runs + 1) * (column == before.latest),
        )
        return progress, logits.softmax(dim=1).gather(1, column).squeeze(1).clamp(min=least)


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested tuples."""
    if isinstance(value, Tensor):
        yield value
    else:
        for each in value:
            yield from _tensors(each)


def _assign(buffers: Any, values: Any) -> None:
    """Copy nested tuples of tensors into buffers of the same shapes."""
    for buffer, value in zip(_tensors(buffers), _tensors(values), strict=True):
        buffer.copy_(value)


def _power_of_two(number: int, least: int = 1) -> int:
    """Return the smallest power of two that is at least `number` and `least`."""
    return 1 << (max(number, least) - 1).bit_length()

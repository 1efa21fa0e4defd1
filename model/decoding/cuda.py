"""Greedy decode on a GPU, captured in CUDA graphs.

A plain loop waits for the device at every step, to see who has finished, and sends it dozens of
small kernels one by one, which takes Python longer than it takes the device to run them. Here the
reading of a batch is one CUDA graph, and `STEPS` steps of its decode are another. Both run in
buffers that stay where they are, and nothing in them waits for a value: who has finished, and what
the rule against circles rules out, is counted along on the device. The host asks behind each graph
whether all have finished.

Buffers have a batch size and a number of letters; smaller batches of shorter words go into them
with padding, which changes nobody's answer. On a CPU the same functions run uncaptured, which is
how most tests know them; `decoding.reference` is the reference of both.

Nobody has measured it on a GPU yet.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tanger.model.decoding.fused_network import Carried, EncoderOutput, FusedNetwork
from tanger.model.decoding.hypothesis import Decoded, length_bound
from tanger.model.decoding.repetition import LARGEST, limits
from tanger.model.network import lstm
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.network.weights import Array
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.stress import one_primary
from tanger.model.phonology.vocabulary import Vocabulary

# Decoder steps of a graph. More would run on past the ends of most words, fewer would wait oftener.
STEPS = 4
# Words that are decoded together, at most, ...
MAX_BATCH = 4096
# ... and their letters, padding included: what bounds the memory of a batch of long words.
MAX_LETTERS = 16 * MAX_BATCH
# Sizes of batches whose graphs are kept, the latest used.
KEPT = 16
# Stands for what was said before the first symbol.
_NOTHING = -1


class _Sizes(NamedTuple):
    """What buffers are made for.

    Attributes:
        words: of the batch.
        letters: of each, as the network reads them.
        products: what these are made in.
    """

    words: int
    letters: int
    products: torch.dtype


class _Progress(NamedTuple):
    """Where a batch of B words stands.

    Attributes:
        label: [B] what was said last.
        left: [B] how many steps each word may take yet; 0 of one that has finished.
        latest: [B, `LARGEST`] what was said last, the latest first.
        run_limits: [B, `LARGEST`] for each size of circle, how many symbols in a row were the same
            as those so many before them.
    """

    label: Tensor
    left: Tensor
    latest: Tensor
    run_limits: Tensor


class GraphedDecoder:
    """A network's greedy decode, in buffers and, on a GPU, in CUDA graphs."""

    def __init__(
        self,
        network: Seq2Seq,
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        *,
        allowed: Tensor | None = None,
        maximum: int = MAX_BATCH,
        kept: int = KEPT,
    ) -> None:
        """Take a network where it lies.

        Args:
            network: in evaluation mode. Its weights are laid out anew at the first decode: those
                that change later are not seen.
            graphemes: what it reads.
            phonemes: what it writes.
            allowed: [V] true for the phonemes that may be emitted; all of them without it.
            maximum: words that are decoded together; a power of two.
            kept: sizes of batches whose buffers are kept.
        """
        self.network = network
        self._graphemes = graphemes
        self._end = phonemes.end
        self._start = phonemes.start
        self._allowed = allowed
        self._reading = phonemes.end, stress_bias(phonemes)
        self._maximum = maximum
        self._kept = kept
        self._device = network.output.weight.device
        self._fused: dict[torch.dtype, FusedNetwork] = {}
        self._buckets: OrderedDict[_Sizes, _Bucket] = OrderedDict()
        self._capture = _Capture(self._device) if self._device.type == "cuda" else None
        # One batch at a time goes through the buffers
        self._lock = threading.Lock()

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Words and letters of the buffers that are kept, the latest used last."""
        return [(sizes.words, sizes.letters) for sizes in self._buckets]

    @torch.inference_mode()
    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Answers for spelt words, in their order (see `Decoder`).

        Products are made in what autocast says, everything else in float32.

        Raises:
            torch.OutOfMemoryError: where the device has no room for the batch. What was kept is
                let go, so that a smaller one has all of it.
            torch.AcceleratorError: where the device failed.
        """
        products = lstm.of_products(self.network.output.weight)
        whole = lstm.products_in_bfloat16(self._device, enabled=False)
        with self._lock, self._on_device(), whole:
            try:
                return self._decode(rows, products)
            except RuntimeError as e:
                self._buckets.clear()
                # A capture that ends because of it says so in its own way, and hides what it was
                if isinstance(e.__context__, torch.OutOfMemoryError):
                    raise e.__context__ from None
                raise

    def _decode(self, rows: Sequence[Sequence[int]], products: torch.dtype) -> list[Decoded]:
        answers: dict[int, Decoded] = {}
        # The host gets a batch ready, and reads another's answers, while the device is at one
        finish: Callable[[], Callable[[], dict[int, Decoded]]] = partial(partial, dict)
        for indices in self._batches(list(map(len, rows))):
            requested = self._requested([rows[index] for index in indices])
            read = finish()
            letters = _letters_of_buffers(requested.shape[1] - _Bucket.FIGURES)
            bucket = self._bucket(_Sizes(_power_of_two(len(indices)), letters, products))
            bucket.begin(requested)
            answers.update(read())
            finish = partial(self._finish, bucket, indices, requested)
        answers.update(finish()())
        return [answers[index] for index in range(len(rows))]

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Words, by their indices, the longest first, in batches for one bucket each."""
        order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
        ends = 2 if self.network.config.add_bos_eos else 0
        first = 0
        while first < len(order):
            letters = _letters_of_buffers(lengths[order[first]] + ends)
            room = max(1, MAX_LETTERS // letters)
            count = min(self._maximum, 1 << (room.bit_length() - 1))  # a power of two
            yield order[first : first + count]
            first += count

    def _requested(self, rows: Sequence[Sequence[int]]) -> np.ndarray[Any, Any]:
        """Words as buffers get them: their letters, and behind them the figures of each."""
        counts = np.fromiter(map(len, rows), np.int64, len(rows))
        letters = np.zeros((len(rows), counts.max()), np.int64)
        within = np.arange(letters.shape[1]) < counts[:, None]
        letters[within] = np.fromiter(chain.from_iterable(rows), np.int64, counts.sum())
        framed, lengths = letters, counts
        if self.network.config.add_bos_eos:
            framed = np.pad(letters, ((0, 0), (1, 1)))
            framed[:, 0] = self._graphemes.start
            framed[np.arange(len(rows)), counts + 1] = self._graphemes.end
            lengths = counts + 2
        bounds = np.fromiter(map(length_bound, counts.tolist()), np.int64, len(rows))
        figures = [lengths, bounds, *limits(letters, counts).T]
        return np.concatenate([framed, np.stack(figures, axis=1)], axis=1)

    def _bucket(self, sizes: _Sizes) -> _Bucket:
        """Buffers of these sizes: those that are there, or new ones, for which the oldest go."""
        if sizes not in self._buckets:
            while len(self._buckets) >= self._kept:
                self._buckets.popitem(last=False)
            if sizes.products not in self._fused:
                self._fused[sizes.products] = FusedNetwork(
                    self.network, sizes.products, self._allowed
                )
            if self._capture is not None and not self._buckets:
                self._capture.renew()
            self._buckets[sizes] = _Bucket(
                self._fused[sizes.products], sizes, self._capture,
                start=self._start, end=self._end, device=self._device,
            )  # fmt: skip
        self._buckets.move_to_end(sizes)
        return self._buckets[sizes]

    def _finish(
        self, bucket: _Bucket, indices: Sequence[int], requested: np.ndarray[Any, Any]
    ) -> Callable[[], dict[int, Decoded]]:
        """Wait for a batch; what then makes its answers, by the words' indices."""
        tokens, bounds = bucket.finish()[:, : len(indices)], requested[:, -_Bucket.FIGURES + 1]

        def read() -> dict[int, Decoded]:
            return dict(zip(indices, _answers(tokens, bounds, *self._reading), strict=True))

        return read

    def _on_device(self) -> AbstractContextManager[Any]:
        return torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext()


class _Capture:
    """What captures CUDA graphs of one device, one after the other, into memory that they share.

    They may share it since they never run at the same time, and since nothing that outlives a
    replay lies in it.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.renew()

    def renew(self) -> None:
        """Begin with new memory: that of graphs which are all gone cannot be taken again."""
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        """What runs `work` again, in the same buffers."""
        before = torch.cuda.current_stream()
        self._stream.wait_stream(before)
        # A capture that fails may leave its stream the current one: this context does not
        with torch.cuda.stream(self._stream):
            work()  # once as it is: libraries set up now what they could not in a capture
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                work()
        before.wait_stream(self._stream)
        return graph.replay


class _Bucket:
    """Buffers for B words of T letters, and the decode that goes on in them."""

    # Figures of a word behind its letters: how many they are, its bound, and its limits of circles
    FIGURES = 2 + LARGEST

    def __init__(
        self,
        network: FusedNetwork,
        sizes: _Sizes,
        capture: _Capture | None,
        *,
        start: int,
        end: int,
        device: torch.device,
    ) -> None:
        """Make buffers, and capture what runs in them.

        Args:
            network: what decodes.
            sizes: of the buffers.
            capture: what captures; None where nothing is.
            start: index of ``<s>``.
            end: index of ``</s>``.
            device: where the network lies.
        """
        self._network, self._start, self._end = network, start, end
        self._letters = sizes.letters
        # Rows that no word fills are of one letter and take no step
        self._empty = np.zeros(sizes.letters + self.FIGURES, np.int64)
        self._empty[sizes.letters] = 1
        pinned = device.type == "cuda"  # what is copied to and from it need not wait
        self._host_requested = torch.zeros(
            sizes.words, len(self._empty), dtype=torch.long, pin_memory=pinned
        )
        self._host_requested[:] = torch.from_numpy(self._empty)
        self._requested = self._host_requested.to(device)
        turns = -(-length_bound(sizes.letters) // STEPS) * STEPS
        memory, before = network.encode(*self._words())
        progress = self._before_the_first_step()
        scores, _ = network.step(progress.label, before, memory)
        tokens = _spoken(network, progress.label, scores[:, 0], scores)
        self._memory = EncoderOutput(*map(torch.empty_like, memory))
        self._before = Carried(
            torch.empty_like(before.fed),
            tuple(map(torch.empty_like, before.h)),
            tuple(map(torch.empty_like, before.c)),
        )
        self._progress = _Progress(*map(torch.empty_like, progress))
        self._turn = torch.zeros(1, dtype=torch.long, device=device)
        self._going = torch.ones(1, dtype=torch.bool, device=device)
        self._spoken = tokens.new_zeros(turns, *tokens.shape)
        self._host_spoken = torch.zeros(self._spoken.shape, dtype=tokens.dtype, pin_memory=pinned)
        self._replays: tuple[Callable[[], None], ...] = ()
        if capture is not None:
            self._replays = capture(self._encode), capture(self._go_on)

    def begin(self, requested: np.ndarray[Any, Any]) -> None:
        """Have the device read words and take their first steps; this does not wait for it.

        Args:
            requested: at most B words of at most T letters, as `GraphedDecoder` asks.
        """
        rows, letters = len(requested), requested.shape[1] - self.FIGURES
        target = self._host_requested.numpy()
        target[:] = self._empty
        target[:rows, :letters] = requested[:, :letters]
        target[:rows, self._letters :] = requested[:, letters:]
        self._requested.copy_(self._host_requested, non_blocking=True)
        self._run(0)
        self._run(1)

    def finish(self) -> np.ndarray[Any, Any]:
        """Take what steps are left; the outputs, [U, B, *], until the next one."""
        turns = STEPS
        while self._going.item():  # the one place where the host waits
            self._run(1)
            turns += STEPS
        tokens = self._host_spoken[:turns]
        return tokens.copy_(self._spoken[:turns]).numpy()

    def _run(self, which: int) -> None:
        if self._replays:
            self._replays[which]()
        else:
            (self._encode, self._go_on)[which]()

    # What is captured

    def _words(self) -> tuple[Tensor, Tensor]:
        """Letters [B, T] and their counts [B]."""
        return self._requested[:, : self._letters], self._requested[:, self._letters]

    def _before_the_first_step(self) -> _Progress:
        left = self._requested[:, self._letters + 1]
        latest = left.new_full((len(left), LARGEST), _NOTHING)
        return _Progress(torch.full_like(left, self._start), left, latest, torch.zeros_like(latest))

    def _encode(self) -> None:
        """Read the words, and get ready for the first step."""
        memory, before = self._network.encode(*self._words())
        _keep(self._memory, memory)
        self._hand_on(before, self._before_the_first_step())
        self._turn.zero_()

    def _go_on(self) -> None:
        """Take `STEPS` steps."""
        before, progress, all_spoken = self._before, self._progress, []
        for _ in range(STEPS):
            scores, before = self._network.step(progress.label, before, self._memory)
            progress, chance = self._choose(scores, progress)
            all_spoken.append(_spoken(self._network, progress.label, chance, scores))
        steps = torch.arange(STEPS, device=self._turn.device)
        self._spoken.index_copy_(0, self._turn + steps, torch.stack(all_spoken))
        self._turn.add_(STEPS)
        self._hand_on(before, progress)
        self._going.copy_((progress.left > 0).any())

    def _choose(self, scores: Tensor, before: _Progress) -> tuple[_Progress, Tensor]:
        """Each word's likeliest symbol that makes no circle, and its probability [B]."""
        circling = before.run_limits >= self._requested[:, -LARGEST:]
        against = torch.zeros_like(circling, dtype=scores.dtype).masked_fill_(circling, -math.inf)
        logits = scores[:, : self._network.config.output_symbols]
        # Before anything was said, no streak reaches its limit, whatever it is of
        logits = logits.scatter_add(1, before.latest.clamp(min=0), against)
        # No word is empty: at its first step </s> is not taken (see `decoding.reference`)
        end = torch.arange(logits.shape[1], device=logits.device) == self._end
        first = (before.latest[:, :1] == _NOTHING) & end
        label = logits.masked_fill(first, -math.inf).argmax(dim=1)
        column = label.unsqueeze(1)
        chance = logits.softmax(dim=1).gather(1, column).squeeze(1).clamp(min=2.0**-126)
        progress = _Progress(
            label,
            (before.left - 1).masked_fill_(label == self._end, 0),
            torch.cat([column, before.latest[:, :-1]], dim=1),
            (before.run_limits + 1) * (column == before.latest),
        )
        return progress, chance

    def _hand_on(self, before: Carried, progress: _Progress) -> None:
        _keep(self._before.h, before.h)
        _keep(self._before.c, before.c)
        self._before.fed.copy_(before.fed)
        _keep(self._progress, progress)


def _keep(buffers: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for buffer, value in zip(buffers, values, strict=True):
        buffer.copy_(value)


def _spoken(network: FusedNetwork, label: Tensor, chance: Tensor, scores: Tensor) -> Tensor:
    """All that is kept of a step, [B, 2 or 6]: symbol, probability, logits of the stress classes.

    As one tensor, since it is written and fetched at once; float32 holds any symbol's index.
    """
    figures = torch.stack([label.to(chance.dtype), chance], dim=1)
    return torch.cat([figures, network.stress(scores, label)], dim=1)


def _answers(tokens: Array, bounds: Array, end: int, bias: Array) -> Iterator[Decoded]:
    """Answers of B words with these bounds [B], from what was said, [U, B, *] (see `_spoken`)."""
    symbols = tokens[:, :, 0].astype(np.int64)
    ended = (symbols == end) & (np.arange(len(tokens))[:, None] < bounds)
    complete = ended.any(axis=0)
    counts = np.where(complete, ended.argmax(axis=0), bounds)
    classes: Sequence[Sequence[int] | None] = [None] * len(bounds)
    if tokens.shape[2] > 2:
        logits = tokens[:, :, 2:] + bias[symbols]
        classes = one_primary(logits.transpose(1, 0, 2), counts).tolist()
    for row, chances, count, whole, marks in zip(
        symbols.T.tolist(),
        tokens[:, :, 1].T.tolist(),
        counts.tolist(),
        complete.tolist(),
        classes,
        strict=True,
    ):
        yield Decoded(row[:count], chances[: count + whole], whole, marks and marks[:count])


def _power_of_two(number: int) -> int:
    """The smallest that is at least so much."""
    return 1 << (number - 1).bit_length()


def _letters_of_buffers(letters: int) -> int:
    """4, 6, 8, 12, 16, 24, ...: the smallest of these that is at least so much."""
    above = max(4, _power_of_two(letters))
    between = above * 3 // 4
    return between if between >= max(4, letters) else above

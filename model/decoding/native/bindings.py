"""Bindings of the compiled decoder: lay out a network for `decode.c`, and read its results.

Shapes: V symbols, N outputs, K inputs.
"""

from __future__ import annotations

import ctypes
import math
from array import array
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from tanger.model.decoding.hypothesis import Decoded, length_bound
from tanger.model.network.config import NetworkConfig
from tanger.model.network.weights import (
    Array,
    LstmWeights,
    embedding,
    encoder_lstm_names,
    lstm_weights,
    quantise,
    stabiliser_factor,
)
from tanger.model.phonology import stress
from tanger.model.phonology.phoneme_set import stress_bias
from tanger.model.phonology.vocabulary import Vocabulary, frame

_TILE_N = 32  # outputs per panel of weights, as in decode.c
_LANES = 16  # logits computed together
_ZERO = 128  # quantised state that stands for zero
_LEVELS = 127  # quantisation levels from 0 to 1
_WIDEST = 1 << 12  # largest beam
_REFUSED = -2  # return value of C for arguments that are not valid


class _Product(ctypes.Structure):
    _fields_ = (
        ("inputs", ctypes.c_int32),
        ("outputs", ctypes.c_int32),
        ("weights", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
    )


class _Layer(ctypes.Structure):
    _fields_ = (
        ("table", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("input", _Product),
        ("hidden", _Product),
    )


class _Network(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in (
            "hidden", "width", "directions", "reads_backward", "encoder_layers", "decoder_layers",
            "init_each_layer", "attention", "add_bos_eos", "symbols", "padded_symbols", "start",
            "end",
        )),
        ("encoder", ctypes.POINTER(_Layer)),
        ("decoder", ctypes.POINTER(_Layer)),
        ("key", _Product),
        ("output_projection", _Product),
        *((name, ctypes.c_void_p) for name in (
            "zeros", "output_weight", "output_bias", "stress_of_top", "stress_of_symbol",
        )),
    )  # fmt: skip


class _Answers(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in ("symbols", "probabilities", "stress", "counts", "complete", "found")
    )


class _Forced(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("attention", "logits", "stress"))


_ARGUMENTS = (
    ctypes.POINTER(_Network), ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int,
    ctypes.c_int, ctypes.POINTER(_Answers),
)  # fmt: skip
_FORCED_ARGUMENTS = (
    ctypes.POINTER(_Network), ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
    ctypes.c_void_p, ctypes.POINTER(_Forced),
)  # fmt: skip

# Graphemes of a word, and labels to decode.
Labelled = tuple[Sequence[int], Sequence[int]]


class NativeNetwork:
    """A quantised network: greedy and beam decoding, and scores of given labels."""

    def __init__(
        self,
        library: ctypes.CDLL,
        config: NetworkConfig,
        weights: Mapping[str, Array],
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        logit_bias: Array,
    ) -> None:
        """Quantise the weights and lay them out.

        Args:
            library: returned by `decoding.native.build.library`.
            config: configuration of the network.
            weights: float32, by their names in `Seq2Seq`.
            graphemes: input vocabulary.
            phonemes: output vocabulary.
            logit_bias: [V] added to the logits.

        Raises:
            KeyError: if a weight is missing.
            ValueError: if a weight has another shape than the configuration requires.
        """
        self._decode = library.tanger_decode
        self._decode.argtypes = _ARGUMENTS
        self._decode.restype = ctypes.c_int
        self._force = library.tanger_force
        self._force.argtypes = _FORCED_ARGUMENTS
        self._force.restype = ctypes.c_int
        self._config = config
        self._graphemes = graphemes
        self._kept: list[Any] = []  # arrays that C points to
        sizes = (config.input_symbols, config.output_symbols)
        if sizes != (len(graphemes), len(phonemes)):
            raise ValueError(f"a network of {sizes[0]} graphemes and {sizes[1]} phonemes")
        self._network = self._laid_out(weights, logit_bias, phonemes)

    def decode(self, rows: Sequence[Sequence[int]]) -> list[Decoded]:
        """Return the greedy answers to encoded words (see `Decoder`).

        Args:
            rows: grapheme indices of each word, none empty, the longest first.

        Raises:
            MemoryError: if there is not enough memory.
            ValueError: if `rows` are not as described.
        """
        decoded, _ = self._answers(rows, 1)
        return decoded

    def beam(self, rows: Sequence[Sequence[int]], width: int) -> list[list[Decoded]]:
        """Return several answers to each encoded word (see `Decoder`).

        Args:
            rows: see `decode`.
            width: largest number of answers per word.

        Raises:
            MemoryError: if there is not enough memory.
            ValueError: if `rows` are not as described or `width` is out of range.
        """
        decoded, found = self._answers(rows, width)
        answers = iter(decoded)
        return [list(islice(answers, count)) for count in found]

    def attention(self, pairs: Sequence[Labelled]) -> list[Array]:
        """Return the attention weights of each label's step: [U, T] for each word.

        T includes ``<s>`` and ``</s>`` if the network reads them. The network must have attention.

        Args:
            pairs: words, none empty, the longest first, with U labels each; U may be 0.

        Raises:
            MemoryError: if there is not enough memory.
            ValueError: if `pairs` are not as described, or the network has no attention.
        """
        if not self._config.attention:
            raise ValueError("a network without attention")
        letters, lengths = self._letters([row for row, _ in pairs])
        labels, steps = self._labels(pairs)
        areas = steps.astype(np.int64) * lengths
        found = np.empty(areas.sum(), np.float32)
        self._forced(letters, lengths, labels, steps, _Forced(attention=_at(found)))
        parts = np.split(found, areas.cumsum()[:-1])
        shapes = zip(steps.tolist(), lengths.tolist(), strict=True)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def forced(self, pairs: Sequence[Labelled]) -> list[tuple[Array, Array | None]]:
        """Return the logits of every symbol at each label's step, given the preceding labels.

        Args:
            pairs: see `attention`.

        Returns:
            For each word [U, V], and from a network with a stress head [U, 4], the logits of the
            stress classes of its labels.

        Raises:
            MemoryError, ValueError: see `attention`.
        """
        letters, lengths = self._letters([row for row, _ in pairs])
        labels, steps = self._labels(pairs)
        logits = np.empty((steps.sum(), self._config.output_symbols), np.float32)
        marks = np.empty((steps.sum(), stress.CLASSES), np.float32) if self._config.stress else None
        into = _Forced(logits=_at(logits), stress=None if marks is None else _at(marks))
        self._forced(letters, lengths, labels, steps, into)
        ends = steps.cumsum()[:-1]
        of_words = np.split(logits, ends)
        classes = [None] * len(pairs) if marks is None else np.split(marks, ends)
        return list(zip(of_words, classes, strict=True))

    def _forced(
        self, letters: Array, lengths: Array, labels: Array, steps: Array, into: _Forced
    ) -> None:
        outcome = self._force(
            self._network, len(lengths), _at(letters), _at(lengths), _at(labels), _at(steps), into
        )
        if outcome == _REFUSED:
            raise ValueError("an empty word, or too many words")
        if outcome:
            raise MemoryError(f"for {len(lengths)} words of up to {lengths[0]} letters")

    def _letters(self, rows: Sequence[Sequence[int]]) -> tuple[Array, Array]:
        """Concatenate the letters of all words; return them and the number of letters per word.

        Raises:
            ValueError: if a word is empty, the longest is not first, or an index is out of range.
        """
        length = max(map(len, rows), default=0)
        if not length or len(rows[0]) != length:
            raise ValueError("no words, or not the longest first")
        if self._config.add_bos_eos:
            rows = [frame(row, self._graphemes, add_bos_eos=True) for row in rows]
        lengths = np.fromiter(map(len, rows), np.int32, len(rows))
        letters = np.fromiter(chain.from_iterable(rows), np.int32, lengths.sum())
        if not 0 <= letters.min() <= letters.max() < self._config.input_symbols:
            raise ValueError(f"letters outside of the {self._config.input_symbols} that there are")
        return letters, lengths

    def _labels(self, pairs: Sequence[Labelled]) -> tuple[Array, Array]:
        """Concatenate the labels of all words; return them and the number of labels per word.

        Raises:
            ValueError: if an index is out of range.
        """
        steps = np.fromiter((len(labels) for _, labels in pairs), np.int32, len(pairs))
        labels = np.fromiter(
            chain.from_iterable(labels for _, labels in pairs), np.int32, steps.sum()
        )
        if labels.size and not 0 <= labels.min() <= labels.max() < self._config.output_symbols:
            raise ValueError(f"labels outside of the {self._config.output_symbols} that there are")
        return labels, steps

    def _answers(
        self, rows: Sequence[Sequence[int]], width: int
    ) -> tuple[list[Decoded], list[int]]:
        """Return the answers to all words, concatenated, and the number of answers per word."""
        words = len(rows)
        if not 0 < width <= _WIDEST:
            raise ValueError(f"a beam of {width}, not of 1 to {_WIDEST}")
        letters, lengths = self._letters(rows)
        length = len(rows[0])
        room = length_bound(length)
        slots = words * width
        symbols = np.empty(slots * room, np.uint16)
        probabilities = np.empty(slots * room, np.float32)
        marks = np.empty(slots * room, np.uint8) if self._config.stress else None
        counts, complete = np.empty(slots, np.int32), np.empty(slots, np.bool_)
        found = np.empty(words, np.int32)
        answers = _Answers(
            _at(symbols), _at(probabilities), None if marks is None else _at(marks),
            _at(counts), _at(complete), _at(found),
        )  # fmt: skip
        outcome = self._decode(
            self._network, words, _at(letters), _at(lengths), width, room, answers
        )
        if outcome == _REFUSED:
            raise ValueError("an empty word, or too many words")
        if outcome:
            raise MemoryError(f"for {slots} answers to words of up to {length} letters")
        several = found.tolist()
        counts, complete = counts[: sum(several)], complete[: sum(several)]
        following = (counts + complete).cumsum()  # end of each answer's steps
        last = following - complete  # end of each answer's symbols
        steps = following[-1]
        first = [0, *following[:-1].tolist()]
        tokens, values = symbols[:steps].tolist(), array("f", probabilities[:steps].tobytes())
        places = zip(first, last.tolist(), following.tolist(), complete.tolist(), strict=True)
        classes = None if marks is None else marks[:steps].tobytes()
        return [
            Decoded(tokens[i:j], values[i:k], whole, None if classes is None else classes[i:j])
            for i, j, k, whole in places
        ], several

    def _laid_out(
        self, weights: Mapping[str, Array], logit_bias: Array, phonemes: Vocabulary
    ) -> _Network:
        config = self._config
        names = encoder_lstm_names(config)
        hidden, width = config.hidden, config.hidden // len(names)
        stabiliser = stabiliser_factor(config, weights)
        letters = embedding(weights, "input", config.input_symbols) * stabiliser
        labels = embedding(weights, "label", config.output_symbols) * stabiliser
        _check(letters, config.input_symbols, config.input_width)
        _check(labels, config.output_symbols, config.label_width)

        encoder = []
        for height in range(config.encoder_layers):
            for name in names:
                lstm = lstm_weights(weights, f"encoder.layers.{height}.{name}")
                _check_lstm(lstm, hidden if height else config.input_width, width)
                layer = _Layer(hidden=self._product(lstm.hidden, parts=1))
                if height:
                    layer.input = self._product(lstm.input, parts=len(names))
                    layer.bias = self._floats(_padded(lstm.bias, _TILE_N))
                else:
                    layer.table = self._floats(_padded(letters @ lstm.input.T + lstm.bias, _TILE_N))
                encoder.append(layer)

        decoder = []
        fed = hidden if config.attention else 0
        for height in range(config.decoder_layers):
            lstm = lstm_weights(weights, f"decoder.layers.{height}")
            _check_lstm(lstm, hidden if height else config.label_width + fed, hidden)
            of_label, of_below = np.split(lstm.input, [0 if height else config.label_width], axis=1)
            both = np.concatenate([of_below, lstm.hidden], axis=1)
            layer = _Layer(hidden=self._product(both, parts=both.shape[1] // hidden))
            if height:
                layer.bias = self._floats(_padded(lstm.bias, _TILE_N))
            else:
                layer.table = self._floats(_padded(labels @ of_label.T + lstm.bias, _TILE_N))
            decoder.append(layer)

        output = _check(weights["output.weight"], config.output_symbols, hidden) * stabiliser
        bias = _check(weights["output.bias"], config.output_symbols) + logit_bias
        output = _padded(output.T, _LANES)
        network = _Network(
            hidden=hidden, width=width, directions=len(names),
            reads_backward=config.direction == "backward",
            encoder_layers=config.encoder_layers, decoder_layers=config.decoder_layers,
            init_each_layer=config.decoder_init == "each", attention=config.attention,
            add_bos_eos=config.add_bos_eos, symbols=config.output_symbols,
            padded_symbols=output.shape[1], start=phonemes.start, end=phonemes.end,
            encoder=(_Layer * len(encoder))(*encoder), decoder=(_Layer * len(decoder))(*decoder),
            zeros=self._floats(np.zeros(4 * hidden + _TILE_N)),
            output_weight=self._floats(output),
            output_bias=self._floats(_padded(bias, _LANES, filled=-np.inf)),
        )  # fmt: skip
        if config.attention:
            key = _check(weights["decoder.attention.key.weight"], hidden, hidden)
            projection = _check(
                weights["decoder.attention.output_projection.weight"], hidden, 2 * hidden
            )
            network.key = self._product(key / math.sqrt(hidden), parts=len(names))
            network.output_projection = self._product(projection, parts=2)
        if config.stress:
            of_top = _check(weights["stress_head.of_top.weight"], stress.CLASSES, hidden)
            of_symbol = _check(
                weights["stress_head.of_phoneme.weight"], config.output_symbols, stress.CLASSES
            )
            bias = _check(weights["stress_head.of_top.bias"], stress.CLASSES)
            network.stress_of_top = self._floats(of_top * stabiliser)
            network.stress_of_symbol = self._floats(of_symbol + bias + stress_bias(phonemes))
        return network

    def _product(self, weight: Array, *, parts: int) -> _Product:
        """Lay out a weight [N, K] for inputs of `parts` parts, each padded to a multiple of 4."""
        quantised, scale = quantise(weight.T)  # [K, N], [N]
        each = quantised.reshape(parts, -1, quantised.shape[1])
        each = np.pad(each, ((0, 0), (0, -each.shape[1] % 4), (0, 0)))
        quantised = _padded(each.reshape(-1, quantised.shape[1]), _TILE_N)
        inputs, outputs = quantised.shape
        panels = quantised.reshape(inputs // 4, 4, outputs // _TILE_N, _TILE_N)
        panels = panels.transpose(2, 0, 3, 1)
        return _Product(
            inputs=inputs,
            outputs=outputs,
            weights=self._keep(panels, np.int8),
            offsets=self._keep(-_ZERO * quantised.sum(axis=0, dtype=np.int32), np.int32),
            scales=self._floats(_padded(scale / _LEVELS, _TILE_N)),
        )

    def _floats(self, values: Array) -> int:
        return self._keep(values, np.float32)

    def _keep(self, values: Array, kind: type[np.generic]) -> int:
        """Copy the values to an array that lives as long as this object; return its address."""
        array = np.ascontiguousarray(values, kind)
        self._kept.append(array)
        return _at(array)


def _at(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]  # array.ctypes takes five times as long
    return address


def _check(values: Array, *shape: int) -> Array:
    """Return the values if they have this shape; C would read out of bounds otherwise."""
    if values.shape != shape:
        raise ValueError(f"weights of {values.shape}, not {shape}")
    return values


def _check_lstm(lstm: LstmWeights, inputs: int, width: int) -> None:
    _check(lstm.input, 4 * width, inputs)
    _check(lstm.hidden, 4 * width, width)
    _check(lstm.bias, 4 * width)


def _padded(values: Array, multiple: int, filled: float = 0) -> Array:
    """Pad the last axis to a multiple of `multiple`."""
    following = -values.shape[-1] % multiple
    axes = [(0, 0)] * (values.ndim - 1) + [(0, following)]
    return np.pad(values, axes, constant_values=filled)

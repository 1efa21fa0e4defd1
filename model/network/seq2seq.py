"""The sequence-to-sequence network: stacked LSTMs, with or without attention.

A `NetworkConfig` can describe two architectures. The first is that of CNTK's 599A tutorial: one-hot
symbols, an encoder that reads backwards, whose last state (the thought vector) initialises the
decoder's first layer, and one shared self-stabiliser. The second is more accurate: embeddings, a
bidirectional encoder, and attention with input feeding (Luong et al. 2015, "Effective Approaches to
Attention-based Neural Machine Translation", section 3.3).

Shapes: B batch, T input steps, U output steps, H hidden, V symbols. Inside the network, sequences
are time-major, so that a step is a contiguous slice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tanger.model.network import lstm
from tanger.model.network.config import NetworkConfig
from tanger.model.network.lstm import LSTM, State, UnrolledLinear, cell
from tanger.model.phonology import stress


class EncoderOutput(NamedTuple):
    """The encoder's output for a batch of words, which the decoder reads.

    Attributes:
        start: state of each decoder layer before the first step.
        keys: [B, T, H] attention keys, scaled by 1/sqrt(H).
        values: [B, T, H] attention values: the encoder's top states.
        padding: [B, T] true beyond the end of a row; None if no row is padded.
    """

    start: tuple[State, ...]
    keys: Tensor
    values: Tensor
    padding: Tensor | None

    def of(self, words: Tensor) -> EncoderOutput:
        """Return the output for the words with indices `words` [N]; indices may be repeated."""
        start = tuple(State(h[words], c[words]) for h, c in self.start)
        padding = None if self.padding is None else self.padding[words]
        return EncoderOutput(start, self.keys[words], self.values[words], padding)


class DecoderState(NamedTuple):
    """State of the decoder between two steps.

    Attributes:
        layers: state of each layer.
        top: [B, H] input of the output layer and the stress head; with attention, the attention
            vector.
    """

    layers: tuple[State, ...]
    top: Tensor


class Scores(NamedTuple):
    """Logits of each decoder step.

    Attributes:
        phonemes: [B, U, V].
        stress: [B, U, 4] logits of the stress classes (see `phonology.stress`), given the phoneme;
            None without a stress head.
    """

    phonemes: Tensor
    stress: Tensor | None


class Stabiliser(nn.Module):
    """Scales its input with one learnt scalar a: y = x * softplus(4 a) / 4, initially y = x.

    Source: CNTK's ``Stabilizer`` layer, after Ghahremani & Droppo (2016), "Self-stabilized deep
    neural network".
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(math.log(math.expm1(4.0)) / 4.0))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the input."""
        return x * (F.softplus(4.0 * self.scale) / 4.0)


class SymbolEmbedding(nn.Module):
    """Maps indices [...] to vectors [..., width]: learnt, or one-hot if `width` is 0."""

    def __init__(self, symbols: int, width: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.weight = nn.Parameter(torch.randn(symbols, width)) if width else None

    def forward(self, indices: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the vectors of the symbols at `indices`."""
        if self.weight is None:
            return F.one_hot(indices, self.symbols).to(dtype)
        return F.embedding(indices, self.weight)


def reverse_rows(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse each row of [T, B, *] within its own length; padding stays in place."""
    if lengths is None:
        return sequence.flip(0)
    steps = torch.arange(sequence.shape[0], device=sequence.device).unsqueeze(1)  # [T, 1]
    mirrored = lengths.to(sequence.device) - 1 - steps  # [T, B]
    source = torch.where(mirrored >= 0, mirrored, steps)
    return sequence.gather(0, source.unsqueeze(2).expand_as(sequence))


class EncoderLayer(nn.Module):
    """One LSTM, or two in opposite directions with concatenated outputs."""

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
        width = hidden // 2 if bidirectional else hidden
        self.forward_lstm = LSTM(inputs, width)
        self.backward_lstm = LSTM(inputs, width) if bidirectional else None

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Map inputs [T, B, I] to states [T, B, H] and the last state (h, c), [B, H] each."""
        outputs, last = self.forward_lstm(x, lengths)
        if self.backward_lstm is None:
            return outputs, last
        back, last_back = self.backward_lstm(reverse_rows(x, lengths), lengths)
        outputs = torch.cat([outputs, reverse_rows(back, lengths)], dim=2)
        return outputs, State(
            torch.cat([last.h, last_back.h], dim=1), torch.cat([last.c, last_back.c], dim=1)
        )


class Encoder(nn.Module):
    """Stacked LSTMs over the embedded graphemes."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        bidirectional = config.direction == "bidirectional"
        self.backward_reading = config.direction == "backward"
        self.layers = nn.ModuleList(
            EncoderLayer(
                config.hidden if height else config.input_width,
                config.hidden,
                bidirectional=bidirectional,
            )
            for height in range(config.encoder_layers)
        )
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, list[State]]:
        """Map inputs [T, B, I] to the top layer's states [T, B, H] and each layer's last state.

        `lengths` [B] is None if no row is padded.
        """
        if self.backward_reading:
            x = reverse_rows(x, lengths)
        lasts = []
        for height, layer in enumerate(self.layers):
            x, last = layer(self.dropout(x) if height else x, lengths)
            lasts.append(last)
        return (reverse_rows(x, lengths) if self.backward_reading else x), lasts


class Attention(nn.Module):
    """Scaled dot-product attention; context and query are combined by a tanh layer."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.output_projection = nn.Linear(2 * hidden, hidden, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        """Compute the scaled keys of encoder states [B, T, H], once per word."""
        keys: Tensor = self.key(values).to(values.dtype)
        return keys / math.sqrt(self.hidden)

    def forward(self, query: Tensor, encoder_output: EncoderOutput) -> Tensor:
        """Map a query [B, H] to the attention vector [B, H]: tanh(W [context; query])."""
        projected: Tensor = self.output_projection(self.attend(query, encoder_output))
        return projected.tanh()

    def unroll(self, labels: Tensor) -> UnrolledLinear:
        """Return the tanh layer's linear map, for the steps and rows of `labels` [U, B, *]."""
        return UnrolledLinear(
            labels.new_zeros(*labels.shape[:2], self.hidden), self.output_projection.weight
        )

    def attend(self, query: Tensor, encoder_output: EncoderOutput) -> Tensor:
        """Map a query [B, H] to its context vector concatenated with itself, [B, 2H]."""
        with lstm.products_in_bfloat16(query.device, enabled=False):  # too small to be faster
            weights = self.attention_weights(query, encoder_output)  # [B, 1, T]
            context = torch.bmm(weights, encoder_output.values).squeeze(1)  # [B, H]
        return torch.cat([context, query], dim=1)

    def attention_weights(self, query: Tensor, encoder_output: EncoderOutput) -> Tensor:
        """Return the attention weights of a query [B, H] over the encoder's states, [B, 1, T]."""
        scores = torch.bmm(query.unsqueeze(1), encoder_output.keys.transpose(1, 2))
        if encoder_output.padding is not None:
            scores = scores.masked_fill(encoder_output.padding.unsqueeze(1), -math.inf)
        return scores.softmax(dim=2)


class Decoder(nn.Module):
    """Stacked LSTMs over the embedded labels: one step for decoding, or all steps for training."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.fed = config.hidden if config.attention else 0
        self.layers = nn.ModuleList(
            LSTM(config.hidden if height else config.label_width + self.fed, config.hidden)
            for height in range(config.decoder_layers)
        )
        self.attention = Attention(config.hidden) if config.attention else None
        self.dropout = Dropout(config.dropout)

    def step(
        self, x: Tensor, state: DecoderState, encoder_output: EncoderOutput
    ) -> tuple[Tensor, DecoderState]:
        """Compute one step: embedded labels [B, E] -> output layer's input [B, H], next state."""
        states = []
        if self.attention is not None:
            x = torch.cat([x, state.top], dim=1)
        for layer, before in zip(self.layers, state.layers, strict=True):
            assert isinstance(layer, LSTM)
            states.append(layer.step(x, before))
            x = states[-1].h
        if self.attention is not None:
            x = self.attention(x, encoder_output)
        return x, DecoderState(tuple(states), x)

    def forward(self, labels: Tensor, encoder_output: EncoderOutput) -> Tensor:
        """Compute all steps for known labels: embedded labels [U, B, E] -> [U, B, H] (see `step`).

        What does not depend on an earlier step is computed for all steps at once.
        """
        layers = []
        for height, layer in enumerate(self.layers):
            assert isinstance(layer, LSTM)
            layers.append(layer.unroll(labels if height == 0 else labels[..., :0]))
        projection = None if self.attention is None else self.attention.unroll(labels)
        states, fed = list(encoder_output.start), labels.new_zeros(labels.shape[1], self.fed)
        tops = []
        for _ in labels:
            x = fed
            for height, gates in enumerate(layers):
                x = self.dropout(x) if height else x
                h, c = states[height]
                states[height] = cell(gates(torch.cat([x, h], dim=1)), c)
                x = states[height].h
            if self.attention is not None and projection is not None:
                # No dropout on the query and on the vector that is fed back: it made the network
                # worse
                x = fed = projection(self.attention.attend(x, encoder_output)).tanh()
            tops.append(x)
        dropped: Tensor = self.dropout(torch.stack(tops))
        return dropped


class StressHead(nn.Module):
    """Predicts the stress of a phoneme from the output layer's input and the phoneme."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.of_top = nn.Linear(config.hidden, stress.CLASSES)
        self.of_phoneme = nn.Embedding(config.output_symbols, stress.CLASSES)

    def forward(self, tops: Tensor, phonemes: Tensor) -> Tensor:
        """Map vectors [..., H] and phoneme indices [...] to logits [..., 4]."""
        logits: Tensor = self.of_top(tops) + self.of_phoneme(phonemes)
        return logits


class Seq2Seq(nn.Module):
    """The whole network: maps graphemes to logits of each phoneme at each step."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.input_embedding = SymbolEmbedding(config.input_symbols, config.embedding)
        self.label_embedding = SymbolEmbedding(config.output_symbols, config.embedding)
        self.stabiliser = Stabiliser() if config.stabiliser else nn.Identity()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.output = nn.Linear(config.hidden, config.output_symbols)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.stress_head = StressHead(config) if config.stress else None
        self.dropout = Dropout(config.dropout)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return self.output.weight.dtype

    def encode(self, graphemes: Tensor, lengths: Tensor) -> EncoderOutput:
        """Run the encoder on a batch of words.

        Args:
            graphemes: [B, T] indices.
            lengths: [B] on the CPU, so that reading them does not wait for the device.
        """
        if bool((lengths == graphemes.shape[1]).all()):
            return self.encode_on_device(graphemes, None)
        return self.encode_on_device(graphemes, lengths.to(graphemes.device))

    def encode_on_device(self, graphemes: Tensor, lengths: Tensor | None) -> EncoderOutput:
        """Run the encoder without reading values on the host, so that CUDA graphs can capture it.

        Args:
            graphemes: [B, T] indices, arbitrary beyond the end of a word.
            lengths: [B] on the same device; None if no row is padded.
        """
        x = self.input_embedding(graphemes.t(), self.dtype)  # [T, B, I]
        states, lasts = self.encoder(self.dropout(self.stabiliser(x)), lengths)
        values = states.transpose(0, 1).contiguous()  # [B, T, H]
        attention = self.decoder.attention
        return EncoderOutput(
            start=self._decoder_init(lasts),
            keys=values if attention is None else attention.keys(values),
            values=values,
            padding=None
            if lengths is None
            else torch.arange(len(x), device=graphemes.device) >= lengths.unsqueeze(1),
        )

    def _decoder_init(self, lasts: list[State]) -> tuple[State, ...]:
        if self.config.decoder_init == "each":
            return tuple(lasts)
        h, c = lasts[-1]
        further = range(self.config.decoder_layers - 1)
        return (lasts[-1], *(State(torch.zeros_like(h), torch.zeros_like(c)) for _ in further))

    def start(self, encoder_output: EncoderOutput) -> DecoderState:
        """Return the decoder's state before the first step."""
        return DecoderState(encoder_output.start, torch.zeros_like(encoder_output.values[:, 0]))

    def step(
        self, labels: Tensor, state: DecoderState, encoder_output: EncoderOutput
    ) -> tuple[Tensor, DecoderState]:
        """Run one decoder step: previous labels [B] -> logits [B, V], next state."""
        x: Tensor = self.stabiliser(self.label_embedding(labels, self.dtype))
        x, state = self.decoder.step(x, state, encoder_output)
        return self.output(self.stabiliser(x)), state

    def reorder(self, state: DecoderState, rows: Tensor) -> DecoderState:
        """Return a state whose rows are the rows `rows` [B] of `state`."""
        layers = tuple(State(h[rows], c[rows]) for h, c in state.layers)
        return DecoderState(layers, state.top[rows])

    def attention_weights(self, state: DecoderState, encoder_output: EncoderOutput) -> Tensor:
        """Return the attention weights [B, T] of the step that led to `state`; needs attention."""
        assert self.decoder.attention is not None
        query = state.layers[-1].h
        return self.decoder.attention.attention_weights(query, encoder_output).squeeze(1)

    def stress(self, states: Sequence[DecoderState], phonemes: Tensor) -> Tensor | None:
        """Return stress logits [B, U, 4] of decoded phonemes, given the state after each step."""
        if self.stress_head is None:
            return None
        tops = torch.stack([self.stabiliser(state.top) for state in states], dim=1)
        logits: Tensor = self.stress_head(tops, phonemes)
        return logits

    def forward(
        self, graphemes: Tensor, lengths: Tensor, labels: Tensor, words: Tensor | None = None
    ) -> Scores:
        """Run the network with teacher forcing: each step reads a true label and predicts the next.

        Args:
            graphemes: [B, T] indices.
            lengths: [B] on the CPU.
            labels: [N, U + 1] from ``<s>`` to ``</s>``.
            words: [N] index of the word of each row of labels; by default N is B and each row
                belongs to the word with its own index.

        Returns:
            Logits of the labels after ``<s>``; undefined beyond the end of a row.
        """
        encoder_output = self.encode(graphemes, lengths)
        if words is not None:
            encoder_output = encoder_output.of(words)
        embedded = self.label_embedding(labels[:, :-1].t(), self.dtype)  # [U, B, E]
        tops = self.decoder(self.dropout(self.stabiliser(embedded)), encoder_output)  # [U, B, H]
        tops = self.stabiliser(tops.transpose(0, 1))
        head = self.stress_head
        return Scores(self.output(tops), None if head is None else head(tops, labels[:, 1:]))


# ------------------------------------------------------------------------------------------------
# Dropout that is fast on a CPU.


_LEAST = torch.iinfo(torch.int64).min


class Dropout(nn.Module):
    """Sets a part (`rate`) of the activations to zero in training, and scales up the others.

    torch's dropout draws one random number per activation, which takes a CPU as long as a quarter
    of the preceding matrix product. Here one draw serves eight activations, and the rate is a
    multiple of 1/256.

    Source: Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting".
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.dropped = round(256 * rate)  # of the 256 values of a byte

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout in training mode."""
        if not self.training or not self.dropped:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.rate)
        draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(_LEAST, None)
        kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * kept.to(x.dtype).mul_(256 / (256 - self.dropped))


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Pad rows of indices with zeros to one tensor [B, longest]; return it and the lengths [B]."""
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = torch.tensor(row)
    return padded, lengths

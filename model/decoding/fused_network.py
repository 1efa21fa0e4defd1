"""A network laid out for a GPU: few kernels a step, and every shape known beforehand.

The same function as `network.seq2seq`, whose weights it takes. What hangs on a symbol alone is
looked up: the gates of the first encoder layer, and the labels' part of those of the first decoder
layer. Each later product of a layer and step is one, [x, h] times the two weights side by side;
both directions of an encoder layer go through one batched product; all heads are one product.
Nothing looks at a value on the way, so that it can be captured in a CUDA graph.

Shapes: B words, T letters, D directions, H hidden, V phonemes; K is V, and 4 more with a stress
head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from tanger.model.network.lstm import LSTM, State, cell
from tanger.model.network.seq2seq import Attention, EncoderLayer, Seq2Seq, SymbolEmbedding


class EncoderOutput(NamedTuple):
    """What the decoder knows of the words; of a network without attention, nothing but padding.

    Attributes:
        keys: [B, T, H] the encoder's states as attention compares them, scaled.
        values: [B, T, H] the encoder's states as attention mixes them.
        mask: [B, 1, T] minus infinity where a row has ended, zero elsewhere.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor


class Carried(NamedTuple):
    """What one step hands to the next.

    Attributes:
        fed: [B, H] the attention vector; [B, 0] of a network without attention.
        h, c: [B, H] of each layer.
    """

    fed: Tensor
    h: tuple[Tensor, ...]
    c: tuple[Tensor, ...]


class _Product:
    """offset + x W: products in one precision, offset and sums in that of x.

    With three dimensions it is a batch of them, one a direction.
    """

    def __init__(self, weight: Tensor, dtype: torch.dtype) -> None:
        """Take W transposed, [..., O, I]."""
        self._weight = weight.mT.to(dtype).contiguous()

    def __call__(self, x: Tensor, offset: Tensor) -> Tensor:
        """Of x [..., N, I] and an offset that broadcasts to [..., N, O]: [..., N, O]."""
        if x.dtype != self._weight.dtype:
            return offset + x.to(self._weight.dtype) @ self._weight
        if x.dim() == 3:
            return torch.baddbmm(offset, x, self._weight)
        return torch.addmm(offset, x, self._weight)

    def onto(self, offset: Tensor, x: Tensor) -> Tensor:
        """The same, into `offset` [..., N, O] itself: no copy of it has to be made first."""
        if x.dtype != self._weight.dtype:
            return offset.add_(x.to(self._weight.dtype) @ self._weight)
        return offset.baddbmm_(x, self._weight) if x.dim() == 3 else offset.addmm_(x, self._weight)


class _Order:
    """Letters of words of several lengths, read ahead or back; all rows are of [T B, *]."""

    def __init__(self, lengths: Tensor, letters: int) -> None:
        """Words of these lengths [B], padded to so many letters."""
        steps = torch.arange(letters, device=lengths.device).unsqueeze(1)  # [T, 1]
        words = torch.arange(len(lengths), device=lengths.device)  # [B]
        mirrored = lengths - 1 - steps  # [T, B]
        source = torch.where(mirrored >= 0, mirrored, steps)
        self._turned = (source * len(lengths) + words).flatten()
        self._last = (lengths - 1) * len(lengths) + words

    def turned(self, rows: Tensor, back: bool) -> Tensor:
        """Each word turned round within its own length, where `back`: twice is not at all."""
        return rows.index_select(0, self._turned) if back else rows

    def last(self, rows: Tensor) -> Tensor:
        """What stands at each word's last step, [B, *]."""
        return rows.index_select(0, self._last)


class _Layer:
    """An encoder layer: all its directions, a step at a time, each in its own order."""

    def __init__(
        self, layer: EncoderLayer, backs: Sequence[bool], vectors: Tensor | None, dtype: torch.dtype
    ) -> None:
        """Take a layer's weights.

        Args:
            layer: where they are.
            backs: whether each of its directions reads backwards.
            vectors: [symbols, I] what it reads of each symbol; None of a layer above another.
            dtype: what products are made in.
        """
        lstms = [
            lstm for lstm in (layer.forward_lstm, layer.backward_lstm) if isinstance(lstm, LSTM)
        ]
        self._backs = backs
        self._hidden = layer.forward_lstm.hidden
        self._recurrent = _Product(torch.stack([lstm.hidden_weight for lstm in lstms]), dtype)
        self._bias = torch.stack([lstm.bias for lstm in lstms]).unsqueeze(1)  # [D, 1, 4H]
        weight = torch.stack([lstm.input_weight for lstm in lstms])  # [D, 4H, I]
        self._input = _Product(weight, dtype)
        self._table = None if vectors is None else vectors @ weight.mT + self._bias

    def of_symbols(self, symbols: Tensor, order: _Order) -> Tensor:
        """Gates of the lowest layer, from symbols [T B] -> [D, T B, 4H]."""
        assert self._table is not None
        return torch.stack(
            [
                F.embedding(order.turned(symbols, back), table)
                for back, table in zip(self._backs, self._table, strict=True)
            ]
        )

    def of_states(self, x: Tensor, order: _Order) -> Tensor:
        """Gates of a layer above another, from its states [T B, I] -> [D, T B, 4H]."""
        return self._input(torch.stack([order.turned(x, back) for back in self._backs]), self._bias)

    def read(self, gates: Tensor, words: int, order: _Order) -> tuple[Tensor, State]:
        """States [T B, H] and each word's last one [B, H], from what came in, [D, T B, 4H].

        The gates are written over.
        """
        directions = len(self._backs)
        h = c = gates.new_zeros(directions, words, self._hidden)
        all_h, all_c = [], []
        for now in torch.split(gates, words, dim=1):  # [D, B, 4H]
            h, c = cell(self._recurrent.onto(now, h), c)
            all_h.append(h)
            all_c.append(c)
        # [D, T, B, H / D] -> [D, T B, H / D]: what lies past a word's end is of no account
        hs, cs = (torch.stack(states, dim=1).flatten(1, 2) for states in (all_h, all_c))
        natural = map(order.turned, hs, self._backs)
        return torch.cat([*natural], dim=1), State(
            torch.cat([order.last(rows) for rows in hs], dim=1),
            torch.cat([order.last(rows) for rows in cs], dim=1),
        )


class FusedNetwork:
    """A `Seq2Seq` laid out anew; it sees nothing of what its weights become afterwards."""

    @torch.inference_mode()
    def __init__(self, network: Seq2Seq, dtype: torch.dtype, allowed: Tensor | None = None) -> None:
        """Lay a network's weights out, where they lie.

        Args:
            network: in evaluation mode.
            dtype: what products are made in; states and sums stay as they are.
            allowed: [V] true for the phonemes that may be emitted; all of them without it.
        """
        config = network.config
        self.config = config
        scale = network.stabiliser(network.output.weight.new_ones(()))
        backs = {"bidirectional": (False, True), "forward": (False,), "backward": (True,)}[
            config.direction
        ]
        read = _vectors(network.input_embedding, scale)
        self._layers = [
            _Layer(layer, backs, None if height else read, dtype)
            for height, layer in enumerate(network.encoder.layers)
            if isinstance(layer, EncoderLayer)
        ]
        # The decoder: its lowest layer reads a label and what is fed back
        lstms = [lstm for lstm in network.decoder.layers if isinstance(lstm, LSTM)]
        of_label, of_fed = lstms[0].input_weight.tensor_split([config.label_width], dim=1)
        tokens = _vectors(network.label_embedding, scale)
        self._table = tokens @ of_label.t() + lstms[0].bias  # [V, 4H]
        self._gates = [
            _Product(torch.cat([weight, lstm.hidden_weight], dim=1), dtype)
            for weight, lstm in zip(
                [of_fed, *(lstm.input_weight for lstm in lstms[1:])], lstms, strict=True
            )
        ]
        self._biases = [lstm.bias.clone() for lstm in lstms]
        attention = network.decoder.attention
        self._attention = None if attention is None else _Looking(attention, dtype)
        # The heads: what may not be said gets a bias that rules it out
        weight, bias = network.output.weight, network.output.bias.clone()
        if allowed is not None:
            bias.masked_fill_(~allowed, -math.inf)
        self._of_phoneme = None
        if (head := network.stress_head) is not None:
            weight = torch.cat([weight, head.of_top.weight])
            bias = torch.cat([bias, head.of_top.bias])
            self._of_phoneme = head.of_phoneme.weight.clone()
        self._heads, self._bias = _Product(weight * scale, dtype), bias

    def encode(self, graphemes: Tensor, lengths: Tensor) -> tuple[EncoderOutput, Carried]:
        """Read words.

        Args:
            graphemes: [B, T] indices; what lies past a word's end may be any of them.
            lengths: [B] at least 1, on the same device.

        Returns:
            What the decoder knows of them, and what its first step gets.
        """
        words, letters = graphemes.shape
        order = _Order(lengths, letters)
        lasts: list[State] = []
        x = graphemes.t().flatten()  # [T B]
        for height, layer in enumerate(self._layers):
            gates = layer.of_states(x, order) if height else layer.of_symbols(x, order)
            x, last = layer.read(gates, words, order)
            lasts.append(last)
        values = x.view(letters, words, -1).transpose(0, 1).contiguous()  # [B, T, H]
        steps = torch.arange(letters, device=graphemes.device)
        mask = torch.zeros_like(values[:, :, 0]).masked_fill_(
            steps >= lengths.unsqueeze(1), -math.inf
        )
        looking = self._attention
        memory = EncoderOutput(
            values[:, :0] if looking is None else looking.keys(values),
            values[:, :0] if looking is None else values,
            mask.unsqueeze(1),
        )
        if self.config.decoder_init == "first":
            zero = torch.zeros_like(lasts[-1].h)
            lasts = [lasts[-1], *[State(zero, zero)] * (self.config.decoder_layers - 1)]
        fed = values.new_zeros(words, 0 if looking is None else self.config.hidden)
        h, c = zip(*lasts, strict=True)
        return memory, Carried(fed, h, c)

    def step(self, label: Tensor, before: Carried, memory: EncoderOutput) -> tuple[Tensor, Carried]:
        """What the heads say behind the labels [B], [B, K], and what the next step gets."""
        hs, cs = [], []
        x = before.fed
        for height, (gates, h, c) in enumerate(zip(self._gates, before.h, before.c, strict=True)):
            read = torch.cat([x, h], dim=1)
            if height == 0:
                now = gates.onto(F.embedding(label, self._table), read)
            else:
                now = gates(read, self._biases[height])
            x, c_after = cell(now, c)
            hs.append(x)
            cs.append(c_after)
        fed = before.fed
        if self._attention is not None:
            x = fed = self._attention(x, memory)
        return self._heads(x, self._bias), Carried(fed, tuple(hs), tuple(cs))

    def stress(self, scores: Tensor, phonemes: Tensor) -> Tensor:
        """Logits [B, 4] of the stress classes of phonemes [B], from scores [B, K].

        [B, 0] without a stress head.
        """
        of_top = scores[:, self.config.output_symbols :]
        if self._of_phoneme is None:
            return of_top
        return of_top + F.embedding(phonemes, self._of_phoneme)


class _Looking:
    """`network.seq2seq.Attention`, the scale of its keys in their weight."""

    def __init__(self, attention: Attention, dtype: torch.dtype) -> None:
        self._key = _Product(attention.key.weight / math.sqrt(attention.hidden), dtype)
        self._mix = _Product(attention.output_projection.weight, dtype)
        self._none = attention.output_projection.weight.new_zeros(attention.hidden)

    def keys(self, values: Tensor) -> Tensor:
        """[B, T, H] -> [B, T, H]."""
        return self._key(values.flatten(0, 1), self._none).view_as(values)

    def __call__(self, query: Tensor, memory: EncoderOutput) -> Tensor:
        """Query [B, H] -> attention vector [B, H]."""
        looked = torch.baddbmm(memory.mask, query.unsqueeze(1), memory.keys.mT).softmax(dim=2)
        context = torch.bmm(looked, memory.values).squeeze(1)
        return self._mix(torch.cat([context, query], dim=1), self._none).tanh()


def _vectors(embedding: SymbolEmbedding, scale: Tensor) -> Tensor:
    """Rows of vectors by symbol, scaled; one-hot where the network learnt none."""
    if embedding.weight is not None:
        return embedding.weight * scale
    return torch.eye(embedding.symbols, dtype=scale.dtype, device=scale.device) * scale

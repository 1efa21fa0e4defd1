"""A straightforward implementation of the network, as a baseline for training and decoding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tanger.model.artifact import Artifact
from tanger.model.decoding.hypothesis import length_bound
from tanger.model.network.config import NetworkConfig
from tanger.model.network.seq2seq import pad

State = tuple[Tensor, Tensor]


class Plain(nn.Module):
    """The network with nn.LSTM on packed sequences as encoder and nn.LSTMCell as decoder."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden, embedding, share = config.hidden, config.embedding, config.dropout
        self.config = config
        self.graphemes = nn.Embedding(config.input_symbols, embedding)
        self.phonemes = nn.Embedding(config.output_symbols, embedding)
        self.encoder = nn.LSTM(embedding, hidden // 2, config.encoder_layers, bidirectional=True,
                               dropout=share, batch_first=True)  # fmt: skip
        self.cells = nn.ModuleList(
            nn.LSTMCell(hidden if height else embedding + hidden, hidden)
            for height in range(config.decoder_layers)
        )
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.mix = nn.Linear(2 * hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, config.output_symbols)
        self.dropout = nn.Dropout(share)

    def read(self, graphemes: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, list[State]]:
        """Encode [B, T]; return values [B, T, H], padding [B, T] and the decoder's states."""
        rows, steps = graphemes.shape
        embedded = self.dropout(self.graphemes(graphemes))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        packed, last = self.encoder(packed)
        values, _ = pad_packed_sequence(packed, batch_first=True)
        padding = torch.arange(steps) >= lengths.unsqueeze(1)
        h, c = (
            state.view(-1, 2, rows, self.config.hidden // 2).transpose(1, 2).flatten(2)
            for state in last
        )  # [encoder layers, B, H]
        if self.config.decoder_init == "first":
            zero = torch.zeros_like(h[-1])
            return values, padding, [(h[-1], c[-1])] + [(zero, zero)] * (len(self.cells) - 1)
        return values, padding, list(zip(h, c, strict=True))

    def step(
        self, label: Tensor, fed: Tensor, states: list[State], values: Tensor, padding: Tensor
    ) -> Tensor:
        """Map embedded labels [B, E] to the attention vector [B, H]; updates `states` in place."""
        x = torch.cat([label, fed], dim=1)
        for layer, cell in enumerate(self.cells):
            states[layer] = cell(self.dropout(x) if layer else x, states[layer])
            x = states[layer][0]
        keys = self.key(values) / values.shape[2] ** 0.5
        scores = (keys @ x.unsqueeze(2)).squeeze(2).masked_fill(padding, float("-inf"))
        context = (scores.softmax(1).unsqueeze(1) @ values).squeeze(1)
        attended: Tensor = self.mix(torch.cat([context, x], dim=1)).tanh()
        return attended

    def forward(self, graphemes: Tensor, lengths: Tensor, labels: Tensor) -> Tensor:
        """Run with teacher forcing: labels [B, U] -> logits [B, U, V]."""
        values, padding, states = self.read(graphemes, lengths)
        fed, tops = torch.zeros_like(states[0][0]), []
        for label in self.dropout(self.phonemes(labels)).unbind(1):
            fed = self.step(label, fed, states, values, padding)
            tops.append(fed)
        logits: Tensor = self.output(self.dropout(torch.stack(tops, dim=1)))
        return logits

    @torch.inference_mode()
    def decode(self, rows: Sequence[list[int]], *, start: int, end: int) -> list[list[int]]:
        """Decode greedily, all rows until the last one has ended."""
        graphemes, lengths = pad(rows)
        values, padding, states = self.read(graphemes, lengths)
        fed = torch.zeros_like(states[0][0])
        labels = torch.full((len(rows),), start)
        spoken: list[Tensor] = []
        ended = torch.zeros(len(rows), dtype=torch.bool)
        for _ in range(length_bound(int(lengths.max()))):
            fed = self.step(self.phonemes(labels), fed, states, values, padding)
            labels = self.output(fed).argmax(1)
            spoken.append(labels)
            ended |= labels == end
            if bool(ended.all()):
                break
        answers = torch.stack(spoken, 1).tolist()
        return [row[: row.index(end)] if end in row else row for row in answers]


def load(artifact: Artifact) -> Plain:
    """Build the baseline with an artifact's weights; needs attention and embeddings."""
    plain = Plain(NetworkConfig(**artifact.network)).eval()
    weights = {name: torch.from_numpy(array) for name, array in artifact.weights().items()}
    named = {
        "input_embedding.weight": "graphemes.weight",
        "label_embedding.weight": "phonemes.weight",
        "decoder.attention.key.weight": "key.weight",
        "decoder.attention.output_projection.weight": "mix.weight",
        "output.weight": "output.weight",
        "output.bias": "output.bias",
    }
    state = {ours: weights[theirs] for theirs, ours in named.items()}
    for height in range(plain.config.encoder_layers):
        for way, suffix in (("forward_lstm", ""), ("backward_lstm", "_reverse")):
            _lstm(
                state,
                weights,
                f"encoder.layers.{height}.{way}",
                f"encoder.{{}}_l{height}{suffix}",
            )
    for height in range(plain.config.decoder_layers):
        _lstm(state, weights, f"decoder.layers.{height}", f"cells.{height}.{{}}")
    plain.load_state_dict(state)
    return plain


def _lstm(state: dict[str, Tensor], weights: dict[str, Tensor], theirs: str, ours: str) -> None:
    """Copy an LSTM; torch has two bias vectors where our network has one."""
    bias = weights[f"{theirs}.bias"]
    state[ours.format("weight_ih")] = weights[f"{theirs}.input_weight"]
    state[ours.format("weight_hh")] = weights[f"{theirs}.hidden_weight"]
    state[ours.format("bias_ih")] = bias
    state[ours.format("bias_hh")] = torch.zeros_like(bias)

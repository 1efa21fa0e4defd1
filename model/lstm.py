"""One LSTM layer, by the step and by the sequence.

    i, f, o = sigmoid(gates), g = tanh(gates)   with gates = W x + R h + b
    c' = f * c + i * g
    h' = o * tanh(c')

Source: Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000); no peepholes,
one bias vector. Gates are stacked in torch's order: i, f, g, o.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class State(NamedTuple):
    """Hidden and cell state of one layer, [B, H] each."""

    h: Tensor
    c: Tensor


class _Cell(torch.autograd.Function):
    """The pointwise part of a step, forwards and backwards in a handful of kernels.

    Autograd would record a dozen nodes a step for it, and their bookkeeping costs more than the
    arithmetic at the sizes of this network.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        hidden = c.shape[1]
        i_f, g, o = torch.split(gates, [2 * hidden, hidden, hidden], dim=1)
        i, f = i_f.sigmoid().chunk(2, dim=1)
        g, o = g.tanh(), o.sigmoid()
        after = torch.addcmul(f * c, i, g)
        squashed = after.tanh()
        ctx.save_for_backward(i, f, g, o, c, squashed)
        return o * squashed, after

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o, c, squashed = ctx.saved_tensors
        grad_h, grad_after = grads
        grad_c = torch.addcmul(grad_after, grad_h * o, 1 - squashed * squashed)
        grad_gates = torch.cat(
            [
                grad_c * g * i * (1 - i),
                grad_c * c * f * (1 - f),
                grad_c * i * (1 - g * g),
                grad_h * squashed * o * (1 - o),
            ],
            dim=1,
        )
        return grad_gates, grad_c * f


def _cell(gates: Tensor, c: Tensor) -> State:
    """Gates [B, 4H] and cell state [B, H] -> the new state."""
    return State(*_Cell.apply(gates, c))  # type: ignore[no-untyped-call]


class LSTM(nn.Module):
    """One LSTM layer of H cells that reads vectors of I numbers.

    Weights start Glorot-uniform over the stacked matrix of all four gates, biases at zero: what
    CNTK's ``LSTM`` does.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.input_weight = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.hidden_weight = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        for weight in (self.input_weight, self.hidden_weight):
            bound = math.sqrt(6 / sum(weight.shape))
            nn.init.uniform_(weight, -bound, bound)

    def zero_state(self, batch: int) -> State:
        """The state before anything was read."""
        zero = self.bias.new_zeros(batch, self.hidden)
        return State(zero, zero)

    def step(self, x: Tensor, state: State) -> State:
        """Read one vector a row, [B, I]."""
        gates = torch.addmm(
            F.linear(x, self.input_weight, self.bias), state.h, self.hidden_weight.t()
        )
        return _cell(gates, state.c)

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Read whole sequences [T, B, I] from a zero state.

        `lengths` [B] says where each row ends; None means that none is padded, and lets torch's
        fused kernel read them all.

        Returns:
            Hidden states [T, B, H], and each row's state after its own last step.
        """
        h, c = state = self.zero_state(x.shape[1])
        if lengths is None:
            outputs, h, c = torch.lstm(
                x,
                (h.unsqueeze(0), c.unsqueeze(0)),
                (self.input_weight, self.hidden_weight, self.bias, torch.zeros_like(self.bias)),
                True,  # has biases, of which torch wants two
                1,  # layers
                0.0,  # dropout
                self.training,
                False,  # bidirectional
                False,  # batch first
            )
            return outputs, State(h.squeeze(0), c.squeeze(0))
        steps = []
        for t, gates in enumerate(F.linear(x, self.input_weight, self.bias)):  # [B, 4H] each
            after = _cell(torch.addmm(gates, state.h, self.hidden_weight.t()), state.c)
            reading = (t < lengths).unsqueeze(1)
            state = State(
                torch.where(reading, after.h, state.h), torch.where(reading, after.c, state.c)
            )
            steps.append(state.h)
        return torch.stack(steps), state

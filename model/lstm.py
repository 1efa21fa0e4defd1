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

from model import precision
from model.unrolled import UnrolledLinear


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
        hidden = c.shape[-1]
        i_f, g, o = torch.split(gates, [2 * hidden, hidden, hidden], dim=-1)
        i, f = i_f.sigmoid().chunk(2, dim=-1)
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
            dim=-1,
        )
        return grad_gates, grad_c * f


def cell(gates: Tensor, c: Tensor) -> State:
    """Gates [..., 4H] and cell state [..., H] -> the new state."""
    return State(*_Cell.apply(gates.to(c.dtype), c))  # type: ignore[no-untyped-call]


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
        return cell(gates, state.c)

    def unroll(self, known: Tensor) -> UnrolledLinear:
        """The gates of U steps, as a map of what each step brings.

        Args:
            known: [U, B, K] the first K numbers of every input, known beforehand.

        Returns:
            A map of the rest of a step's input with h behind it, [B, I - K + H], to the step's
            gates [B, 4H].
        """
        of_known, of_rest = self.input_weight.tensor_split([known.shape[2]], dim=1)
        return UnrolledLinear(
            F.linear(known, of_known, self.bias), torch.cat([of_rest, self.hidden_weight], dim=1)
        )

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Read whole sequences [T, B, I] from a zero state.

        `lengths` [B] says where each row ends; None means that none is padded, and lets torch's
        fused kernel read them all.

        Returns:
            Hidden states [T, B, H], and each row's state after its own last step.
        """
        h, c = state = self.zero_state(x.shape[1])
        if lengths is None:
            none = torch.zeros_like(self.bias)  # torch wants two biases
            weights = (self.input_weight, self.hidden_weight, self.bias, none)
            dtype = precision.of_products(x)
            outputs, h, c = torch.lstm(
                x.to(dtype),
                (h.unsqueeze(0).to(dtype), c.unsqueeze(0).to(dtype)),
                [weight.to(dtype) for weight in weights],
                True,  # has biases
                1,  # layers
                0.0,  # dropout
                self.training,
                False,  # bidirectional
                False,  # batch first
            )
            return outputs.to(x.dtype), State(h[0].to(x.dtype), c[0].to(x.dtype))
        steps = []
        for t, gates in enumerate(F.linear(x, self.input_weight, self.bias)):  # [B, 4H] each
            after = cell(torch.addmm(gates, state.h, self.hidden_weight.t()), state.c)
            reading = (t < lengths).unsqueeze(1)
            state = State(
                torch.where(reading, after.h, state.h), torch.where(reading, after.c, state.c)
            )
            steps.append(state.h)
        return torch.stack(steps), state

"""An LSTM layer, its arithmetic in bfloat16, and linear maps unrolled over a sequence.

    i, f, o = sigmoid(gates), g = tanh(gates)   with gates = W x + R h + b
    c' = f * c + i * g
    h' = o * tanh(c')

Source: Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000); no peepholes,
one bias vector. Gates are stacked in torch's order: i, f, g, o.
"""

from __future__ import annotations

import functools
import math
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class State(NamedTuple):
    """Hidden and cell state of one layer, [B, H] each."""

    h: Tensor
    c: Tensor


class _Cell(torch.autograd.Function):
    """The element-wise part of an LSTM step, with a hand-written gradient.

    Autograd would record a dozen nodes per step, whose overhead exceeds the arithmetic at the sizes
    of this network.
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
    """Compute the new state from gates [..., 4H] and cell state [..., H]."""
    return State(*_Cell.apply(gates.to(c.dtype), c))  # type: ignore[no-untyped-call]


class LSTM(nn.Module):
    """One LSTM layer with H cells and inputs of width I.

    Weights are initialised Glorot-uniform over the stacked matrix of all four gates, biases with
    zeros, as in CNTK's ``LSTM``.
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
        """Return a state of zeros."""
        zero = self.bias.new_zeros(batch, self.hidden)
        return State(zero, zero)

    def step(self, x: Tensor, state: State) -> State:
        """Compute one step for inputs [B, I]."""
        gates = torch.addmm(
            F.linear(x, self.input_weight, self.bias), state.h, self.hidden_weight.t()
        )
        return cell(gates, state.c)

    def unroll(self, known: Tensor) -> UnrolledLinear:
        """Return the map from a step's input to its gates, for U steps.

        Args:
            known: [U, B, K] the first K components of every input, known in advance.

        Returns:
            A map from the other components of a step's input, concatenated with h, [B, I - K + H],
            to the step's gates [B, 4H].
        """
        of_known, of_rest = self.input_weight.tensor_split([known.shape[2]], dim=1)
        return UnrolledLinear(
            F.linear(known, of_known, self.bias), torch.cat([of_rest, self.hidden_weight], dim=1)
        )

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Process whole sequences [T, B, I] from a zero state.

        Args:
            x: the inputs.
            lengths: [B] length of each row; None if no row is padded, which allows torch's fused
                kernel.

        Returns:
            Hidden states [T, B, H], and each row's state after its own last step.
        """
        h, c = state = self.zero_state(x.shape[1])
        if lengths is None:
            none = torch.zeros_like(self.bias)  # torch expects two bias vectors
            weights = (self.input_weight, self.hidden_weight, self.bias, none)
            dtype = product_dtype(x)
            outputs, h, c = torch.lstm(
                x.to(dtype),
                (h.unsqueeze(0).to(dtype), c.unsqueeze(0).to(dtype)),
                [weight.to(dtype) for weight in weights],
                True,  # has_biases
                1,  # num_layers
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


# ------------------------------------------------------------------------------------------------
# bfloat16 arithmetic in training, on devices where it is faster.
#
# Matrix products read and write bfloat16 and accumulate in float32; states, softmax, loss, weights
# and the optimiser stay in float32 (Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning
# Training").


@functools.cache
def bfloat16_is_faster(device: torch.device) -> bool:
    """Whether the device multiplies faster in bfloat16 than in float32: most GPUs, some CPUs.

    On a CPU this is measured, which takes a few milliseconds: some CPUs have the instructions and
    take twice as long with them.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return False
    whole, half = (_seconds_of_product(dtype) for dtype in (torch.float32, torch.bfloat16))
    return half < 0.9 * whole  # leaves a margin for the conversions


def _seconds_of_product(dtype: torch.dtype) -> float:
    """Return the shortest measured time of a matrix product of the size of an LSTM step."""
    x, weight = torch.ones(192, 256, dtype=dtype), torch.ones(256, 1024, dtype=dtype)
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        x @ weight
        taken.append(time.perf_counter() - start)
    return min(taken)


def products_in_bfloat16(device: torch.device, *, enabled: bool) -> AbstractContextManager[None]:
    """Return a context in which products are computed in bfloat16, if `enabled`."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def product_dtype(tensor: Tensor) -> torch.dtype:
    """Return the precision of a product with `tensor` in the current context."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype


# ------------------------------------------------------------------------------------------------
# A linear map applied at every step of a sequence, whose weight gradient is computed once.
#
# Autograd would compute and add a weight gradient for each step. One product over all steps gives
# the same sum in fewer, larger operations.


class _DeferredWeightGradient(torch.autograd.Function):
    """Identity on `offsets`, whose backward pass computes the gradient of the weight.

    The backward pass reaches it after those of all steps. `inputs` is then complete: the steps
    append to this list after the function was applied.
    """

    @staticmethod
    def forward(ctx: Any, offsets: Tensor, weight: Tensor, inputs: list[Tensor]) -> Tensor:
        ctx.inputs, ctx.dtype = inputs, weight.dtype
        return offsets.view_as(offsets)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad,) = grads  # [U, B, O]
        inputs = torch.cat(ctx.inputs)  # [U * B, I]
        return grad, (grad.flatten(0, 1).t() @ inputs).to(ctx.dtype), None


class UnrolledLinear:
    """The linear map y = offset + W x, applied once for each of U steps, in order.

    Args:
        offsets: [U, B, O] part of each step's output that is known in advance.
        weight: W, [O, I].
    """

    def __init__(self, offsets: Tensor, weight: Tensor) -> None:
        self._outputs = offsets.dtype
        self._products = product_dtype(weight)
        self._weight = weight.detach().to(self._products).t()
        self._inputs: list[Tensor] = []
        self._offsets: tuple[Tensor, ...] = _DeferredWeightGradient.apply(  # type: ignore[no-untyped-call]
            offsets.to(self._products), weight, self._inputs
        ).unbind(0)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the next step's output [B, O] for its input x [B, I]."""
        x, offset = x.to(self._products), self._offsets[len(self._inputs)]
        self._inputs.append(x.detach())
        return torch.addmm(offset, x, self._weight).to(self._outputs)

"""One linear map applied at every step of a sequence, with its weight's gradient taken once.

Autograd would multiply and add a weight gradient for each step; one product over all steps does
the same sum in fewer, larger pieces of arithmetic.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model import precision


class _WeightOf(torch.autograd.Function):
    """Hands `offsets` through; backwards, adds the gradient of the weight that they stand for.

    Every step has been gone back through by then, so `inputs` is complete: the same list that
    the steps fill after this function was applied.
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
    """y = offset + W x, to be applied once for each of U steps, in their order.

    Args:
        offsets: [U, B, O] what is known of every step's output beforehand.
        weight: W, [O, I].
    """

    def __init__(self, offsets: Tensor, weight: Tensor) -> None:
        self._outputs = offsets.dtype
        self._products = precision.of_products(weight)
        self._weight = weight.detach().to(self._products).t()
        self._inputs: list[Tensor] = []
        self._offsets: tuple[Tensor, ...] = _WeightOf.apply(  # type: ignore[no-untyped-call]
            offsets.to(self._products), weight, self._inputs
        ).unbind(0)

    def __call__(self, x: Tensor) -> Tensor:
        """The next step's output [B, O] for x [B, I]."""
        x, offset = x.to(self._products), self._offsets[len(self._inputs)]
        self._inputs.append(x.detach())
        return torch.addmm(offset, x, self._weight).to(self._outputs)

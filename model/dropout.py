"""Dropout that is cheap on a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAST = torch.iinfo(torch.int64).min


class Dropout(nn.Module):
    """In training, zeroes a share of the activations and scales up the rest.

    torch's own draws one random number an activation, which on a CPU takes as long as a fourth of
    the matrix product before it; here one draw serves eight, and the share is a multiple of 1/256.

    Source: Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting".
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.dropped = round(256 * share)  # of 256 values of a byte

    def forward(self, x: Tensor) -> Tensor:
        """The activations, some of them dropped."""
        if not self.training or not self.dropped:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.share)
        draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(_LEAST, None)
        kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * kept.to(x.dtype).mul_(256 / (256 - self.dropped))

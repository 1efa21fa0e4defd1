"""bfloat16 arithmetic in training, where the device is faster at it.

Matrix products then read and write bfloat16 and add up in float32; states, softmax, loss, weights
and the optimiser stay float32 (Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning
Training").
"""

from __future__ import annotations

import functools
import time
from contextlib import AbstractContextManager

import torch
from torch import Tensor


@functools.cache
def bfloat16_pays(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32: most GPUs, some CPUs.

    A CPU is asked by the clock, in some milliseconds: there are those that have the instructions
    and need twice as long.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return False
    whole, half = (_seconds_of_product(dtype) for dtype in (torch.float32, torch.bfloat16))
    return half < 0.9 * whole  # conversions take their part


def _seconds_of_product(dtype: torch.dtype) -> float:
    """The least that a product of the size of an LSTM's step takes here."""
    x, weight = torch.ones(192, 256, dtype=dtype), torch.ones(256, 1024, dtype=dtype)
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        x @ weight
        taken.append(time.perf_counter() - start)
    return min(taken)


def products_in_bfloat16(device: torch.device, *, enabled: bool) -> AbstractContextManager[None]:
    """A context in which products are bfloat16; nothing changes where not `enabled`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def of_products(tensor: Tensor) -> torch.dtype:
    """The precision that a product with `tensor` is made in here and now."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype

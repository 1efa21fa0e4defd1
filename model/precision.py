"""bfloat16 arithmetic in training, where the device does it in hardware.

Matrix products then read and write bfloat16 and add up in float32; states, softmax, loss, weights
and the optimiser stay float32 (Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning
Training").
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor


def in_hardware(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32: most GPUs, some CPUs."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def products_in_bfloat16(device: torch.device, *, enabled: bool) -> AbstractContextManager[None]:
    """A context in which products are bfloat16; nothing changes where not `enabled`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def of_products(tensor: Tensor) -> torch.dtype:
    """The precision that a product with `tensor` is made in here and now."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype

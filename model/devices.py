"""Which device a name stands for."""

from __future__ import annotations

import ctypes
import sys

from model.errors import TangerError


class DeviceError(TangerError, RuntimeError):
    """A device that was asked for and is not there.

    Attributes:
        device: what was asked for.
    """

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"device {device!r} cannot be used: {reason}")
        self.device = device


class DeviceLostError(TangerError, RuntimeError):
    """A device that failed, and that this process cannot use again.

    Attributes:
        device: its name.
    """

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"device {device!r} failed: {reason}")
        self.device = device


def resolve(device: str) -> str:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N`` as ``cpu`` or ``cuda:N``.

    auto is the first GPU, else the CPU. torch, which takes a second to load, is asked only where a
    GPU is wanted or its driver is here.

    Raises:
        DeviceError: where the device is not there. Nothing falls back in silence.
    """
    kind, _, index = device.partition(":")
    if device == "cpu" or (device == "auto" and not _has_driver()):
        return "cpu"
    if device != "auto" and (kind != "cuda" or (index and not index.isdigit())):
        raise DeviceError(device, "say auto, cpu, cuda or cuda:N")
    found = gpus()
    if device == "auto":
        return "cuda:0" if found else "cpu"
    if int(index or 0) >= found:
        raise DeviceError(device, f"torch sees {found} GPUs{_build()}")
    return f"cuda:{index or 0}"


def gpus() -> int:
    """How many GPUs torch sees."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _build() -> str:
    import torch

    return "" if torch.version.cuda else " (this torch is built for the CPU)"


def _has_driver() -> bool:
    """Whether NVIDIA's driver is installed."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True

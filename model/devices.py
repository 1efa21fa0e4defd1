"""Which device a name stands for."""

from __future__ import annotations

import torch

from model.errors import TangerError


class DeviceError(TangerError, RuntimeError):
    """A device that was asked for and is not there.

    Attributes:
        device: what was asked for.
    """

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"device {device!r} cannot be used: {reason}")
        self.device = device


def resolve(device: str) -> torch.device:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N`` as a device; auto is the first GPU, else the CPU.

    Raises:
        DeviceError: where the device is not there. Nothing falls back in silence.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return torch.device("cuda:0" if gpus else "cpu")
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdigit()) or (index and kind == "cpu"):
        raise DeviceError(device, "say auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(index or 0) >= gpus:
        built = "" if torch.version.cuda else " (this torch is built for the CPU)"
        raise DeviceError(device, f"torch sees {gpus} GPUs{built}")
    return torch.device(f"cuda:{index or 0}" if kind == "cuda" else "cpu")

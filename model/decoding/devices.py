"""Which device a name stands for."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import os
import sys
from pathlib import Path, PurePosixPath

from tanger.model import TangerError


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
    GPU is wanted or its driver is here; without torch there is no GPU.

    Raises:
        DeviceError: where the device is not there. Nothing falls back in silence.
    """
    kind, _, index = device.partition(":")
    if device == "cpu" or (device == "auto" and not (_has_driver() and has_torch())):
        return "cpu"
    if device != "auto" and (kind != "cuda" or (index and not index.isdigit())):
        raise DeviceError(device, "say auto, cpu, cuda or cuda:N")
    if not has_torch():
        raise DeviceError(device, "it takes torch, which is not installed")
    found = gpus()
    if device == "auto":
        return "cuda:0" if found else "cpu"
    if int(index or 0) >= found:
        raise DeviceError(device, f"torch sees {found} GPUs{_build()}")
    return f"cuda:{index or 0}"


def has_torch() -> bool:
    """Whether torch is installed; it is not loaded."""
    return importlib.util.find_spec("torch") is not None


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


# ------------------------------------------------------------------------------------------------
# How many cores this process may use: its affinity, and the quota of its control group.


def available(root: Path = Path("/")) -> int:
    """Cores by affinity and by control group quota (version 1 or 2), whichever is fewer.

    Args:
        root: where ``proc`` and ``sys`` are found.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([affinity or 1, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """Every quota, in cores, that this process's groups and those above them set."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        # In a container's own namespace the path may not be visible: its root then is the group.
        for above in (PurePosixPath(group), *PurePosixPath(group).parents):
            quota = _quota(base / str(above).lstrip("/"))
            if quota is not None:
                found.append(quota)
    return found


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").exists():  # version 2
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu.cfs_period_us").read_text().strip()
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError):  # no such file, or "max"
        return None

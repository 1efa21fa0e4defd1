"""Resolve device names, and count GPUs and available CPU cores."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import os
import sys
from pathlib import Path, PurePosixPath

from tanger.model import TangerError


class DeviceError(TangerError, RuntimeError):
    """A requested device is not available.

    Attributes:
        device: the requested device.
    """

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"device {device!r} cannot be used: {reason}")
        self.device = device


class DeviceLostError(TangerError, RuntimeError):
    """A device failed and cannot be used again by this process.

    Attributes:
        device: its name.
    """

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"device {device!r} failed: {reason}")
        self.device = device


def resolve(device: str) -> str:
    """Resolve ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` to ``cpu`` or ``cuda:N``.

    ``auto`` is the first GPU, or the CPU if there is none. torch, which takes a second to load, is
    imported only if a GPU is requested or NVIDIA's driver is installed. Without torch there is no
    GPU.

    Raises:
        DeviceError: if the device is not available; there is no silent fallback.
    """
    kind, _, index = device.partition(":")
    if device == "cpu" or (device == "auto" and not (_has_driver() and has_torch())):
        return "cpu"
    if device != "auto" and (kind != "cuda" or (index and not index.isdigit())):
        raise DeviceError(device, "say auto, cpu, cuda or cuda:N")
    if not has_torch():
        raise DeviceError(device, "it takes torch, which is not installed")
    found = gpu_count()
    if device == "auto":
        return "cuda:0" if found else "cpu"
    if int(index or 0) >= found:
        raise DeviceError(device, f"torch sees {found} GPUs{_build()}")
    return f"cuda:{index or 0}"


def has_torch() -> bool:
    """Whether torch is installed; does not import it."""
    return importlib.util.find_spec("torch") is not None


def gpu_count() -> int:
    """Return the number of GPUs that torch can use."""
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
# Number of CPU cores available to this process, by CPU affinity and cgroup quota.


def available_cores(root: Path = Path("/")) -> int:
    """Return the smaller of the core counts by affinity and by cgroup quota (version 1 or 2).

    Args:
        root: folder that contains ``proc`` and ``sys``.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([affinity or 1, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """Return the quotas, in cores, of this process's cgroups and their ancestors."""
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
        # In a container's cgroup namespace the path may not be visible; its root is then the group.
        for above in (PurePosixPath(group), *PurePosixPath(group).parents):
            quota = _quota(base / str(above).lstrip("/"))
            if quota is not None:
                found.append(quota)
    return found


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").exists():  # cgroup v2
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu.cfs_period_us").read_text().strip()
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError):  # the file is missing or contains "max"
        return None

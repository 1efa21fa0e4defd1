"""How many cores this process may use: its affinity, and the quota of its control group."""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath


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

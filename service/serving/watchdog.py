"""Decide whether a process with an overdue response hangs, or is busy."""

from __future__ import annotations

from pathlib import Path

# Consecutive checks without activity after which a process counts as hung
CHECKS = 4


class Watchdog:
    """Count the checks of a process with an overdue response, and those without activity.

    Checks are counted instead of seconds, since no process is at fault if the whole machine stalls.
    A process on an overloaded machine is not replaced either, which would only add to the load. It
    is waited for as long as it runs, or is ready to run.

    Attributes:
        expected: seconds that the response should take.
        checks: number of checks.
        silent: number of consecutive checks without activity, up to the last one.
    """

    def __init__(self, started: float, expected: float) -> None:
        self.expected = expected
        self.checks = 0
        self.silent = 0
        self._due = started + expected
        self._ticks = -1

    def check(self, pid: int, now: float) -> float:
        """Check the process; return the seconds by which the response is overdue."""
        ticks, runnable = usage(pid)
        self.checks += 1
        self.silent = self.silent + 1 if ticks == self._ticks and not runnable else 0
        self._ticks = ticks
        return now - self._due

    @property
    def hangs(self) -> bool:
        """Return whether it was inactive for so long that it should be replaced."""
        return self.silent + 1 >= CHECKS


def usage(pid: int) -> tuple[int, bool]:
    """Return the CPU time of a process, and whether it is runnable (see `usage_of`).

    Returns zero and False if the system does not tell.
    """
    try:
        return usage_of(Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return 0, False


def usage_of(stat: str) -> tuple[int, bool]:
    """Parse proc_pid_stat(5): CPU time used, and whether the process runs or waits to run.

    Waiting for a disk, as when swapped out, counts as waiting to run: a replacement would be
    swapped out too.
    """
    # The command is in parentheses and may contain anything
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), fields[0] in ("R", "D")

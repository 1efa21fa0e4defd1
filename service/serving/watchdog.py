"""Whether a process that owes an answer hangs, or is at work and needs its time."""

from __future__ import annotations

from pathlib import Path

# Looks in a row at which a process did nothing, after which it hangs.
CHECKS = 4


class Watchdog:
    """How often a late answer was looked for, and at how many looks in a row nothing was done.

    Looks are counted, not seconds: in a second in which the whole machine stood still nobody has
    been silent. A machine that has other things to do is no reason to replace a process: that would
    take yet more of its time. One that is late is waited for as long as it is at work, or could be
    if it had a processor.

    Attributes:
        expected: seconds that the answer should take.
        checks: how many looks there were.
        silent: at how many of the last ones nothing was done.
    """

    def __init__(self, started: float, expected: float) -> None:
        self.expected = expected
        self.checks = 0
        self.silent = 0
        self._due = started + expected
        self._ticks = -1

    def check(self, pid: int, now: float) -> float:
        """Note what the process does; the seconds beyond what was expected."""
        ticks, runnable = usage(pid)
        self.checks += 1
        self.silent = self.silent + 1 if ticks == self._ticks and not runnable else 0
        self._ticks = ticks
        return now - self._due

    @property
    def hangs(self) -> bool:
        """Whether it did nothing for so long that it should be replaced."""
        return self.silent + 1 >= CHECKS


def usage(pid: int) -> tuple[int, bool]:
    """Processor time that a process has used, and whether it runs or waits (see `usage_of`).

    Nothing and no where the system does not tell.
    """
    try:
        return usage_of(Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return 0, False


def usage_of(stat: str) -> tuple[int, bool]:
    """What proc_pid_stat(5) tells: processor time used, and whether the process runs or waits.

    One that waits for a disk, swapped out say, is no worse than one that waits for a processor:
    another in its place would be swapped out, too.
    """
    # The command stands in parentheses and may hold anything
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), fields[0] in ("R", "D")

"""Standard streams that are there, whatever the process was started with."""

from __future__ import annotations

import os
import sys


def ensure() -> None:
    """Open the null device wherever stdin, stdout or stderr was closed at the start.

    Else the next file or socket to be opened gets the number of a standard stream, which libuv
    does not survive, and whatever prints writes into it.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free: all below it are open by now
            opened = os.open(os.devnull, os.O_RDWR)
            assert opened == descriptor
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115

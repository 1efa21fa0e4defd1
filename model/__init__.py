"""Words to phonemes: the network, its trainer and its decoder. Nothing of the web in here."""

from __future__ import annotations

from pathlib import Path

# ------------------------------------------------------------------------------------------------
# What all of tanger's own errors have in common.


class TangerError(Exception):
    """An error whose message tells a person what is wrong and what to do.

    Programs that talk to people show the message and no traceback; every subclass carries its
    data as attributes too.
    """


class OutputExistsError(TangerError, ValueError):
    """A finished result stands where a command would write another one.

    Attributes:
        path: what stands there.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path

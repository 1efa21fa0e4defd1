"""Convert typed text to words that can be pronounced."""

from __future__ import annotations

from pathlib import Path

from tanger.model import TangerError


class TableError(TangerError, ValueError):
    """A table of the text reader or its models cannot be read.

    Attributes:
        path: path of the file.
        line: number of the bad line, from 1; None if the reason names the place.
    """

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if line is None else f"{path}:{line}: {reason}")
        self.path = path
        self.line = line

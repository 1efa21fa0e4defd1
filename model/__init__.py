"""Grapheme-to-phoneme models: network, training, decoding, text. Imports nothing of the web."""

from __future__ import annotations

from pathlib import Path

# ------------------------------------------------------------------------------------------------
# The base class of tanger's own errors.


class TangerError(Exception):
    """Base class of errors whose message tells the user what is wrong and what to do.

    Command-line programs print the message without a traceback. Each subclass also carries its data
    as attributes.
    """


class FileError(TangerError, ValueError):
    """A file or folder cannot be used.

    Attributes:
        path: the file or folder.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class OutputExistsError(TangerError, ValueError):
    """A command would overwrite a finished result.

    Attributes:
        path: the existing file or folder.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path

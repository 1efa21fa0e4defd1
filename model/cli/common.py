"""Shared parts of the commands: options, loading an artifact, and error messages.

Commands import what they use when they run, because torch takes a second to load.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tanger.model import OutputExistsError, TangerError, artifact_folders
from tanger.model.decoding import devices
from tanger.model.network.config import Precision
from tanger.model.phonology.notation import Alphabet

if TYPE_CHECKING:
    from tanger.model.artifact import Artifact
    from tanger.model.phonemizer import Phonemizer

ARTIFACT = artifact_folders.DEFAULT

ArtifactOption = Annotated[Path, typer.Option(help="Folder of the artifact.")]
DeviceOption = Annotated[str, typer.Option(help="Device: auto, cpu, cuda or cuda:N.")]
ThreadsOption = Annotated[
    int | None, typer.Option(min=1, help="Number of CPU threads; by default all cores.")
]
PrecisionOption = Annotated[Precision, typer.Option(help="Precision of matrix products on a CPU.")]

LexiconAlphabetOption = Annotated[
    Alphabet | None,
    typer.Option(
        help="Alphabet of the lexicon's phonemes, if the file does not name it. English phonemes "
        "in ipa and x-sampa are converted to ARPAbet. By default phonemes are not converted."
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Overwrite existing output.")]


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse to overwrite a file, before the work to produce its replacement starts.

    Raises:
        OutputExistsError: if `path` is a file that is not empty, without `overwrite`.
        OSError: if its folder does not exist.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    if path.is_file() and path.stat().st_size and not overwrite:
        raise OutputExistsError(
            path, "is there already: name another file, or replace it with --overwrite"
        )


def check_lines(path: Path, lines: Iterable[str], *, overwrite: bool) -> None:
    """Refuse to overwrite a file, unless it has the same content.

    Args:
        path: the file.
        lines: its new content, without line ends.
        overwrite: allow any file to be overwritten.

    Raises:
        OutputExistsError: if `path` is a file with other content, without `overwrite`.
    """
    if overwrite or not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        written = (f"{line}\n".encode() for line in lines)
        same = all(before == now for before, now in zip_longest(file, written))
    if not same:
        raise OutputExistsError(
            path,
            "holds something else already: name another file, or replace it with --overwrite",
        )


def load(
    artifact: Artifact,
    device: str,
    *,
    precision: Precision,
    threads: int | None,
    phonemes_only: bool = True,
) -> Phonemizer:
    """Load an artifact, by default with all available cores."""
    from tanger.model.phonemizer import Phonemizer

    return Phonemizer.from_artifact(
        artifact,
        device,
        phonemes_only=phonemes_only,
        precision=precision,
        threads=threads or devices.available_cores(),
    )


def set_threads(threads: int | None) -> None:
    """Set the number of torch's threads, unless it is None."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print expected errors as one line, without a traceback, and exit with status 2."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader has closed the pipe; typer exits silently
    except ModuleNotFoundError as e:
        fail(f"this command takes {e.name}, which is not installed here")
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        fail(f"{where}{e.strerror or e}")
    except TangerError as e:
        fail(str(e))


def fail(message: str) -> NoReturn:
    """Print an error message and exit with status 2."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(2)

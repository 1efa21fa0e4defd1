"""What the commands share: options, loading, and how they fail.

torch takes a second to load, so every command imports what it uses.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from model import cores
from model.config import Precision
from model.errors import TangerError

if TYPE_CHECKING:
    from model.checkpoint import Artifact
    from model.phonemizer import Phonemizer

ARTIFACT = Path(__file__).parent.parent.parent / "artifacts" / "en-us"

ArtifactOption = Annotated[Path, typer.Option(help="The artifact's folder.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")]
PrecisionOption = Annotated[Precision, typer.Option(help="What a CPU computes in.")]


def load(
    artifact: Artifact,
    device: str,
    *,
    precision: Precision,
    threads: int | None,
    masked: bool = True,
) -> Phonemizer:
    """The artifact, with all cores at work where nothing else is asked for."""
    from model.phonemizer import Phonemizer

    return Phonemizer.of(
        artifact,
        device,
        masked=masked,
        precision=precision,
        threads=threads or cores.available(),
    )


def set_threads(threads: int | None) -> None:
    """Tell torch how many threads to use, where it was said."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say what went wrong in one line, for the errors that carry what to do in their message."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads on: typer ends quietly
    except ModuleNotFoundError as e:
        fail(f"this command takes {e.name}, which is not installed here")
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        fail(f"{where}{e.strerror or e}")
    except TangerError as e:
        fail(str(e))


def fail(message: str) -> NoReturn:
    """End with a message and status 2."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(2)

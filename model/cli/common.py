"""Shared parts of the commands: options, loading an artifact, and error messages.

Commands import what they use when they run, because torch takes a second to load.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO

import typer

from tanger.model import OutputExistsError, TangerError, artifact_folders
from tanger.model.decoding import devices
from tanger.model.lexicon import write_lines
from tanger.model.network.config import Precision
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import variants
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.segments import Source
from tanger.model.text.variants import Order

if TYPE_CHECKING:
    from tanger.model.artifact import Artifact
    from tanger.model.phonemizer import NetworkPhonemizer

ARTIFACT = artifact_folders.DEFAULT

ArtifactOption = Annotated[Path, typer.Option(help="Folder of the artifact.")]
DeviceOption = Annotated[str, typer.Option(help="Device: auto, cpu, cuda or cuda:N.")]
ThreadsOption = Annotated[
    int | None, typer.Option(min=1, help="Number of CPU threads; by default all cores.")
]
MinutesOption = Annotated[
    float, typer.Option(min=0, help="Stop after so many minutes, saved. No limit by default.")
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

# Options of `pronounce` and `text`: where pronunciations come from, and how they are written
LanguageOption = Annotated[
    str | None,
    typer.Option(
        help="Language, as a tag such as de or en-GB: of an installed artifact, or of --artifact."
    ),
]
SpokenArtifactOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the artifact; by default the installed one for --language, or en-us."
    ),
]
AlphabetOption = Annotated[
    Alphabet | None, typer.Option(help="Notation of phonemes; by default the artifact's own.")
]
StressOption = Annotated[
    bool | None,
    typer.Option(help="Mark stress, as in T AE1 NG ER0; by default only in ipa and x-sampa."),
]
SourceOption = Annotated[
    Source,
    typer.Option(
        help="Source of pronunciations: model, the network; lexicon, CMUdict (if the phonemes are "
        "ARPAbet) and the dictionaries of --lexicon; auto, these if they contain the word, else "
        "the network."
    ),
]
LexiconOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Dictionary for --source auto and lexicon; repeatable, the last one that contains a "
        "word takes precedence. FORMAT=PATH if the name does not show the format, ALPHABET=PATH "
        "for ipa or x-sampa, FORMAT+ALPHABET=PATH for both."
    ),
]
VariantOrderOption = Annotated[
    Order,
    typer.Option(
        help="Order of a word's variants in CMUdict: network, by the artifact's ranking; lexicon, "
        "as listed there."
    ),
]


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


def write_new(path: Path, lines: Iterable[str], *, overwrite: bool) -> int:
    """Write a text file that must not replace another one; return the number of its lines.

    Arguments and exceptions are those of `check_lines`, and OSError if it cannot be written.
    """
    written = list(lines)
    check_lines(path, written, overwrite=overwrite)
    write_lines(path, written)
    return len(written)


def load(
    artifact: Artifact,
    device: str,
    *,
    precision: Precision,
    threads: int | None,
    phonemes_only: bool = True,
) -> NetworkPhonemizer:
    """Load an artifact, by default with all available cores."""
    from tanger.model.phonemizer import NetworkPhonemizer

    return NetworkPhonemizer.from_artifact(
        artifact,
        device,
        phonemes_only=phonemes_only,
        precision=precision,
        threads=threads or devices.available_cores(),
    )


def load_dictionaries(
    artifact: Artifact, source: Source, lexicon: Sequence[str] | None, order: Order = "network"
) -> Dictionaries:
    """Read CMUdict and the dictionaries of --lexicon.

    If the network is the only source, CMUdict still tells words in capitals from acronyms.

    Args:
        artifact: its phonemes are those of the entries, and its ranking orders CMUdict's variants.
        source: where pronunciations come from.
        lexicon: files, as `Dictionaries.read` takes them.
        order: of CMUdict's variants.

    Raises:
        LexiconError, LexiconFileError: if a dictionary cannot be read.
    """
    if source == "model" and lexicon:
        fail("--lexicon is for --source auto or lexicon")
    return Dictionaries.read(
        Inventory(artifact.phonemes.own),
        files=lexicon or (),
        ranking=variants.read(artifact) if order == "network" else None,
        folder=artifact.path,
    )


def open_input(path: Path) -> TextIO:
    """Open a text file in UTF-8, or standard input for ``-``; invalid bytes are kept as surrogates.

    A byte order mark at the start is no part of the text.

    Raises:
        OSError: if it cannot be opened.
    """
    if str(path) != "-":
        return path.open(encoding="utf-8-sig", errors="surrogateescape")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    return sys.stdin


def escape_output() -> None:
    """Print text that is not valid UTF-8 with escapes, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


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

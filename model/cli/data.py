"""Commands that download the CMUdict split, and convert lexicons and artifacts."""

from __future__ import annotations

import http.client
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple, get_args

import typer

from tanger.model import OutputExistsError, TangerError, lexicon
from tanger.model.cli.common import (
    LexiconAlphabetOption,
    OverwriteOption,
    check_lines,
    fail,
    plain_errors,
)
from tanger.model.lexicon import LexiconFormat, Row
from tanger.model.output_files import file_sha256

# ------------------------------------------------------------------------------------------------
# Download of the CMUdict split.

# The publisher's address: the data folder of CNTK's grapheme-to-phoneme sample.
ORIGIN = (
    "https://raw.githubusercontent.com/microsoft/CNTK/v2.0.rc1/"
    "Examples/SequenceToSequence/CMUDict/Data"
)
_TIMEOUT = 30.0
_ATTEMPTS = 4
_CHUNK = 1 << 16


class Source(NamedTuple):
    """A file to download and its sha256."""

    name: str
    sha256: str


# In the format of sha256sum
_CHECKSUMS = """\
209a8b4cd265013e96f4658632a9878103b0c5abf62b50d4ef3ae1be226b29e4  cmudict-0.7b
61faa823e4a4bc64401522eb68db9543d33ee6f10dcacf5be65b1ef5fe08b6f3  cmudict-0.7b.train-dev-20-21
c8bbfb8d57d8e0c1d2ce6fbc8891325fc4570ac2b9ae068088bc59e804a9c295  cmudict-0.7b.train-dev-1-21
ece787fd3d88c7b130d43e7c2307ac11e6dfb4c052d661c37808ec7ed1df8574  cmudict-0.7b.test
9c6d91ee15b40361066460288e871ceb882a1a550df86f430d38794af90370ac  cmudict-0.7b.mapping
1fc5c8240098266adcd145135efc31070d505854e4edb3ef0bad3e91c2048c19  tiny.ctf
"""
FILES = tuple(Source(name, sha256) for sha256, name in map(str.split, _CHECKSUMS.splitlines()))


class DownloadError(TangerError, RuntimeError):
    """A file could not be downloaded.

    Attributes:
        name: name of the file.
        origin: the folder or address it was requested from.
    """

    def __init__(self, name: str, origin: str, problem: str) -> None:
        super().__init__(f"{name} from {origin}: {problem}")
        self.name = name
        self.origin = origin


def download(
    to: Path,
    origin: str = ORIGIN,
    *,
    files: tuple[Source, ...] = FILES,
    print_progress: Callable[[str], None] = print,
    overwrite: bool = False,
) -> None:
    """Download `files` into the folder `to` from `origin`, a folder or an http(s) address.

    Complete files are reused. An interrupted transfer is resumed, in this run or the next, if the
    server supports range requests (RFC 9110, section 14). A file gets its final name only after its
    sha256 was checked.

    Raises:
        OutputExistsError: if another file exists under one of the names, without `overwrite`.
        DownloadError: if a file cannot be downloaded, or its sha256 is wrong.
        OSError: if a file cannot be written.
    """
    to.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = to / file.name
        if target.exists() and file_sha256(target) == file.sha256:
            print_progress(f"reusing {target}")
            continue
        if target.exists() and not overwrite:
            raise OutputExistsError(
                target,
                "is not the file of the split: move it away, or replace it with --overwrite",
            )
        part = to / f"{file.name}.part"
        _fetch(file, origin, part, print_progress)
        part.replace(target)
        print_progress(f"downloaded {target} ({target.stat().st_size:,} bytes)")


def _fetch(file: Source, origin: str, part: Path, print_progress: Callable[[str], None]) -> None:
    """Download the whole file to `part` and check its sha256."""
    remote = origin.startswith(("http://", "https://"))
    problem = ""
    for attempt in range(_ATTEMPTS if remote else 1):
        if attempt:
            print_progress(f"{file.name}: {problem}; trying again")
        try:
            (_transfer if remote else _copy)(file.name, origin, part)
        except FileNotFoundError as e:
            raise DownloadError(file.name, origin, f"is not there ({e})") from e
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as e:
            problem = f"the transfer failed: {e}"
        except (ConnectionError, ssl.SSLError) as e:
            problem = f"the connection broke: {e}"
        else:
            found = file_sha256(part)
            if found == file.sha256:
                return
            problem = f"its sha256 is {found[:12]}..., expected {file.sha256[:12]}..."
            part.unlink()
    raise DownloadError(file.name, origin, problem)


def _copy(name: str, origin: str, part: Path) -> None:
    shutil.copyfile(Path(origin) / name, part)


def _transfer(name: str, origin: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(f"{origin.rstrip('/')}/{name}")
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            continues = response.status == http.client.PARTIAL_CONTENT
            with part.open("ab" if continues else "wb") as file:
                _receive(response, file)
    except urllib.error.HTTPError as e:
        if e.code == http.client.NOT_FOUND:
            raise FileNotFoundError(e.url) from e
        if e.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # `part` was complete; its checksum is checked next
        raise


def _receive(response: http.client.HTTPResponse, file: BinaryIO) -> None:
    """Copy the body; a connection that ends early is an error."""
    while chunk := response.read(_CHUNK):
        file.write(chunk)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


def convert(
    source: Annotated[Path, typer.Argument(help="Lexicon file or artifact folder to read.")],
    target: Annotated[Path, typer.Argument(help="Lexicon file or artifact folder to write.")],
    to: Annotated[
        LexiconFormat | None,
        typer.Option("--to", help="Format of the target; by default that of its file name."),
    ] = None,
    source_format: Annotated[
        LexiconFormat | None,
        typer.Option("--from", help="Format of the source; by default it is detected."),
    ] = None,
    encoding: Annotated[
        lexicon.Encoding, typer.Option(help="Character encoding of the source.")
    ] = "utf-8",
    alphabet: LexiconAlphabetOption = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="CTF only: file of its symbols, one per line, in index order."),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Convert a lexicon to another format, or an artifact of an older format to the current one.

    Entries of a lexicon keep their order. Probabilities are not invented: the format kaldip needs
    a source with a probability for each entry. An artifact gives the same answers as before, but
    its version changes.
    """
    with plain_errors():
        if source.is_dir():
            _convert_artifact(source, target, overwrite=overwrite)
            return
        wanted = to or lexicon.format_named(target)
        if wanted is None:
            fail(
                f"{target.name} does not tell its format: say --to "
                f"{', '.join(get_args(LexiconFormat))}"
            )
        rows = lexicon.read_rows(
            source, source_format, alphabet=alphabet, aliases=True, encoding=encoding
        )
        if wanted == "kaldip":
            _check_probabilities(source, rows)
        symbols = lexicon.read_words(mapping) if mapping else None
        lines = lexicon.render_rows(rows, wanted, mapping=symbols)
        check_lines(target, lines, overwrite=overwrite)
        lexicon.write_lines(target, lexicon.render_rows(rows, wanted, mapping=symbols))
    print(f"{len(rows):,} entries written to {target}")
    room = lexicon.LINE_FORMATS[wanted].probabilities if wanted in lexicon.LINE_FORMATS else 0
    if lost := sum(len(row.probabilities) > room for row in rows):
        print(f"{wanted} has no place for all the probabilities of {lost:,} of them")
    if wanted != "pls" and (lost := sum(row.sense is not None for row in rows)):
        print(f"{wanted} has no place for the senses of {lost:,} of them")


def _convert_artifact(source: Path, target: Path, *, overwrite: bool) -> None:
    """Convert an artifact to the current format, including its model card."""
    from tanger.model import artifact_conversion
    from tanger.model.evaluation import model_card

    if target.exists() and not overwrite:
        raise OutputExistsError(
            target, "is there already: name another folder, or replace it with --overwrite"
        )
    had_card = (source / model_card.FILE).exists()
    converted = artifact_conversion.convert(source, target)
    if had_card:
        model_card.write(converted, converted.metrics(), converted.word_sets())
    print(f"{converted.name} written to {target}: its version is {converted.version} now")


def _check_probabilities(source: Path, rows: Sequence[Row]) -> None:
    """Refuse entries without a probability."""
    without = [row for row in rows if not row.probabilities]
    if without:
        fail(
            f"{source} has no probability for {len(without):,} of {len(rows):,} entries, the first "
            f"in line {without[0].number}, and kaldip needs one for each: say --to kaldi, which "
            "has none, or let `pronounce --format kaldip` write the network's"
        )


def download_split(
    to: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("data/cmudict"),
    origin: Annotated[
        str, typer.Option("--from", help="Folder or address to get the files from.")
    ] = ORIGIN,
    overwrite: OverwriteOption = False,
) -> None:
    """Download the CMUdict split and check its SHA-256; existing files are reused."""
    with plain_errors():
        download(to, origin, overwrite=overwrite)

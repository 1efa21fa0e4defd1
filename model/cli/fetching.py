"""Commands that get lexicons from elsewhere, and into another form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model import download, lexicon
from model.cli.common import fail, plain_errors
from model.lexicon import LexiconFormat


def convert(
    source: Annotated[Path, typer.Argument(help="The lexicon to read.")],
    target: Annotated[Path, typer.Argument(help="The lexicon to write.")],
    to: Annotated[
        LexiconFormat | None, typer.Option("--to", help="By default what the target's name says.")
    ] = None,
    source_format: Annotated[
        LexiconFormat | None, typer.Option("--from", help="By default what the source looks like.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="CTF only: its symbols, one a line, in index order.")
    ] = None,
) -> None:
    """Turn one lexicon format into another, line by line, in order."""
    with plain_errors():
        wanted = to or lexicon.format_named(target)
        if wanted is None:
            fail(f"{target.name} does not tell its format: say --to cmudict, ctf or tsv")
        entries = lexicon.read(source, source_format)
        symbols = lexicon.decode(mapping.read_bytes()).split() if mapping else None
        lexicon.write(target, entries, wanted, mapping=symbols)
    print(f"{len(entries):,} entries written to {target}")


def download_split(
    to: Annotated[Path, typer.Option(help="The folder to fill.")] = Path("data/cmudict"),
    origin: Annotated[
        str, typer.Option("--from", help="A folder or an address that holds the files.")
    ] = download.ORIGIN,
) -> None:
    """Fetch the CMUdict split, checked; what is there already is reused."""
    with plain_errors():
        download.download(to, origin)

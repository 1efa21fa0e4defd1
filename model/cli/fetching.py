"""Commands that get lexicons from elsewhere, and into another form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from model import download, lexicon
from model.cli.common import OverwriteOption, check_lines, fail, plain_errors
from model.lexicon import LexiconFormat, Row


def convert(
    source: Annotated[Path, typer.Argument(help="The lexicon to read.")],
    target: Annotated[Path, typer.Argument(help="The lexicon to write.")],
    to: Annotated[
        LexiconFormat | None, typer.Option("--to", help="By default what the target's name says.")
    ] = None,
    source_format: Annotated[
        LexiconFormat | None, typer.Option("--from", help="By default what the source looks like.")
    ] = None,
    encoding: Annotated[
        lexicon.Encoding, typer.Option(help="What the source's text is in, where it is no UTF-8.")
    ] = "utf-8",
    mapping: Annotated[
        Path | None, typer.Option(help="CTF only: its symbols, one a line, in index order.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Turn one lexicon format into another, line by line, in order.

    A probability that the source does not have is not made up: kaldip takes a source with one for
    each entry.
    """
    with plain_errors():
        wanted = to or lexicon.format_named(target)
        if wanted is None:
            fail(
                f"{target.name} does not tell its format: say --to "
                f"{', '.join(get_args(LexiconFormat))}"
            )
        rows = lexicon.read_rows(source, source_format, encoding=encoding)
        if wanted == "kaldip":
            _check_probabilities(source, rows)
        symbols = (
            lexicon.decode(mapping, lexicon.read_content(mapping)).split() if mapping else None
        )
        rendered = lexicon.render_rows(rows, wanted, mapping=symbols)
        check_lines(target, rendered, overwrite=overwrite)
        lexicon.write_rows(target, rows, wanted, mapping=symbols)
    print(f"{len(rows):,} entries written to {target}")
    room = lexicon.PROBABILITIES.get(wanted, 0)
    if lost := sum(len(row.probabilities) > room for row in rows):
        print(f"{wanted} has no place for all the probabilities of {lost:,} of them")


def _check_probabilities(source: Path, rows: Sequence[Row]) -> None:
    """Let entries pass that have a probability each."""
    without = [row for row in rows if not row.probabilities]
    if without:
        fail(
            f"{source} has no probability for {len(without):,} of {len(rows):,} entries, the first "
            f"in line {without[0].number}, and kaldip needs one for each: say --to kaldi, which "
            "has none, or let `pronounce --format kaldip` write the network's"
        )


def download_split(
    to: Annotated[Path, typer.Option(help="The folder to fill.")] = Path("data/cmudict"),
    origin: Annotated[
        str, typer.Option("--from", help="A folder or an address that holds the files.")
    ] = download.ORIGIN,
    overwrite: OverwriteOption = False,
) -> None:
    """Fetch the CMUdict split, checked; what is there already is reused."""
    with plain_errors():
        download.download(to, origin, overwrite=overwrite)

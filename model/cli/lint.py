"""The command that looks for errors in a lexicon."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT, ArtifactOption, plain_errors

if TYPE_CHECKING:
    from tanger.model.lint.linter import Examined

ReportFormat = Literal["text", "json", "tsv"]

_COLUMNS = ("line", "word", "phonemes", "suspicion", "reasons", "suggestion")


def lint(
    path: Annotated[Path, typer.Argument(help="The lexicon.", metavar="LEXICON")],
    artifact: ArtifactOption = ARTIFACT,
    known: Annotated[
        list[Path] | None,
        typer.Option(help="A lexicon with more stems for forms to agree with; several may be."),
    ] = None,
    format: Annotated[ReportFormat, typer.Option(help="How findings are written.")] = "text",
    least: Annotated[
        float, typer.Option(min=0, max=1, help="Suspicion from which on an entry is listed.")
    ] = 0.5,
    maximum: Annotated[
        int | None, typer.Option("--most", min=1, help="List so many at most, the most suspicious.")
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 whatever is found.")
    ] = False,
) -> None:
    """List a lexicon's suspicious entries, the worst first; the exit status is 1 if there are any.

    Suspicion is the chance that an entry is wrong, were one in twenty; what is certainly wrong has
    1. Each comes with reasons and, where there is one, a suggestion.
    """
    with plain_errors():
        from tanger.model.decoding import engine
        from tanger.model.lint.linter import Linter, check_phonemes
        from tanger.model.phonemizer import Phonemizer

        rows = [(row.number, row.entry) for row in lexicon.read_rows(path)]
        stems = [entry for other in known or () for entry in lexicon.read(other)]
        checked = artifacts.read(artifact)
        check_phonemes([entry for _, entry in rows], checked.phonemes.own)
        doctor = Linter(Phonemizer.from_artifact(checked, "cpu"), engine.load_scorer(checked))
        with _progress() as progress:
            task = progress.add_task(path.name, total=len(rows))
            examined = doctor.examine(
                rows,
                known=stems,
                least=least,
                watch=lambda entries: progress.advance(task, entries),
            )
    found = sorted(
        (each for each in examined if each.suspicion and each.suspicion >= least),
        key=lambda each: -each.suspicion,
    )
    with plain_errors():
        _print(path, found[:maximum], format)
        sys.stdout.flush()
    unread = sum(each.fault is None and each.features is None for each in examined)
    reported = f"{len(found):,} of {len(examined):,} entries are suspicious"
    if maximum is not None and len(found) > maximum:
        reported += f", the first {maximum:,} are listed"
    if unread:
        reported += (
            f"; {unread:,} hold letters that the artifact does not read: only rules saw them"
        )
    print(reported, file=sys.stderr)
    raise typer.Exit(1 if found and not exit_zero else 0)


def _progress() -> Progress:
    """On stderr, where somebody looks at it."""
    return Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _print(path: Path, found: Sequence[Examined], format: ReportFormat) -> None:
    if format == "json":
        print(json.dumps([_fields(each) for each in found], ensure_ascii=False, indent=2))
        return
    if format == "tsv":
        print("\t".join(_COLUMNS))
    for each in found:
        word, phonemes = lexicon.escape_tsv(each.entry.word), " ".join(each.entry.phonemes)
        reasons, suggestion = "; ".join(each.reasons), " ".join(each.suggestion or ())
        if format == "tsv":
            fields = (each.line, word, phonemes, f"{each.suspicion:.3f}", reasons, suggestion)
            print("\t".join(map(str, fields)))
        else:
            instead = f" -> {suggestion}" if suggestion else ""
            why = f"{each.suspicion:.2f}: {reasons}"
            print(f"{path}:{each.line}: {word}  {phonemes}{instead}  ({why})")


def _fields(each: Examined) -> dict[str, object]:
    values = (
        each.line,
        each.entry.word,
        each.entry.phonemes,
        round(each.suspicion, 3),
        each.reasons,
        each.suggestion,
    )
    return dict(zip(_COLUMNS, values, strict=True))

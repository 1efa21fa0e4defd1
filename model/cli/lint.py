"""The command ``lint``, which finds errors in a lexicon."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from tanger.model import lexicon
from tanger.model.artifact import read as read_artifact
from tanger.model.cli.common import (
    ARTIFACT,
    ArtifactOption,
    LexiconAlphabetOption,
    plain_errors,
)
from tanger.model.phonology.notation import Alphabet

if TYPE_CHECKING:
    from tanger.model.lint.linter import LintResult

ReportFormat = Literal["text", "json", "tsv"]

_COLUMNS = ("line", "word", "phonemes", "suspicion", "reasons", "suggestion")


def lint(
    path: Annotated[Path, typer.Argument(help="Lexicon file.", metavar="LEXICON")],
    artifact: ArtifactOption = ARTIFACT,
    known: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another lexicon with stems that derived forms are compared with; repeatable."
        ),
    ] = None,
    alphabet: LexiconAlphabetOption = None,
    format: Annotated[ReportFormat, typer.Option(help="Output format.")] = "text",
    threshold: Annotated[
        float,
        typer.Option("--least", min=0, max=1, help="Lowest suspicion of listed entries."),
    ] = 0.5,
    limit: Annotated[
        int | None,
        typer.Option(
            "--most", min=1, help="Largest number of listed entries, the most suspicious first."
        ),
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with status 0 even if there are findings.")
    ] = False,
) -> None:
    """List the entries of a lexicon that may be wrong; exit with status 1 if there are any.

    The most suspicious come first. Suspicion is the probability that an entry is wrong, assuming
    that one entry in twenty is; certain errors have 1. Findings have reasons and, if possible, a
    suggested correction.
    """
    with plain_errors():
        results = _lint(path, alphabet, artifact, known or (), threshold)
        findings = sorted(
            (each for each in results if each.suspicion and each.suspicion >= threshold),
            key=lambda each: -each.suspicion,
        )
        _print(path, findings[:limit], format)
        sys.stdout.flush()
    unreadable = sum(each.fault is None and each.features is None for each in results)
    summary = f"{len(findings):,} of {len(results):,} entries are suspicious"
    if limit is not None and len(findings) > limit:
        summary += f", the first {limit:,} are listed"
    if unreadable:
        summary += f"; {unreadable:,} hold letters that the artifact does not read: only rules "
        summary += "saw them"
    print(summary, file=sys.stderr)
    raise typer.Exit(1 if findings and not exit_zero else 0)


def _lint(
    path: Path,
    alphabet: Alphabet | None,
    artifact: Path,
    known: Sequence[Path],
    threshold: float,
) -> list[LintResult]:
    from tanger.model.lint.linter import Linter, check_phonemes
    from tanger.model.phonemizer import NetworkPhonemizer

    rows = [
        (row.number, row.entry)
        for row in lexicon.read_rows(path, alphabet=alphabet, aliases=True)
        if row.alias is None
    ]
    stems = [entry for other in known for entry in lexicon.read(other)]
    reference = read_artifact(artifact)
    check_phonemes([entry for _, entry in rows], reference.phonemes.own)
    linter = Linter(NetworkPhonemizer.from_artifact(reference, "cpu"))
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(path.name, total=len(rows))
        return linter.lint(
            rows,
            known=stems,
            threshold=threshold,
            on_progress=lambda entries: progress.advance(task, entries),
        )


def _print(path: Path, findings: Sequence[LintResult], format: ReportFormat) -> None:
    if format == "json":
        print(json.dumps([_fields(each) for each in findings], ensure_ascii=False, indent=2))
        return
    if format == "tsv":
        print("\t".join(_COLUMNS))
    for each in findings:
        word, phonemes = lexicon.escape_tsv(each.entry.word), " ".join(each.entry.phonemes)
        reasons, suggestion = "; ".join(each.reasons), " ".join(each.suggestion or ())
        if format == "tsv":
            fields = (each.line, word, phonemes, f"{each.suspicion:.3f}", reasons, suggestion)
            print("\t".join(map(str, fields)))
        else:
            instead = f" -> {suggestion}" if suggestion else ""
            why = f"{each.suspicion:.2f}: {reasons}"
            print(f"{path}:{each.line}: {word}  {phonemes}{instead}  ({why})")


def _fields(result: LintResult) -> dict[str, object]:
    values = (
        result.line,
        result.entry.word,
        result.entry.phonemes,
        round(result.suspicion, 3),
        result.reasons,
        result.suggestion,
    )
    return dict(zip(_COLUMNS, values, strict=True))

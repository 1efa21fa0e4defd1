"""The command ``reproduce``, which makes the shipped artifacts from their sources."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from tanger.model.cli.common import DeviceOption, MinutesOption, ThreadsOption, fail, plain_errors

# Artifacts of American English; `SOURCES` only downloads the dictionaries, for `evaluate --set`
SOURCES = "sources"
ENGLISH = (SOURCES, "en-us", "en-us-fast", "en-us-cmudict")


def reproduce(
    artifact: Annotated[
        str,
        typer.Argument(
            help="Name of the artifact: en-us, en-us-fast, en-us-cmudict, or the code of a "
            "language, such as de. sources downloads the English dictionaries alone."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for artifacts and intermediate files.")] = Path(
        "data/reproduced"
    ),
    sources: Annotated[Path, typer.Option(help="Folder for the downloaded sources.")] = Path(
        "data/english"
    ),
    given: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with copies of sources; missing ones are downloaded."),
    ] = None,
    scale: Annotated[
        Literal["full", "tiny"],
        typer.Option(help="tiny runs every step on 2,000 words, as a test."),
    ] = "full",
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    minutes: MinutesOption = math.inf,
) -> None:
    """Reproduce a shipped artifact from its sources. Takes minutes to days; repeat it to resume.

    With --minutes it begins no step after that time, and stops a training that is under way.
    """
    deadline = time.monotonic() + 60 * minutes
    with plain_errors():
        from tanger.model.cli.reproduction import cmudict, english, languages
        from tanger.model.cli.reproduction.pipeline import Pipeline, evaluated
        from tanger.model.cli.reproduction.workspace import SCALES, Workspace
        from tanger.model.languages.definition import names

        if artifact not in (*ENGLISH, *names()):
            fail(f"there is no artifact {artifact}: say {', '.join((*ENGLISH, *names()))}")
        work = Workspace(out, SCALES[scale], sources, given, device, threads, deadline)
        out.mkdir(parents=True, exist_ok=True)
        if artifact in ENGLISH:
            steps = [*work.source_steps(), *cmudict.steps(work), *english.steps(work)]
            wanted = SOURCES if artifact == SOURCES else evaluated(artifact)
        else:
            steps, wanted = languages.steps(work, artifact), evaluated(artifact)
        if not Pipeline(out, steps).run(wanted, deadline=deadline):
            print("out of time: repeat the command to go on")
            raise typer.Exit(130)
    print(f"{artifact}: made in {sources if wanted == SOURCES else work.artifact(artifact)}")

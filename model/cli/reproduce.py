"""The command ``reproduce``, which makes the shipped English artifacts from their sources."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from tanger.model.cli.common import DeviceOption, ThreadsOption, plain_errors


class ArtifactName(enum.StrEnum):
    """Names of the artifacts; ``sources`` only downloads the dictionaries, for `evaluate --set`."""

    SOURCES = "sources"
    EN_US = "en-us"
    EN_US_FAST = "en-us-fast"
    EN_US_CMUDICT = "en-us-cmudict"


class ScaleName(enum.StrEnum):
    """Size of the training data and networks."""

    FULL = "full"
    TINY = "tiny"


def reproduce(
    artifact: Annotated[ArtifactName, typer.Argument(help="Name of the artifact, or sources.")],
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
        ScaleName, typer.Option(help="tiny runs every step on 2,000 words, as a test.")
    ] = ScaleName.FULL,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Reproduce a shipped artifact from its sources. Takes days; repeat the command to resume."""
    with plain_errors():
        from tanger.model.cli.reproduction import cmudict, english
        from tanger.model.cli.reproduction.pipeline import Pipeline
        from tanger.model.cli.reproduction.workspace import SCALES, Workspace

        work = Workspace(out, SCALES[scale], sources, given, device, threads)
        out.mkdir(parents=True, exist_ok=True)
        steps = [*work.source_steps(), *cmudict.steps(work), *english.steps(work)]
        wanted = "sources" if artifact is ArtifactName.SOURCES else english.evaluated(artifact)
        Pipeline(out, steps).run(wanted)
    print(
        f"{artifact.value}: made in {sources if wanted == 'sources' else work.artifact(artifact)}"
    )

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
    artifact: Annotated[ArtifactName, typer.Argument(help="Which one.")],
    out: Annotated[Path, typer.Option(help="The folder for all that is made on the way.")] = Path(
        "data/reproduced"
    ),
    sources: Annotated[Path, typer.Option(help="The folder that keeps the sources.")] = Path(
        "data/english"
    ),
    given: Annotated[
        Path | None,
        typer.Option("--from", help="A folder that has sources; what it lacks is downloaded."),
    ] = None,
    scale: Annotated[
        ScaleName, typer.Option(help="tiny: every step, on 2,000 words, to see that all works.")
    ] = ScaleName.FULL,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Make a shipped artifact from its sources: days on one core, resumed by the same command."""
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

"""The folder in which artifacts are reproduced, and the scale of the reproduction."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tanger.model.cli.reproduction import sources
from tanger.model.cli.reproduction.pipeline import Step
from tanger.model.cli.train import train
from tanger.model.english.sources import FILES
from tanger.model.output_files import replace_file
from tanger.model.training import recipe as recipes
from tanger.model.training import run_state

CMUDICT = FILES["cmudict"]

_WORD = re.compile(rb"^[^\s(]+")


@dataclass(frozen=True)
class Scale:
    """Amount of training data and size of the networks.

    Attributes:
        words: number of CMUdict lines to keep, chosen by a hash of the word; the same share is kept
            of the other files. None for all.
        spellings: number of spellings without pronunciation from each list; None for all.
        invented: number of invented spellings.
        scowl_spellings: number of spellings from SCOWL for the first ensembles.
        more_scowl_spellings: the same for the last one.
        repeats: repetitions of frequent words, as ``WORDS:TIMES``.
        overrides: TOML settings that override those of every recipe.
        verify: require the editions of the sources that the shipped artifacts were made from.
    """

    words: int | None = None
    spellings: int | None = None
    invented: int = 400_000
    scowl_spellings: int = 150_000
    more_scowl_spellings: int = 200_000
    repeats: tuple[str, ...] = ("300:20", "1000:12", "10000:6")
    overrides: str = ""
    verify: bool = True


SCALES: Mapping[str, Scale] = {
    "full": Scale(),
    "tiny": Scale(
        words=2_000,
        spellings=200,
        invented=100,
        scowl_spellings=200,
        more_scowl_spellings=200,
        repeats=("30:2",),
        overrides="[network]\nhidden = 32\nembedding = 16\n[optimiser]\nwarmup = 5\n"
        "[run]\nepochs = 1\naveraging = 0.9\n",
        verify=False,
    ),
}


@dataclass(frozen=True)
class Workspace:
    """Folders and options of a reproduction.

    Attributes:
        out: output folder.
        scale: the scale.
        downloads: folder of the complete sources.
        given: a local folder that contains some of them.
        device: training device.
        threads: CPU threads; all by default.
        deadline: when to stop trainings, by `time.monotonic`; it decides no output.
    """

    out: Path
    scale: Scale
    downloads: Path
    given: Path | None = None
    device: str = "auto"
    threads: int | None = None
    deadline: float = field(default=math.inf, repr=False, compare=False)

    @property
    def sources(self) -> Path:
        """Folder of the sources, reduced to this scale."""
        return self.out / "sources"

    def artifact(self, name: str) -> Path:
        """Return the folder of an artifact."""
        return self.out / "artifacts" / name

    def source_steps(self) -> list[Step]:
        """Return the steps that collect the sources and reduce them to this scale."""
        whole = self.downloads
        names = list(sources.CHECKSUMS)
        return [
            Step(
                "sources",
                partial(self._collect),
                tuple(whole / name for name in names),
                settings=dict(sources.CHECKSUMS),
            ),
            Step(
                "words",
                partial(_copy_sample, whole, self.sources, self.scale.words),
                tuple(self.sources / name for name in names),
                ("sources",),
            ),
        ]

    def _collect(self) -> None:
        # A method without arguments: the origin of the files does not count as an input of the step
        sources.collect(self.downloads, self.given, verify=self.scale.verify)

    def train(
        self,
        name: str,
        depends_on: Sequence[str],
        data: Mapping[str, Path | list[Path]],
        *,
        recipe: str | None = None,
        init: str | None = None,
    ) -> Step:
        """Return a step that trains the artifact `name`.

        Args:
            name: name of the artifact and of the step.
            depends_on: names of the steps that make its training data.
            data: lexicons and labels, by option of `tanger train`.
            recipe: name of the recipe; by default `name`.
            init: artifact that provides the initial weights.
        """
        followed, out = recipe or name, self.artifact(name)
        steps = (*depends_on, *([] if init is None else [init]))
        options = dict(data, init=None if init is None else self.artifact(init))
        begin = partial(self._run_training, followed, out, resume=False, **options)
        resume = partial(self._run_training, followed, out, resume=True, **options)
        settings = [asdict(recipes.load(followed)), self.scale.overrides]
        return Step(name, begin, (out,), steps, resume, settings)

    def _run_training(self, recipe: str, out: Path, *, resume: bool, **options: Any) -> None:
        run = self.out / "runs" / out.name
        resume = resume and (run / run_state.FILE).exists()
        train(
            recipe=self._overridden(recipe),
            out=out,
            run=run,
            resume=resume,
            restart=not resume,
            device=self.device,
            threads=self.threads,
            minutes=max(0.0, self.deadline - time.monotonic()) / 60,
            **options,
        )

    def _overridden(self, recipe: str) -> str:
        """Return the recipe for this scale: its name, or a file that extends it."""
        if not self.scale.overrides:
            return recipe
        file = self.out / "recipes" / f"{recipe}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, f'extends = "{recipe}"\n{self.scale.overrides}'.encode())
        return str(file)


def _copy_sample(whole: Path, kept: Path, words: int | None) -> None:
    """Copy the same share of words of each source, so that CMUdict has about `words` lines."""
    fraction = 1.0
    if words is not None:
        fraction = min(1.0, words / (whole / CMUDICT).read_bytes().count(b"\n"))
    for name in sources.CHECKSUMS:
        lines = (whole / name).read_bytes().splitlines(keepends=True)
        sample = [line for line in lines if fraction == 1 or _digest(line) < fraction]
        replace_file(kept / name, b"".join(sample))


def _digest(line: bytes) -> float:
    """Hash the first word of a line to a number from 0 to 1.

    The hash differs from that of `english.folds`, so that all folds are represented in a share.
    """
    word = _WORD.match(line)
    spelt = (word[0] if word else line).upper()
    return int.from_bytes(hashlib.blake2b(spelt, digest_size=4).digest(), "big") / 2**32

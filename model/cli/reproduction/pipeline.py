"""Steps that make files of each other: each is done once, until what it is made of changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tanger.model import TangerError
from tanger.model.artifact import WEIGHTS
from tanger.model.output_files import replace_file


class StepError(TangerError, RuntimeError):
    """A step that did not make what it is there for.

    Attributes:
        step: its name.
        path: what is missing.
    """

    def __init__(self, step: str, path: Path) -> None:
        super().__init__(f"step {step} ended without {path}")
        self.step = step
        self.path = path


@dataclass(frozen=True)
class Step:
    """Something that is made.

    Attributes:
        name: what it is called, on the console and in the record.
        make: makes it; its arguments decide what is made, so that others make it anew.
        outputs: files, or folders of artifacts.
        needs: names of the steps whose outputs it is made of.
        resume: takes up an earlier attempt at the very same, where there can be one.
        settings: what decides the outputs besides.
    """

    name: str
    make: partial[None]
    outputs: tuple[Path, ...]
    needs: tuple[str, ...] = ()
    resume: Callable[[], None] | None = None
    settings: Any = None


class Pipeline:
    """Steps, and the record of what was made of what: ``steps.json`` in its folder."""

    def __init__(
        self, folder: Path, steps: Sequence[Step], *, say: Callable[[str], None] = print
    ) -> None:
        """Read the record of an earlier run, if there was one.

        Args:
            folder: for the record.
            steps: in any order.
            say: gets a line a step.
        """
        self._steps = {step.name: step for step in steps}
        self._file = folder / "steps.json"
        self._record: dict[str, dict[str, Any]] = (
            json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        )
        self._say = say

    def run(self, name: str) -> None:
        """Make what `name` is made of, then itself; what is made already stays.

        Raises:
            StepError: where a step does not make its outputs.
        """
        for step in self._ordered(name, set()):
            made_from = self._made_from(step)
            earlier = self._record.get(step.name, {})
            if earlier.get("made_from") == made_from and earlier.get("made") == self._made(step):
                self._say(f"{step.name}: made already")
                continue
            self._say(f"{step.name} ...")
            begun = {"begun": made_from}
            self._keep(step, begun)
            for path in step.outputs:
                path.parent.mkdir(parents=True, exist_ok=True)
            (step.resume if step.resume and earlier == begun else step.make)()
            self._keep(step, {"made_from": made_from, "made": self._made(step, required=True)})

    def _ordered(self, name: str, seen: set[str]) -> Iterator[Step]:
        """The step and all that it needs, each once, needs first."""
        if name in seen:
            return
        seen.add(name)
        for need in self._steps[name].needs:
            yield from self._ordered(need, seen)
        yield self._steps[name]

    def _made_from(self, step: Step) -> str:
        """A digest of all that decides the outputs."""
        needs = {name: self._record[name]["made"] for name in step.needs}
        decides = [needs, step.make.args, step.make.keywords, step.settings]
        return hashlib.sha256(json.dumps(decides, default=str, sort_keys=True).encode()).hexdigest()

    def _made(self, step: Step, *, required: bool = False) -> dict[str, str]:
        """The digest of each output that is there."""
        digests = {}
        for path in step.outputs:
            # What an evaluation writes beside an artifact's weights is no other artifact
            file = path / WEIGHTS if path.is_dir() else path
            if file.is_file():
                digests[str(path)] = _sha256(file)
            elif required:
                raise StepError(step.name, path)
        return digests

    def _keep(self, step: Step, record: dict[str, Any]) -> None:
        self._record[step.name] = record
        content = json.dumps(self._record, indent=2, sort_keys=True)
        replace_file(self._file, f"{content}\n".encode())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

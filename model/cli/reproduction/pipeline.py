"""A pipeline of steps that make files from each other, repeated only if their inputs change."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tanger.model import TangerError
from tanger.model.artifact import WEIGHTS
from tanger.model.output_files import file_sha256, replace_file


class StepError(TangerError, RuntimeError):
    """A step did not write one of its outputs.

    Attributes:
        step: name of the step.
        path: the missing output.
    """

    def __init__(self, step: str, path: Path) -> None:
        super().__init__(f"step {step} ended without {path}")
        self.step = step
        self.path = path


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Attributes:
        name: its name, on the console and in the record.
        run: runs the step. If its arguments change, the step is repeated.
        outputs: files, or folders of artifacts.
        depends_on: names of the steps whose outputs it reads.
        resume: continues an interrupted run with identical inputs; None if it cannot be resumed.
        settings: other values that determine the outputs; the step is repeated if they change.
    """

    name: str
    run: partial[None]
    outputs: tuple[Path, ...]
    depends_on: tuple[str, ...] = ()
    resume: Callable[[], None] | None = None
    settings: Any = None


def evaluated(artifact: str) -> str:
    """Return the name of an artifact's last step, which evaluates it."""
    return f"{artifact}, evaluated"


class Pipeline:
    """Runs steps, and records in ``steps.json`` in its folder what their outputs were made from."""

    def __init__(
        self, folder: Path, steps: Sequence[Step], *, print_progress: Callable[[str], None] = print
    ) -> None:
        """Read the record of earlier runs, if there is one.

        Args:
            folder: folder of the record.
            steps: the steps, in any order.
            print_progress: prints a line, one per step.
        """
        self._steps = {step.name: step for step in steps}
        self._file = folder / "steps.json"
        self._record: dict[str, dict[str, Any]] = (
            json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        )
        self._print_progress = print_progress

    def run(self, name: str, *, deadline: float = math.inf) -> bool:
        """Run a step after all that it depends on; steps whose outputs are up to date are skipped.

        Args:
            name: name of the step.
            deadline: begin no step after this time, by `time.monotonic`.

        Returns:
            False if a step has not begun because of the deadline.

        Raises:
            StepError: if a step does not write its outputs.
        """
        for step in self._ordered(name, set()):
            input_hash = self._input_hash(step)
            earlier = self._record.get(step.name, {})
            unchanged = earlier.get("made_from") == input_hash
            if unchanged and earlier.get("made") == self._output_hashes(step):
                self._print_progress(f"{step.name}: made already")
                continue
            if time.monotonic() > deadline:
                return False
            self._print_progress(f"{step.name} ...")
            begun = {"begun": input_hash}
            self._keep(step, begun)
            for path in step.outputs:
                path.parent.mkdir(parents=True, exist_ok=True)
            (step.resume if step.resume and earlier == begun else step.run)()
            made = self._output_hashes(step, required=True)
            self._keep(step, {"made_from": input_hash, "made": made})
        return True

    def _ordered(self, name: str, seen: set[str]) -> Iterator[Step]:
        """Yield the step and all steps that it depends on, each once, in topological order."""
        if name in seen:
            return
        seen.add(name)
        for other in self._steps[name].depends_on:
            yield from self._ordered(other, seen)
        yield self._steps[name]

    def _input_hash(self, step: Step) -> str:
        """Return a hash of everything that determines the step's outputs."""
        inputs = {name: self._record[name]["made"] for name in step.depends_on}
        decides = [inputs, step.run.args, step.run.keywords, step.settings]
        return hashlib.sha256(json.dumps(decides, default=str, sort_keys=True).encode()).hexdigest()

    def _output_hashes(self, step: Step, *, required: bool = False) -> dict[str, str]:
        """Return the sha256 of each existing output."""
        digests = {}
        for path in step.outputs:
            # Only the weights count: an evaluation adds files to an artifact's folder
            file = path / WEIGHTS if path.is_dir() else path
            if file.is_file():
                digests[str(path)] = file_sha256(file)
            elif required:
                raise StepError(step.name, path)
        return digests

    def _keep(self, step: Step, record: dict[str, Any]) -> None:
        self._record[step.name] = record
        content = json.dumps(self._record, indent=2, sort_keys=True)
        replace_file(self._file, f"{content}\n".encode())

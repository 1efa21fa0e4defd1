"""Save and restore the complete state of a training run, in one file.

A resumed run continues exactly as an uninterrupted one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from tanger.model import FileError
from tanger.model.output_files import replace_file
from tanger.model.training.optimizers import Optimizer
from tanger.model.training.recipe import RENAMED_SETTINGS, RunRecipe, flat

FILE = "state.safetensors"
# Version of the file format. Files of format 1 do not state it and have other names for the
# averaged weights. Format 2 uses the former names of weights and settings (see
# `artifact_conversion`).
FORMAT = "3"


class RunStateError(FileError):
    """A saved run that cannot be resumed."""


@dataclass
class RunProgress:
    """Progress of a run. All fields are saved in the state file, floats without loss.

    Attributes:
        epoch: index of the current epoch, from 0.
        sweep: index of the current sweep over the lexicon, from 0.
        position: number of completed minibatches of this sweep.
        minibatches: number of completed minibatches of the run.
        tokens_read: label tokens read, ``<s>`` included: CNTK's measure of an epoch.
        loss, wrong, tokens: of the current epoch: summed loss, wrong label tokens, all label
            tokens.
        words: words trained on in the current epoch.
        epoch_seconds: time spent on the current epoch.
        seconds: time spent on the run.
        finished: whether the last epoch is done.
        history: one record per epoch, for ``metrics.jsonl``.
        bfloat16: whether products are computed in bfloat16; decided once, None before.
        replaces: version of the artifact that this run may replace: the one it wrote last, or the
            one it was started to replace.
    """

    epoch: int = 0
    sweep: int = 0
    position: int = 0
    minibatches: int = 0
    tokens_read: int = 0
    loss: float = 0.0
    wrong: int = 0
    tokens: int = 0
    words: int = 0
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    finished: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)
    bfloat16: bool | None = None
    replaces: str | None = None

    def best(self, run: RunRecipe) -> dict[str, Any] | None:
        """Return the record of the best epoch; None before the first.

        It has the lowest dev WER, and among equals the lowest dev PER. A later epoch whose dev WER
        is above the lowest by at most the recipe's tolerance is better still.
        """
        lowest = min(self.history, key=lambda r: (r["dev_wer"], r["dev_per"]), default=None)
        if lowest is None or not run.tolerance:
            return lowest
        near = lowest["dev_wer"] + run.tolerance
        return max(
            (record for record in self.history if record["dev_wer"] <= near),
            key=lambda record: int(record["epoch"]),
        )

    def since_best(self, run: RunRecipe) -> int:
        """Return the number of epochs completed since the best one."""
        best = self.best(run)
        return self.epoch - best["epoch"] if best is not None else self.epoch

    def start_epoch(self) -> None:
        """Start the next epoch with its figures at zero."""
        self.epoch += 1
        self.loss, self.wrong, self.tokens, self.words = 0.0, 0, 0, 0
        self.epoch_seconds = 0.0

    def ends(self, run: RunRecipe) -> bool:
        """Whether the run is over: all epochs are done, or patience is exhausted."""
        return self.epoch == run.epochs or 0 < run.patience <= self.since_best(run)


def save(
    path: Path,
    *,
    identity: Mapping[str, Any],
    progress: RunProgress,
    modules: Mapping[str, nn.Module],
    optimizer: Optimizer,
) -> None:
    """Write the state of a run to a file, atomically.

    Args:
        path: the state file.
        identity: what the run was started with, as JSON values; `load` refuses a different one.
        progress: progress of the run.
        modules: the networks, by name.
        optimizer: the optimizer.

    Raises:
        OSError: if it cannot be written; the previous state is unchanged.
    """
    tensors = {f"optimizer:{name}": value for name, value in optimizer.state().items()}
    for module_name, module in modules.items():
        for name, value in module.state_dict().items():
            tensors[f"{module_name}:{name}"] = value
    tensors["rng:cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["rng:cuda"] = torch.cuda.get_rng_state()
    metadata = {
        "format": FORMAT,
        "identity": json.dumps(identity),
        "progress": json.dumps(asdict(progress)),
    }
    content = safetensors.torch.save(
        {name: value.detach().cpu().contiguous() for name, value in tensors.items()}, metadata
    )
    replace_file(path, content)


def load(
    path: Path,
    *,
    identity: Mapping[str, Any],
    modules: Mapping[str, nn.Module],
    optimizer: Optimizer,
) -> RunProgress:
    """Restore modules, optimizer and random state from the file at `path`, and return the progress.

    Raises:
        RunStateError: if there is no such file, the run was started with another recipe or data, or
            the file was saved by an incompatible version of tanger.
    """
    if not path.exists():
        raise RunStateError(path, "there is no run to resume")
    progress, started = _read_metadata(path)
    if started != identity:
        raise RunStateError(
            path,
            f"was started with {_difference(started, identity)}: repeat the command as it was, or "
            "start over with --restart",
        )
    tensors = safetensors.torch.load_file(path)
    for name, module in modules.items():
        module.load_state_dict(_with_prefix(tensors, name))
    optimizer.restore(_with_prefix(tensors, "optimizer"))
    rng = _with_prefix(tensors, "rng")
    torch.set_rng_state(rng["cpu"])
    if torch.cuda.is_available() and "cuda" in rng:
        torch.cuda.set_rng_state(rng["cuda"])
    return progress


def peek(path: Path) -> RunProgress | None:
    """Return the progress of the run saved at `path`; None if there is none.

    Raises:
        RunStateError: if the file is not a run's state, or was saved by an incompatible version.
    """
    return _read_metadata(path)[0] if path.exists() else None


def check_new(folder: Path) -> None:
    """Refuse to start a run in a folder that contains an unfinished one.

    Raises:
        RunStateError: states the options.
    """
    unfinished = peek(folder / FILE)
    if unfinished is not None and not unfinished.finished:
        raise RunStateError(
            folder,
            f"holds an unfinished run, in epoch {unfinished.epoch + 1}: --resume goes on "
            "with it, --restart gives it up, --run names another folder",
        )


def _read_metadata(path: Path) -> tuple[RunProgress, dict[str, Any]]:
    """Return progress and identity of the run saved at `path`."""
    try:
        # safetensors.torch opens the file a second time, when a run may just have replaced it
        with safetensors.safe_open(path, framework="np") as file:
            metadata = file.metadata()
        progress, identity = json.loads(metadata["progress"]), json.loads(metadata["identity"])
        if (found := metadata.get("format", "1")) == FORMAT:
            return RunProgress(**progress), identity
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as e:
        raise RunStateError(path, f"is damaged or no run's state: {e}") from e
    settings = flat(identity.get("recipe") or {})
    renamed = "".join(
        f"its {old} is called {new} now; "
        for old, new in RENAMED_SETTINGS.items()
        if old in settings
    )
    raise RunStateError(
        path,
        f"was saved by another version of tanger, in format {found} where this one reads {FORMAT}: "
        f"{renamed}finish the run with that version, or start over with --restart",
    )


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix` and a colon, without this prefix."""
    start = f"{prefix}:"
    return {
        name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)
    }


# ------------------------------------------------------------------------------------------------
# Messages about how a resumed run differs from the saved one.


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Describe what the run was started with, for each setting that differs now."""
    found = []
    for key in dict.fromkeys([*before, *now]):
        was, given = before.get(key), now.get(key)
        if was == given:
            continue
        if key == "recipe":
            found.append(f"another recipe ({_settings_difference(was or {}, given or {})})")
        elif key == "data":
            found += _data_differences(was or {}, given or {})
        elif key == "init":
            found.append(f"--init {_artifact(was)}, not {_artifact(given)}")
        else:
            found.append(f"{key} {was}, not {given}")
    return "; ".join(found)


def _settings_difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    was, given = flat(before), flat(now)
    return ", ".join(
        f"{key} {was.get(key)}, not {given.get(key)}"
        for key in dict.fromkeys([*was, *given])
        if was.get(key) != given.get(key)
    )


def _data_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        if before.get(name) != now.get(name):
            option = "--" + name.replace("_", "-")
            was, given = _files(before.get(name)), _files(now.get(name))
            same = was == given
            yield f"other content of {option} {was}" if same else f"{option} {was}, not {given}"


def _files(checksums: Any) -> str:
    if checksums is None:
        return "none"
    listed = checksums if isinstance(checksums, list) else [checksums]
    return " ".join(each["file"] for each in listed)


def _artifact(summary: Mapping[str, str] | None) -> str:
    return "none" if summary is None else f"{summary['name']} ({summary['version']})"

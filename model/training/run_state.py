"""All that a training run needs to go on as if it had never stopped, in one file."""

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

from tanger.model import TangerError
from tanger.model.output_files import replace_file
from tanger.model.training.optimizers import Optimizer
from tanger.model.training.recipe import RENAMED_SETTINGS, RunRecipe, flat

FILE = "state.safetensors"
# Of the file. Format 1 said none, and kept the averaged weights under other names; format 2 had the
# names that weights and settings of networks had before artifacts of format 2.
FORMAT = "3"


class RunStateError(TangerError, ValueError):
    """A saved run that cannot be taken up.

    Attributes:
        path: its file.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


@dataclass
class Progress:
    """How far a run is. Everything here survives in the state file, floats to the last bit.

    Attributes:
        epoch: the current epoch, from 0.
        sweep: the current sweep over the lexicon, from 0.
        position: minibatches of this sweep that are done.
        minibatches: minibatches of the run that are done.
        tokens_read: label tokens read, ``<s>`` included: CNTK's measure of an epoch.
        loss, wrong, tokens: of the current epoch: summed loss, wrong and all label tokens.
        words: words trained on in the current epoch.
        epoch_seconds: time spent on the current epoch.
        seconds: time spent on the run.
        finished: its last epoch is done.
        history: a record an epoch, for ``metrics.jsonl``.
        bfloat16: whether products are bfloat16, decided once; None before.
        replaces: version of the artifact that this run may replace: its own so far, or one that
            it was started to replace.
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

    @property
    def best(self) -> dict[str, Any] | None:
        """The record of the epoch with the lowest dev WER, PER deciding between equals."""
        return min(self.history, key=lambda r: (r["dev_wer"], r["dev_per"]), default=None)

    @property
    def since_best(self) -> int:
        """Epochs that are done since the best one."""
        return self.epoch - self.best["epoch"] if self.best is not None else self.epoch

    def start_epoch(self) -> None:
        """Count an epoch as done: the figures of the next begin at nothing."""
        self.epoch += 1
        self.loss, self.wrong, self.tokens, self.words = 0.0, 0, 0, 0
        self.epoch_seconds = 0.0

    def ends(self, run: RunRecipe) -> bool:
        """Whether the run is over after the epochs that are done: all of them, or no patience."""
        return self.epoch == run.epochs or 0 < run.patience <= self.since_best


def save(
    path: Path,
    *,
    identity: Mapping[str, Any],
    progress: Progress,
    modules: Mapping[str, nn.Module],
    optimizer: Optimizer,
) -> None:
    """Write the run's state in one piece.

    Args:
        path: the state file.
        identity: what the run was started with, as JSON has it; `load` refuses another.
        progress: how far it is.
        modules: the networks, by name.
        optimizer: the optimizer.

    Raises:
        OSError: where it cannot be written; the earlier state still stands.
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
) -> Progress:
    """Restore the run saved at `path`: modules, optimizer and random state.

    Raises:
        RunStateError: where there is none, it was started with another recipe or data, or another
            version of tanger saved it.
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


def peek(path: Path) -> Progress | None:
    """How far the run saved at `path` is; None where there is none.

    Raises:
        RunStateError: where the file is no run's state, or one of another version of tanger.
    """
    return _read_metadata(path)[0] if path.exists() else None


def check_new(folder: Path) -> None:
    """Refuse to start a run in a folder that holds an unfinished one.

    Raises:
        RunStateError: what to do about it.
    """
    unfinished = peek(folder / FILE)
    if unfinished is not None and not unfinished.finished:
        raise RunStateError(
            folder,
            f"holds an unfinished run, in epoch {unfinished.epoch + 1}: --resume goes on "
            "with it, --restart gives it up, --run names another folder",
        )


def _read_metadata(path: Path) -> tuple[Progress, dict[str, Any]]:
    """Progress and identity of the run saved at `path`."""
    try:
        # torch would open it a second time, when a run may just have put another in its place
        with safetensors.safe_open(path, framework="np") as file:
            metadata = file.metadata()
        progress, identity = json.loads(metadata["progress"]), json.loads(metadata["identity"])
        if (found := metadata.get("format", "1")) == FORMAT:
            return Progress(**progress), identity
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
    """The tensors whose names start with `prefix` and a colon, by the rest of their names."""
    start = f"{prefix}:"
    return {
        name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)
    }


# ------------------------------------------------------------------------------------------------
# How a run that is resumed differs from the one that was saved, for messages.


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What was given when the run started, where something else is given now."""
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

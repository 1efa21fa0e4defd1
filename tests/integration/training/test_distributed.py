import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from tanger.model.training import recipe, run_state
from tanger.model.training.distributed import Processes
from tests.support import ROOT
from tests.support.live_service import eventually
from tests.support.recipes import TINY_RECIPE
from tests.support.training import ALONE, SilentReporter, train

STILL = TINY_RECIPE.replace("dropout = 0.05", "dropout = 0.0").replace("epochs = 8", "epochs = 2")


def test_shares_make_the_whole():
    items = list(range(7))
    shares = [Processes(rank, 3, torch.device("cpu")).shard(items) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == items
    assert ALONE.shard(items) == items
    assert ALONE.is_main


class Torchrun:
    """The command that trains in two processes, in a folder of its own."""

    def __init__(self, folder, little_lexicon):
        self.command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
            "-m", "--", "tanger", "train", "--recipe", "still.toml", "--out", "out",
            "--lexicon", str(little_lexicon["train"]), "--dev", str(little_lexicon["dev"]),
            "--device", "cpu", "--threads", "1", "--save-every", "0",
        ]  # fmt: skip
        self.where = {"cwd": folder, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}

    def start(self):
        return subprocess.Popen(self.command, start_new_session=True, **self.where)

    def finish(self, *more):
        done = subprocess.run([*self.command, *more], check=False, capture_output=True, text=True,
                              timeout=300, **self.where)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def torchrun(folder, little_lexicon):
    return Torchrun(folder, little_lexicon)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "still.toml").write_text(STILL)
    return tmp_path


def losses(path):
    return [json.loads(line)["loss"] for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_learn_what_one_does(folder, little_lexicon, torchrun):
    """The same minibatches, the same sums: the same losses, but for the order of additions."""
    train(
        recipe.load(str(folder / "still.toml")), lexicon_path=little_lexicon["train"],
        dev_path=little_lexicon["dev"], out=folder / "alone", run=folder / "alone-run",
        reporter=SilentReporter(),
    )  # fmt: skip
    assert torchrun.finish().count("epoch 2 of 2 done") == 1, "one of them speaks"
    together, alone = losses(folder / "out/metrics.jsonl"), losses(folder / "alone/metrics.jsonl")
    assert together == pytest.approx(alone, rel=2e-3)
    made = json.loads((folder / "out" / "config.json").read_text())["training"]
    assert made["processes"] == 2


@pytest.mark.slow
def test_they_stop_and_go_on_together(folder, torchrun):
    state = folder / "runs" / "out" / run_state.FILE
    process = torchrun.start()
    try:
        eventually(lambda: state.exists() and run_state.peek(state).minibatches > 20, "a start",
                   seconds=240)  # fmt: skip
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=120)
    assert not run_state.peek(state).finished
    torchrun.finish("--resume")
    assert run_state.peek(state).finished
    assert len(losses(folder / "out" / "metrics.jsonl")) == 2

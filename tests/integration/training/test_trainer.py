import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

import tanger
from tanger.commands import app
from tanger.model import OutputExistsError, lexicon
from tanger.model import artifact as artifacts
from tanger.model.artifact import ArtifactError
from tanger.model.lexicon import Entry
from tanger.model.output_files import LockedError
from tanger.model.phonology.vocabulary import letters
from tanger.model.training import data as datasets
from tanger.model.training import recipe, run_state, trainer
from tanger.model.training.data import DatasetError
from tanger.model.training.run_state import RunStateError
from tanger.model.training.trainer import TrainingError
from tests.support import ROOT
from tests.support.lexicons import little_words
from tests.support.training import train


@pytest.fixture
def small(tmp_path):
    """A folder with small lexicons, where a run takes a second or two."""
    entries = little_words(260, seed=8)
    lexicon.write(tmp_path / "train.dict", entries[:200], "cmudict")
    lexicon.write(tmp_path / "dev.dict", entries[200:], "cmudict")
    return tmp_path


def run(folder, recipe, reporter, **options):
    paths = {"lexicon_path": folder / "train.dict", "dev_path": folder / "dev.dict",
             "out": folder / "artifact", "run": folder / "run"}  # fmt: skip
    return train(recipe, reporter=reporter, **{**paths, **options})


def command(folder, recipe_file, *more):
    return [
        sys.executable, "-m", "tanger", "train", "--recipe", str(recipe_file), "--threads", "1",
        "--lexicon", str(folder / "train.dict"), "--dev", str(folder / "dev.dict"),
        "--out", str(folder / "artifact"), "--run", str(folder / "run"), "--save-every", "0",
        "--device", "cpu", *more,
    ]  # fmt: skip


def in_process(command):
    """What a command that is refused prints, without a process of its own."""
    return CliRunner().invoke(app, command[3:])


def weights_of(folder):
    return (folder / "weights.safetensors").read_bytes()


# The tutorial


@pytest.mark.slow
def test_fast_mode_lands_on_the_tutorials_figures(split, tmp_path, reporter):
    assert train(
        recipe.load("cntk599a", fast=True),
        lexicon_path=split / "cmudict-0.7b.train-dev-20-21",
        dev_path=split / "cmudict-0.7b.train-dev-1-21",
        out=tmp_path / "artifact",
        run=tmp_path / "run",
        reporter=reporter,
    )
    _, first_loss, _, sample = reporter.samples[0]
    assert first_loss == pytest.approx(4.234, abs=0.02)
    assert sample is not None
    ((record, _),) = reporter.epochs
    assert record["minibatches"] in range(78, 91)
    assert 3.70 <= record["loss"] <= 3.90
    assert 0.855 <= record["error"] <= 0.885
    artifact = artifacts.read(tmp_path / "artifact")
    mapping = (split / "cmudict-0.7b.mapping").read_text().split()
    assert list(artifact.graphemes.symbols) == mapping
    assert artifact.training["data"]["lexicon"]["entries"] == 108_952
    assert artifact.training["data"]["dev"]["entries"] == 4_726


# A run


def test_a_run_leaves_an_artifact_and_its_history(small, tiny_recipe, reporter):
    assert run(small, tiny_recipe, reporter)
    artifact = artifacts.read(small / "artifact")
    history = [
        json.loads(line) for line in (small / "artifact/metrics.jsonl").read_text().splitlines()
    ]
    assert [record["epoch"] for record in history] == list(range(1, tiny_recipe.run.epochs + 1))
    assert [record for record, _ in reporter.epochs] == history
    best = min(history, key=lambda r: (r["dev_wer"], r["dev_per"]))
    assert artifact.training["epoch"] == best["epoch"]
    assert artifact.training["dev"] == best
    assert history[-1]["loss"] < history[0]["loss"] * 0.75
    assert [flag for record, flag in reporter.epochs if record == best] == [True]
    assert (small / "artifact/learning_curve.png").read_bytes().startswith(b"\x89PNG")
    training_words = artifact.training["data"]["lexicon"]
    assert training_words["entries"] == 200
    assert set(artifact.training["versions"]) == {"python", "torch", "numpy", "tanger"}
    assert all(shown is not None for *_, shown in reporter.samples)


def test_further_entries_are_reported_in_the_artifact(small, tiny_recipe, reporter):
    lexicon.write(small / "more.dict", [Entry("TTTTTTTTT", ("T",))], "cmudict")
    recipe = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    run(small, recipe, reporter, additional_lexicons=[small / "more.dict"])
    (reported,) = artifacts.read(small / "artifact").training["data"]["further"]
    assert (reported["file"], reported["entries"]) == ("more.dict", 1)


def test_dev_words_of_training_do_not_count(small, tiny_recipe):
    known = lexicon.read(small / "train.dict")[:3]
    dev = lexicon.read(small / "dev.dict")
    lexicon.write(small / "dev.dict", [*known, *dev], "cmudict")
    data = datasets.read(tiny_recipe, small / "train.dict", small / "dev.dict")
    assert data.dev == dev
    assert data.dev_known == 3


def test_any_script_trains(small, tiny_recipe, reporter):
    table = dict(zip("ABDEGNRT'", "дае語𐐷éñß-", strict=True))
    for name in ("train", "dev"):
        entries = [
            Entry("".join(table[letter] for letter in word), tuple(f"ɸ{p}" for p in phonemes))
            for word, phonemes in lexicon.read(small / f"{name}.dict")
        ]
        lexicon.write(small / f"{name}.tsv", entries, "tsv")
    run(small, replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1)), reporter,
        lexicon_path=small / "train.tsv", dev_path=small / "dev.tsv")  # fmt: skip
    artifact = artifacts.read(small / "artifact")
    assert set(artifact.graphemes.own) == set(table.values())
    assert reporter.samples[0][-1] is None  # TANGER cannot be spelt in it


def test_hangul_is_learnt_letter_by_letter(small, tiny_recipe, reporter):
    syllables = dict(zip("ABDEGNRT", "가나다라마바사각", strict=True))
    for name in ("train", "dev"):
        entries = [
            Entry("".join(syllables.get(letter, "") for letter in word), phonemes)
            for word, phonemes in lexicon.read(small / f"{name}.dict")
        ]
        lexicon.write(small / f"{name}.tsv", [entry for entry in entries if entry.word], "tsv")
    run(small, replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1)), reporter,
        lexicon_path=small / "train.tsv", dev_path=small / "dev.tsv")  # fmt: skip
    assert set(artifacts.read(small / "artifact").graphemes.own) == set(letters("가나다라마바사각"))
    # A syllable that training never saw, of letters that it did
    (found,) = tanger.Phonemizer.load(small / "artifact", device="cpu").pronounce(["낙"])
    assert found.normalized == letters("낙")
    assert found.warnings == ()


@pytest.mark.parametrize("layers", [1, 3])
def test_the_tutorials_network_of_any_depth_learns(small, reporter, layers):
    tutorial = recipe.load("cntk599a")
    deep = replace(
        tutorial,
        network=replace(tutorial.network, encoder_layers=layers, decoder_layers=layers, hidden=24),
        run=replace(tutorial.run, epochs=2, epoch_tokens=0),
    )
    assert run(small, deep, reporter)
    (first, _), (second, _) = reporter.epochs
    assert second["loss"] < first["loss"]


def test_a_run_starts_from_an_artifact(small, tiny_artifact, tiny_recipe, reporter):
    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    assert run(small, once, reporter, init=tiny_artifact)
    _, first_loss, _, sample = reporter.samples[0]
    assert first_loss < 1.0
    assert sample == ("T", "AE", "NG", "ER")
    metadata = artifacts.read(small / "artifact").training
    assert metadata["init"] == {
        "name": "tiny",
        "version": artifacts.read(tiny_artifact).version,
    }
    with pytest.raises(RunStateError, match=r"--init tiny \(\w+\), not none"):
        run(small, once, reporter, resume=True)


def test_nothing_else_is_lost_to_an_artifact(small, tiny_recipe, reporter):
    (small / "mine").mkdir()
    (small / "mine/thesis.txt").write_text("years of work")
    for out, message in ((small / "mine", "something else"), (small / "dev.dict", "is a file")):
        with pytest.raises(ArtifactError, match=message):
            run(small, tiny_recipe, reporter, out=out)
    assert (small / "mine/thesis.txt").exists()
    with pytest.raises(TrainingError, match="say another"):
        run(small, tiny_recipe, reporter, out=small / "run")


def test_a_run_goes_on_with_its_own_artifact(small, tiny_recipe, tiny_artifact, reporter):
    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    run(small, once, reporter)
    for out in (tiny_artifact, small / "nowhere"):
        with pytest.raises(OutputExistsError, match="best epoch so far"):
            run(small, once, reporter, resume=True, out=out)
    assert run(small, once, reporter, resume=True)


def test_a_run_can_be_resumed_from_its_first_moment(small, tiny_recipe, reporter):
    class Failing(type(reporter)):
        def minibatch(self, *_, **__):
            raise MemoryError

    with pytest.raises(MemoryError):
        run(small, tiny_recipe, Failing(), save_seconds=1e9)
    assert run_state.peek(small / "run" / run_state.FILE).minibatches == 0
    assert run(small, tiny_recipe, reporter, resume=True)


def test_the_precision_is_decided_once_for_a_run(small, tiny_recipe, reporter, monkeypatch):
    """What the clock says at a resume may be another thing."""

    class Failing(type(reporter)):
        def epoch(self, *_, **__):
            raise MemoryError

    decisions = [True, False]
    monkeypatch.setattr(trainer.lstm, "bfloat16_is_faster", lambda _: decisions.pop(0))
    recipe = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1, bfloat16=True))
    with pytest.raises(MemoryError):
        run(small, recipe, Failing(), save_seconds=0)
    assert run_state.peek(small / "run" / run_state.FILE).bfloat16 is True
    assert run(small, recipe, reporter, resume=True)
    assert decisions == [False]
    assert artifacts.read(small / "artifact").training["bfloat16"] is True


def test_an_artifact_that_does_not_fit_is_reported(small, tiny_artifact, tiny_recipe, reporter):
    wide = replace(tiny_recipe, network=replace(tiny_recipe.network, hidden=50))
    with pytest.raises(TrainingError, match="another shape"):
        run(small, wide, reporter, init=tiny_artifact)
    lexicon.write(small / "train.dict", [Entry("ZOO", ("Z", "UW"))], "cmudict")
    lexicon.write(small / "dev.dict", [Entry("OZ", ("Z",))], "cmudict")
    with pytest.raises(TrainingError, match="other symbols"):
        run(small, tiny_recipe, reporter, init=tiny_artifact)


# What is finished


def test_a_finished_artifact_is_not_replaced_by_accident(small, tiny_recipe, reporter):
    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    run(small, once, reporter)
    before = weights_of(small / "artifact")
    with pytest.raises(OutputExistsError, match=r"recipe tiny, lexicon train\.dict, epoch 1 with"):
        run(small, once, reporter)
    with pytest.raises(OutputExistsError, match="--restart"):
        run(small, replace(once, seed=4), reporter, run=small / "another")
    assert weights_of(small / "artifact") == before
    assert run(small, replace(once, seed=4), reporter, restart=True)
    assert weights_of(small / "artifact") != before


def test_a_damaged_artifact_can_be_replaced_on_purpose(small, tiny_recipe, reporter):
    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    run(small, once, reporter)
    (small / "artifact/weights.safetensors").write_bytes(b"")
    with pytest.raises(OutputExistsError, match="damaged"):
        run(small, once, reporter)
    assert run(small, once, reporter, restart=True)
    assert artifacts.read(small / "artifact")


class Stopping:
    """Kills a run at its first minibatch."""

    def __getattr__(self, _):
        return lambda *_, **__: None

    def minibatch(self, *_, **__):
        raise MemoryError


def test_a_run_of_no_epoch_yet_resumes_into_no_other_artifact(small, tiny_recipe, reporter):
    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    run(small, once, reporter, out=small / "finished", run=small / "first")
    other = replace(once, seed=9)
    with pytest.raises(MemoryError):
        run(small, other, Stopping())
    with pytest.raises(OutputExistsError, match="another run"):
        run(small, other, reporter, resume=True, out=small / "finished")
    with pytest.raises(MemoryError):  # one that was to replace it still may
        run(small, other, Stopping(), restart=True, out=small / "finished")
    assert run(small, other, reporter, resume=True, out=small / "finished")


def test_an_artifact_that_came_meanwhile_is_not_replaced(small, tiny_recipe, tiny_artifact):
    class Meddling(Stopping):
        def minibatch(self, *_, **__):
            if not (small / "artifact").exists():
                shutil.copytree(tiny_artifact, small / "artifact")

    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    with pytest.raises(OutputExistsError, match="by another command"):
        run(small, once, Meddling())
    assert weights_of(small / "artifact") == weights_of(tiny_artifact)


def test_two_processes_do_not_train_in_one_folder(small, tiny_recipe, reporter):
    class Second(Stopping):
        error = None

        def minibatch(self, *_, **__):
            if self.error is None:
                with pytest.raises(LockedError, match="another process") as caught:
                    run(small, once, reporter, resume=True)
                self.error = caught.value

    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    second = Second()
    assert run(small, once, second)
    assert second.error.path == small / "run"


@pytest.mark.slow
def test_a_run_ends_where_patience_does_and_resumes_to_the_same(small, tiny_recipe, reporter):
    run_recipe = replace(tiny_recipe.run, epochs=60, patience=2)
    patient = replace(tiny_recipe, run=run_recipe)
    assert run(small, patient, reporter)
    history = [record for record, _ in reporter.epochs]
    best = min(history, key=lambda r: (r["dev_wer"], r["dev_per"]))
    assert len(history) == best["epoch"] + 2 < 60
    state = run_state.peek(small / "run" / run_state.FILE)
    assert state.finished
    assert run(small, patient, reporter, resume=True)
    assert len(reporter.epochs) == len(history), "nothing is left to do"

    class Interrupted(type(reporter)):
        def epoch(self, record, *, best):
            if record["epoch"] == history[-1]["epoch"] - 1:
                os.kill(os.getpid(), signal.SIGINT)

    other = {"run": small / "again", "out": small / "again-artifact"}
    assert not run(small, patient, Interrupted(), **other)
    assert run(small, patient, reporter, resume=True, **other)
    assert weights_of(small / "again-artifact") == weights_of(small / "artifact")
    lines = (small / "again-artifact/metrics.jsonl").read_text().splitlines()
    assert len(lines) == len(history)


def test_a_later_epoch_within_the_tolerance_is_kept(small, tiny_recipe, reporter):
    tolerant = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=4, tolerance=1.0))
    assert run(small, tolerant, reporter)
    assert [best for _, best in reporter.epochs] == [True] * 4
    assert artifacts.read(small / "artifact").training["epoch"] == 4
    assert run(small, tolerant, reporter, resume=True)

    progress = run_state.RunProgress(epoch=4)
    progress.history = [
        {"epoch": 1 + n, "dev_wer": wer, "dev_per": 0.1}
        for n, wer in enumerate([0.030, 0.020, 0.022, 0.023])
    ]
    for tolerance, epoch in ((0.0, 2), (0.002, 3), (0.005, 4)):
        assert progress.best(replace(tolerant.run, tolerance=tolerance))["epoch"] == epoch
    assert progress.since_best(replace(tolerant.run, tolerance=0.0)) == 2


def test_the_command_stops_after_its_minutes_and_resumes(small, tiny_recipe_file):
    short = command(small, tiny_recipe_file, "--minutes", "0")
    stopped = in_process(short)
    assert stopped.exit_code == 130
    assert f"saved in {small / 'run'}" in stopped.stdout
    again = in_process([*short, "--resume"])
    assert again.exit_code == 130
    assert run_state.peek(small / "run" / run_state.FILE).minibatches == 2, "one a command"


def test_the_command_says_where_it_is_and_what_comes_next(small, tiny_recipe_file):
    text = tiny_recipe_file.read_text().replace("epochs = 8", "epochs = 30\npatience = 1")
    (small / "tiny.toml").write_text(text)
    done = subprocess.run(command(small, small / "tiny.toml"), cwd=ROOT, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert "epoch 1 of 30, minibatch 0: loss" in done.stdout
    assert re.search(r"^epoch 2 of 30 done: .*, \d:\d\d:\d\d left", done.stdout, re.MULTILINE)
    assert re.search(r"ended after epoch \d+ of 30: none of the last 1 was better", done.stdout)
    *_, uncalibrated, calibrate = done.stdout.splitlines()
    assert "not calibrated" in uncalibrated
    assert f"calibrate --artifact {small / 'artifact'}" in calibrate
    again = in_process(command(small, small / "tiny.toml"))
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert f"{small / 'artifact'} holds an artifact already" in again.stderr
    assert "--restart" in again.stderr
    assert in_process(command(small, small / "tiny.toml", "--resume", "--restart")).exit_code == 2


# Stopping and going on


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits(small, tiny_recipe_file):
    state = small / "run" / run_state.FILE
    process = subprocess.Popen(command(small, tiny_recipe_file), cwd=ROOT)
    deadline = time.monotonic() + 120
    while (found := run_state.peek(state)) is None or found.minibatches < 30:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    killed = run_state.peek(state)
    assert killed is not None
    assert not killed.finished
    subprocess.run(command(small, tiny_recipe_file, "--resume"), cwd=ROOT, check=True)
    resumed = weights_of(small / "artifact")
    history = (small / "artifact/metrics.jsonl").read_text().splitlines()

    shutil.rmtree(small / "artifact")
    subprocess.run(command(small, tiny_recipe_file, "--restart"), cwd=ROOT, check=True)
    assert weights_of(small / "artifact") == resumed
    whole = (small / "artifact/metrics.jsonl").read_text().splitlines()
    for ours, theirs in zip(history, whole, strict=True):
        timings = {"seconds", "words_per_second"}
        assert {k: v for k, v in json.loads(ours).items() if k not in timings} == {
            k: v for k, v in json.loads(theirs).items() if k not in timings
        }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves(small, tiny_recipe, reporter, number):
    class Stopping(type(reporter)):
        def minibatch(self, recipe, progress, *, fraction, loss, error):
            if progress.minibatches == 17:
                os.kill(os.getpid(), number)

    handler = signal.getsignal(number)
    assert not run(small, tiny_recipe, Stopping(), save_seconds=1e9)
    assert signal.getsignal(number) is handler
    assert run_state.peek(small / "run" / run_state.FILE).minibatches == 17
    assert run(small, tiny_recipe, reporter, resume=True)
    assert len(reporter.epochs) + 2 >= tiny_recipe.run.epochs - 1


def test_an_unfinished_run_is_not_lost_by_accident(small, tiny_recipe_file):
    process = subprocess.Popen(command(small, tiny_recipe_file), cwd=ROOT)
    while run_state.peek(small / "run" / run_state.FILE) is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    again = in_process(command(small, tiny_recipe_file))
    assert again.exit_code == 2
    assert "--resume" in again.stderr


def test_another_recipe_or_lexicon_cannot_resume(small, tiny_recipe, reporter):
    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    run(small, once, reporter)
    with pytest.raises(RunStateError, match=r"another recipe \(run\.epochs 1, not 8\)"):
        run(small, tiny_recipe, reporter, resume=True)
    lexicon.write(small / "train.dict", lexicon.read(small / "train.dict")[1:], "cmudict")
    with pytest.raises(RunStateError, match=r"other content of --lexicon train\.dict"):
        run(small, once, reporter, resume=True)
    with pytest.raises(RunStateError, match="no run to resume"):
        run(small, once, reporter, resume=True, run=small / "elsewhere")


def test_a_damaged_state_is_named(small, tiny_recipe, reporter):
    (small / "run").mkdir()
    (small / "run" / run_state.FILE).write_bytes(b"\0" * 100)
    with pytest.raises(RunStateError, match="damaged"):
        run(small, tiny_recipe, reporter, resume=True)


def test_a_state_of_another_version_says_what_to_do(small, tiny_recipe, reporter):
    once = replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1))
    run(small, once, reporter)
    state = small / "run" / run_state.FILE
    with safetensors.safe_open(state, framework="np") as file:
        metadata = file.metadata()
    identity = metadata["identity"].replace("decoder_init", "handover")
    metadata |= {"format": "2", "identity": identity}  # as an earlier version wrote them
    safetensors.torch.save_file(safetensors.torch.load_file(state), state, metadata)
    expected = (
        r"another version of tanger, in format 2.*handover is called decoder_init now.*--restart"
    )
    with pytest.raises(RunStateError, match=expected):
        run(small, once, reporter, resume=True)
    assert run(small, once, reporter, restart=True)


# What can go wrong


def test_an_empty_lexicon_is_reported(small, tiny_recipe, reporter):
    (small / "train.dict").write_text(";;; nothing\n")
    with pytest.raises(DatasetError, match=r"train\.dict holds no words"):
        run(small, tiny_recipe, reporter)


def test_a_dev_of_training_words_alone_is_reported(small, tiny_recipe, reporter):
    with pytest.raises(DatasetError, match=r"no words that .*train\.dict does not hold"):
        run(small, tiny_recipe, reporter, dev_path=small / "train.dict")


@pytest.mark.parametrize("entry", [Entry("ZEBRA", ("T",)), Entry("TAT", ("ZH",))])
def test_a_symbol_that_training_lacks_is_named(small, tiny_recipe, reporter, entry):
    lexicon.write(small / "dev.dict", [entry], "cmudict")
    with pytest.raises(DatasetError, match=rf"'ZH?' in '{entry.word}'"):
        run(small, tiny_recipe, reporter)


def test_a_loss_that_blows_up_is_reported(small, tiny_recipe, reporter):
    wild = replace(tiny_recipe, optimiser=replace(tiny_recipe.optimiser, learning_rate=3e38))
    with pytest.raises(TrainingError, match="lower the recipe's learning_rate"):
        run(small, wild, reporter)


def test_a_gpu_out_of_memory_says_what_to_do(small, tiny_recipe, reporter, monkeypatch):
    def exhausted(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    run(small, replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1)), reporter)
    before = weights_of(small / "artifact")
    monkeypatch.setattr(trainer, "seq2seq_loss", exhausted)
    with pytest.raises(TrainingError, match=r"minibatches\.size"):
        run(small, tiny_recipe, reporter, restart=True)
    assert weights_of(small / "artifact") == before


def test_a_full_disk_leaves_the_earlier_artifact(small, tiny_recipe, tiny_recipe_file, reporter):
    run(small, replace(tiny_recipe, run=replace(tiny_recipe.run, epochs=1)), reporter)
    before = weights_of(small / "artifact")

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

    failed = subprocess.run(
        command(small, tiny_recipe_file, "--restart"), cwd=ROOT, preexec_fn=no_room,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert failed.returncode == 2
    assert "File too large" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert weights_of(small / "artifact") == before
    assert artifacts.read(small / "artifact")
    leftovers = {path.name for path in small.iterdir()}
    assert leftovers == {"train.dict", "dev.dict", "artifact", "run"}

"""The recipe of deploy/ray on a real Ray of this machine, one of whose actors is killed."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tanger.model.text.text_phonemizer import TextPhonemizer
from tests.support import ROOT
from tests.support.lexicons import little_words
from tests.support.live_service import eventually

pytest.importorskip("ray", reason="the group deploy of pyproject.toml is not installed: make ray")
import pyarrow as pa  # Ray Data's own
import pyarrow.parquet as pq

pytestmark = pytest.mark.slow

BATCH = 250
# Blocks that Ray Data gives an actor at once: one that it decodes, and the next
HELD = 2
PATIENCE = 900


def command(*arguments):
    return [sys.executable, str(ROOT / "deploy/ray/bulk.py"), *map(str, arguments)]


def actors(mark):
    """Processes of actors that pronounce, by ID with their titles, of the run with this mark."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            title = (folder / "cmdline").read_bytes()
            if b"Pronounce" in title and mark in (folder / "environ").read_bytes():
                found[int(folder.name)] = title
    return found


def stop_one_at_work(mark):
    """Stop an actor in the middle of a block, so that it cannot finish it; None if none is."""
    for pid, title in actors(mark).items():
        if b".submit" in title:
            os.kill(pid, signal.SIGSTOP)
            if b".submit" in actors(mark).get(pid, b""):
                return pid
            os.kill(pid, signal.SIGCONT)
    return None


def rows_written(folder):
    """Rows in the complete files of an output."""
    count = 0
    for file in folder.glob("*.parquet"):
        with suppress(OSError, pa.ArrowInvalid):  # still being written
            count += pq.read_metadata(file).num_rows
    return count


def test_nothing_is_lost_or_double_when_an_actor_dies(tiny_artifact, tmp_path):
    different = [entry.word for entry in little_words(20_000, seed=9)]
    words = [*different, *different[:5_000], "é", "  ", ""]
    random.Random(9).shuffle(words)
    (tmp_path / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    output = tmp_path / "answers"
    mark = f"TANGER_RAY_TEST={tmp_path}".encode()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command(tmp_path / "words.txt", output, "--artifact", tiny_artifact,
                    "--actors", 2, "--batch", BATCH, "--n", 2),
            cwd=ROOT, stdout=log, stderr=log,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "TANGER_RAY_TEST": str(tmp_path),
                "RAY_raylet_start_wait_time_s": str(PATIENCE),  # a loaded machine is slow
            },
        )  # fmt: skip

    def or_ended(value):
        assert process.poll() is None, (tmp_path / "log").read_text()
        return value

    total = len(different) + 1
    try:
        victim = eventually(
            lambda: or_ended(stop_one_at_work(mark)), "an actor at work", seconds=PATIENCE
        )
        assert rows_written(output) < total / 2
        # The other actor goes on until only the blocks of the stopped one are left
        eventually(
            lambda: or_ended(rows_written(output) >= total - HELD * BATCH),
            "the other blocks", seconds=PATIENCE,
        )  # fmt: skip
        held = total - rows_written(output)
        assert held > 0
        os.kill(victim, signal.SIGKILL)
        assert process.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
    rows = pq.read_table(output).to_pylist()
    assert Counter(row["word"] for row in rows) == Counter({*different, "é"})
    counts = Counter(word for word in words if word.strip())
    assert {row["word"]: row["count"] for row in rows} == counts
    alone = TextPhonemizer.load(tiny_artifact, "cpu").pronounce([row["word"] for row in rows], n=2)
    for row, result in zip(rows, alone, strict=True):
        assert row["pronunciations"] == [" ".join(one.phonemes) for one in result.pronunciations]
        assert row["probabilities"] == [one.probability for one in result.pronunciations]
        assert row["error"] == (result.error and result.error.code)
    assert "different words" in (tmp_path / "log").read_text()


def test_answers_are_not_written_over(tmp_path):
    done = subprocess.run(
        command(tmp_path / "words.txt", tmp_path), cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "name another folder" in done.stderr


def test_an_input_that_is_missing_is_an_error(tmp_path):
    done = subprocess.run(
        command(tmp_path / "words.txt", tmp_path / "answers"), cwd=ROOT, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{tmp_path}/words.txt is not there" in done.stderr
    assert not (tmp_path / "answers").exists()

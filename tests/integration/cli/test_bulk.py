"""Long lists into a file: the same answers as one by one, whatever comes between."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model.cli import bulk
from tests.support import ROOT
from tests.support.lexicons import little_words


def command(artifact, words, output, *further):
    return ["pronounce", "--source", "model", "--artifact", str(artifact), "--device", "cpu",
            "--input", str(words), "--output", str(output), *further]  # fmt: skip


def run(*arguments):
    return CliRunner().invoke(app, command(*arguments))


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    path = tmp_path_factory.mktemp("bulk") / "words.txt"
    # Apostrophes alone are no word
    spelt = [entry.word for entry in little_words(40_100, seed=8) if entry.word.strip("'")]
    path.write_text("\n".join(spelt[:40_000]) + "\n")
    return path


@pytest.fixture(scope="module")
def expected(tiny_artifact, words):
    done = CliRunner().invoke(app, command(tiny_artifact, words, "x")[:9])
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 40_000
    return done.stdout


def test_the_answers_are_those_of_the_standard_output(tiny_artifact, words, expected, tmp_path):
    done = run(tiny_artifact, words, tmp_path / "out.dict")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "out.dict").read_text() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out.dict"]


def test_no_line_is_lost_or_doubled_by_kill_9(tiny_artifact, words, expected, tmp_path):
    kills = 0
    while not (tmp_path / "out.dict").exists():
        with subprocess.Popen(
            [sys.executable, "-m", "tanger", *command(tiny_artifact, words, tmp_path / "out.dict")],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process:  # fmt: skip
            journal = tmp_path / ".out.dict.journal"
            before = journal.read_bytes() if journal.exists() else b""
            while process.poll() is None and kills < 3:
                if journal.exists() and journal.read_bytes() != before:
                    with (tmp_path / ".out.dict.part").open("ab") as part:
                        part.write(b"HALF A LI")  # as if it had been killed while writing
                    process.kill()
                    kills += 1
                    break
                time.sleep(0.002)
    assert kills == 3
    assert (tmp_path / "out.dict").read_text() == expected


def test_shards_in_order_are_the_whole_list(tiny_artifact, words, expected, tmp_path):
    count = 3
    for index in range(count):
        done = run(tiny_artifact, words, tmp_path / str(index), "--shard", f"{index}/{count}")
        assert done.exit_code == 0, done.stderr
    parts = [(tmp_path / str(index)).read_text() for index in range(count)]
    assert "".join(parts) == expected
    assert min(part.count("\n") for part in parts) > 0.9 * 40_000 / count


def test_every_line_is_in_one_shard_wherever_it_is_cut(tiny_artifact, tmp_path):
    content = b"\xef\xbb\xbfbad\n\nbed\r\ntanger\n\ngrand"  # the last without an end
    (tmp_path / "words.txt").write_bytes(content)
    whole = ["bad  B AE D", "bed  B EH D", "tanger  T AE NG ER", "grand  G R AE N D"]
    for count in (2, len(content)):
        lines, blank = [], 0
        for index in range(count):
            target = tmp_path / f"{index}-{count}"
            done = run(tiny_artifact, tmp_path / "words.txt", target, "--shard", f"{index}/{count}")
            assert done.exit_code == 0, done.stderr
            lines += target.read_text().splitlines()
            blank += done.stderr.count("1 blank line")
        assert (lines, blank) == (whole, 2)


def test_a_shard_goes_on_where_it_was_killed(tiny_artifact, words, expected, tmp_path):
    target, journal = tmp_path / "out", tmp_path / ".out.journal"
    arguments = command(tiny_artifact, words, target, "--shard", "1/2")
    with subprocess.Popen(
        [sys.executable, "-m", "tanger", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        while process.poll() is None and not journal.exists():
            time.sleep(0.002)
        process.kill()
    assert not target.exists()
    assert json.loads(journal.read_bytes())["read"] > words.stat().st_size / 2
    other = run(tiny_artifact, words, target, "--shard", "0/2")
    assert other.exit_code == 2
    assert "unfinished run" in other.stderr
    assert run(tiny_artifact, words, target, "--shard", "1/2").exit_code == 0
    assert expected.endswith(target.read_text())


@pytest.mark.parametrize("shard", ["2/2", "1", "0/0", "-1/2", "a/b", ""])
def test_what_is_no_shard_is_refused(tiny_artifact, words, tmp_path, shard):
    done = run(tiny_artifact, words, tmp_path / "out", f"--shard={shard}")
    assert done.exit_code == 2
    assert "write INDEX/COUNT" in done.stderr


def test_a_shard_wants_a_file():
    done = CliRunner().invoke(app, ["pronounce", "bad", "--shard", "0/2"])
    assert done.exit_code == 2
    assert "--shard is for --output" in done.stderr


def test_a_kill_after_the_last_line_leaves_no_unfinished_run(tiny_artifact, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("bad\n")
    journal, other = tmp_path / ".out.dict.journal", tmp_path / "other.txt"
    other.write_text("tanger\n")
    for listed, answer in ((words, "bad  B AE D\n"), (other, "tanger  T AE NG ER\n")):
        journal.write_text('{"identity": {}, "read": 4, "written": 12, "failed": false}')
        assert run(tiny_artifact, listed, tmp_path / "out.dict", "--overwrite").exit_code == 0
        assert (tmp_path / "out.dict").read_text() == answer
        assert not journal.exists()


def test_what_fails_is_reported_and_remembered(tiny_artifact, tmp_path):
    (tmp_path / "words.txt").write_bytes(
        b"\xef\xbb\xbfbad\n\n42\n\xff\n" + b"tanger\n" * 2 * bulk.CHUNK
    )
    done = run(tiny_artifact, tmp_path / "words.txt", tmp_path / "out.tsv", "--format", "tsv")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 3
    assert "'42'" in done.stderr
    assert "words.txt: 1 blank line skipped" in done.stderr
    lines = (tmp_path / "out.tsv").read_text().splitlines()
    assert lines[0] == "bad\tB AE D"
    assert lines[1] == "42\t"
    assert lines[3:] == ["tanger\tT AE NG ER"] * 2 * bulk.CHUNK


def test_another_run_is_not_taken_up(tiny_artifact, words, tmp_path):
    (tmp_path / ".out.dict.part").write_text("A  B\n")
    (tmp_path / ".out.dict.journal").write_text(
        '{"identity": {}, "read": 2, "written": 5, "failed": false}'
    )
    done = run(tiny_artifact, words, tmp_path / "out.dict")
    assert done.exit_code == 2
    assert "unfinished run" in done.stderr
    assert (tmp_path / ".out.dict.part").read_text() == "A  B\n"


def test_two_runs_do_not_write_one_output(tiny_artifact, words, expected, tmp_path):
    output = tmp_path / "out.dict"
    arguments = command(tiny_artifact, words, output)
    with subprocess.Popen(
        [sys.executable, "-m", "tanger", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as first:  # fmt: skip
        while not (tmp_path / ".out.dict.journal").exists():
            assert first.poll() is None
            time.sleep(0.001)
        first.send_signal(signal.SIGSTOP)
        try:
            second = run(tiny_artifact, words, output)
            assert (second.exit_code, second.stderr.count("\n")) == (2, 1)
            assert "out.dict is being written by another process" in second.stderr
        finally:
            first.send_signal(signal.SIGCONT)
        assert first.wait() == 0
    assert output.read_text() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out.dict"]


def test_finished_answers_are_replaced_on_purpose(tiny_artifact, tmp_path):
    words, output = tmp_path / "words.txt", tmp_path / "out.dict"
    words.write_text("bad\ntanger\n")
    for _ in range(2):  # the same again is no loss
        assert run(tiny_artifact, words, output).exit_code == 0
        assert output.read_text() == "bad  B AE D\ntanger  T AE NG ER\n"
    for text, options in (("bad\n", ()), ("bad\ntanger\nbrand\n", ()), ("brand\n", ()),
                          ("bad\ntanger\n", ("--n", "2"))):  # fmt: skip
        words.write_text(text)
        refused = run(tiny_artifact, words, output, *options)
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert "out.dict has other content than these answers" in refused.stderr
        assert output.read_text() == "bad  B AE D\ntanger  T AE NG ER\n"
        assert run(tiny_artifact, words, output, *options, "--overwrite").exit_code == 0
        assert output.read_text() != "bad  B AE D\ntanger  T AE NG ER\n"
        output.write_text("bad  B AE D\ntanger  T AE NG ER\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.dict", "words.txt"]


@pytest.mark.parametrize("format", ["mfa", "kaldi", "kaldip", "tsv"])
def test_every_format_of_lines_goes_into_a_file(tiny_artifact, tmp_path, format):
    (tmp_path / "words.txt").write_text("bad\n42\ntanger\n")
    options = ("--format", format, "--n", "2")
    done = run(tiny_artifact, tmp_path / "words.txt", tmp_path / "out", *options)
    assert done.exit_code == 1
    arguments = command(tiny_artifact, tmp_path / "words.txt", "x", *options)
    printed = CliRunner().invoke(app, [*arguments[:9], *arguments[11:]])
    assert (tmp_path / "out").read_text() == printed.stdout


@pytest.mark.parametrize("arguments", [
    ["tanger", "--output", "x"], ["--output", "x"],
    ["--input", "x", "--output", "y", "--format", "ctf"],
])  # fmt: skip
def test_an_output_takes_a_file_of_words(arguments):
    done = CliRunner().invoke(app, ["pronounce", *arguments])
    assert done.exit_code == 2
    assert "--output takes a file of words" in done.stderr


def test_words_come_from_one_place():
    done = CliRunner().invoke(app, ["pronounce", "tanger", "--input", "x"])
    assert done.exit_code == 2
    assert "not both" in done.stderr


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("none/out.dict", "none/out.dict is in a folder that does not exist"),
        ("folder", "is a folder"),
        ("words.txt", "is the list itself"),
        ("link-to-words", "is the list itself"),
        ("pipe", "is not a regular file"),
    ],
)
def test_what_is_no_place_for_answers_is_left_as_it_is(tiny_artifact, tmp_path, target, message):
    (tmp_path / "words.txt").write_text("bad\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link-to-words").symlink_to(tmp_path / "words.txt")
    os.mkfifo(tmp_path / "pipe")
    before = {path: path.lstat().st_mode for path in tmp_path.iterdir()}
    done = run(tiny_artifact, tmp_path / "words.txt", tmp_path / target)
    assert done.exit_code == 2
    assert message in done.stderr
    assert {path: path.lstat().st_mode for path in tmp_path.iterdir()} == before
    assert (tmp_path / "words.txt").read_text() == "bad\n"


def test_a_link_still_leads_to_the_answers(tiny_artifact, tmp_path):
    (tmp_path / "words.txt").write_text("bad\n")
    real, link = tmp_path / "real.dict", tmp_path / "link.dict"
    real.write_text("A  B\n")
    real.chmod(0o640)
    link.symlink_to(real)
    assert run(tiny_artifact, tmp_path / "words.txt", link).exit_code == 2
    assert real.read_text() == "A  B\n"
    assert run(tiny_artifact, tmp_path / "words.txt", link, "--overwrite").exit_code == 0
    assert link.is_symlink()
    assert real.read_text() == "bad  B AE D\n"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_list_that_is_not_there(tiny_artifact, tmp_path):
    done = run(tiny_artifact, tmp_path / "none.txt", tmp_path / "out.dict")
    assert done.exit_code == 2
    assert "none.txt" in done.stderr
    assert not list(tmp_path.iterdir())

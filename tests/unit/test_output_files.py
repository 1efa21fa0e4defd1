"""Atomic replacement of files, and locks, on a real disk."""

import os
import threading

import pytest

from tanger.model.output_files import LockedError, locked_folder, replace_file


def test_what_cannot_be_written_to_its_end_leaves_the_old_file(tmp_path):
    def pieces():
        yield b"new"
        raise MemoryError

    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(MemoryError):
        replace_file(tmp_path / "file", pieces())
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_pipe_is_written_through(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    replace_file(tmp_path / "pipe", [b"one ", b"two"])
    reader.join()
    assert found == [b"one two"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder") as failed:
        replace_file(tmp_path / "nowhere" / "file", b"")
    assert failed.value.filename == str(tmp_path / "nowhere")


def test_a_folder_is_locked_until_its_context_ends(tmp_path):
    with locked_folder(tmp_path), pytest.raises(LockedError) as refused, locked_folder(tmp_path):
        pass
    assert refused.value.path == tmp_path
    with locked_folder(tmp_path):
        pass

"""The bare install, without torch: compiled C does all in int8, and the rest is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tanger.model.decoding.native import build
from tests.support import ROOT
from tests.support.live_service import post, running

ARTIFACT = ROOT / "artifacts" / "en-us-fast"
NO_TORCH = "import sys; sys.modules['torch'] = None\n"
NOT_COMPILED = (
    "import tanger.model.decoding.native.build as build; build.library = lambda *_: None\n"
)

compiled = pytest.mark.skipif(
    build.library() is None, reason="not compiled: python -m tanger.model.decoding.native.build"
)


@pytest.fixture
def begin_with(tmp_path, monkeypatch):
    """Every Python that is started from here begins with these lines."""

    def begin(*lines: str) -> None:
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text("".join(lines))
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")

    return begin


def tanger(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tanger", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@compiled
def test_the_service_answers_with_alignment(tmp_path, begin_with):
    begin_with(NO_TORCH)
    with running(tmp_path / "log", artifact=ARTIFACT) as service:
        service.wait_until_ready()
        request = post(b'{"words": ["TANGER"], "n": 2, "alignment": true}')
        answer = service.ask(request)
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        first, second = result["pronunciations"]
        assert first["phonemes"] == ["T", "AE", "NG", "ER"]
        assert first["alignment"]["letters"] == second["alignment"]["letters"] == list("TANGER")
        assert "torch" not in service.log


@compiled
def test_pronounce_and_lint_work_and_float32_says_what_it_takes(tmp_path, begin_with):
    begin_with(NO_TORCH)
    done = tanger("pronounce", "tanger", "--alignment", "--artifact", ARTIFACT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "NG:NG" in done.stdout
    (tmp_path / "a.dict").write_text("TANGER  T AE NG ER\nKNIGHT  B AA B AA\n")
    done = tanger("lint", tmp_path / "a.dict", "--artifact", ARTIFACT)
    assert (done.returncode, "KNIGHT" in done.stdout) == (1, True), done.stderr
    done = tanger("pronounce", "tanger", "--precision", "float32", "--artifact", ARTIFACT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: float32 takes torch, which is missing: install torch")


def test_where_nothing_is_compiled_torch_decodes_and_the_log_says_how_to_compile(
    tmp_path, begin_with
):
    begin_with(NOT_COMPILED)
    with running(tmp_path / "log", artifact=ARTIFACT) as service:
        service.wait_until_ready()
        service.wait_for_log("python -m tanger.model.decoding.native.build")
        info = service.ask(b"GET /info HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").json()
        assert info["engine"].startswith("torch ")


def test_without_either_both_stop_at_once_and_name_the_remedies(tmp_path, begin_with):
    begin_with(NO_TORCH, NOT_COMPILED)
    done = tanger("pronounce", "tanger", "--artifact", ARTIFACT)
    assert done.returncode == 2
    with running(tmp_path / "log", artifact=ARTIFACT) as service:
        assert service.wait() == 1
        for report in (done.stderr, service.log):
            assert "python -m tanger.model.decoding.native.build" in report
            assert "install torch" in report
            assert "Traceback" not in report

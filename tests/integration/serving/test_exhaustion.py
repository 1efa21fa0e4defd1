"""Workers that fail although nothing is wrong with the word: out of memory, above all."""

import json
import os
import resource
from pathlib import Path

import pytest

from tanger.model.phonology.vocabulary import Vocabulary
from tanger.model.text.candidates import Failure
from tanger.service.serving.wire import DecodeRequest
from tanger.service.serving.worker import ExhaustedError, answer
from tests.support import ROOT
from tests.support.live_service import eventually, get, post, running

# Bytes that are left to a worker beyond what it has taken when it is ready: enough for its stack,
# for want of which a signal would end it, and far less than alignments take
ROOM = 1 << 20
# Alignments take more memory than any worker has: what each does last before it is ready
LIMITED = """
import sys
if "tanger.service.serving.worker" in sys.orig_argv:
    import gc
    freeze = gc.freeze
    def limited():
        freeze()
        from tanger.model.phonemizer import NetworkPhonemizer
        nbest = NetworkPhonemizer.nbest
        def without_memory(self, words, width, *, aligned=False):
            if aligned:
                raise MemoryError
            return nbest(self, words, width)
        NetworkPhonemizer.nbest = without_memory
    gc.freeze = limited
"""


def ask_aligned(service):
    """Long words, whose attention needs more than the worker has left."""
    words = [f"{'tangerine' * 6}{letter}" for letter in "abdegiklmnoprstuvwyz"]
    body = json.dumps({"words": words, "alignment": True, "n": 10}).encode()
    return service.ask(post(body, X_Request_Timeout="50"))


def metric(service, name):
    lines = service.ask(get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def test_a_worker_without_memory_is_replaced_and_its_words_are_answered(shipped_artifact, tmp_path):
    with running(tmp_path / "log", artifact=shipped_artifact) as service:
        service.wait_until_ready()
        (worker,) = service.workers()
        pages = int(Path(f"/proc/{worker}/statm").read_text().split()[0])
        maximum = pages * resource.getpagesize() + ROOM
        resource.prlimit(worker, resource.RLIMIT_AS, (maximum, maximum))
        response = ask_aligned(service)
        assert response.status_code == 200, service.log
        for result in response.json()["results"]:
            assert result["error"] is None
            assert len(result["pronunciations"]) == 10
            assert result["pronunciations"][0]["alignment"]
        assert worker not in service.workers()
        assert metric(service, "tanger_workers_lost_total") == 1
        assert metric(service, "tanger_workers_exhausted_total") == 1
        service.wait_until_ready()
        assert service.stop() == 0


def test_where_no_worker_has_the_memory_the_service_is_not_ready(
    shipped_artifact, tmp_path, monkeypatch
):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(LIMITED)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{ROOT}")
    with running(tmp_path / "log", artifact=shipped_artifact) as service:
        service.wait_until_ready()
        assert service.ask(post(["tanger"])).json()["results"][0]["error"] is None
        response = ask_aligned(service)
        assert response.status_code == 503, response.text
        assert response.headers["Retry-After"]
        eventually(
            lambda: service.ask(get("/readyz")).status_code == 503 and "not ready" in service.log,
            "the service to be not ready",
        )
        assert metric(service, "tanger_workers_exhausted_total") >= 2


class Tired:
    """A phonemizer that decodes no word with alignment."""

    graphemes = Vocabulary.of("AB")

    def __init__(self, error):
        self.error = error

    def nbest(self, words, n, *, aligned):
        if aligned or words == ["B"]:
            raise self.error
        return [[] for _ in words]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("std::bad_alloc"), OSError("no")])
def test_who_fails_on_a_word_that_can_be_decoded_is_at_fault(error):
    with pytest.raises(ExhaustedError):
        answer(Tired(error), [DecodeRequest("A", alignment=True)], probe="AAAA")


def test_a_word_that_fails_alone_is_at_fault():
    assert answer(Tired(ArithmeticError("poison")), [DecodeRequest("B")], probe="AAAA") == [
        Failure("ArithmeticError: poison")
    ]
    with pytest.raises(ExhaustedError):
        answer(Tired(MemoryError()), [DecodeRequest("B")], probe="AAAA")

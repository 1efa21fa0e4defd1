import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import httpx
import pytest
import torch

from tests.support import ROOT, poison
from tests.support.live_service import PATIENCE, eventually, get, post, running


@pytest.fixture
def run(tiny_artifact, tmp_path):
    """Starts a service with these settings."""

    def start(*arguments, **settings):
        # Patient with workers that a test stops for a while
        settings = {"artifact": tiny_artifact, "decode_timeout": 60, **settings}
        return running(tmp_path / "log", *arguments, **settings)

    return start


@pytest.fixture(scope="module")
def lasting(tiny_artifact, tmp_path_factory):
    """A service with two workers for several tests, which lose some of them on the way."""
    log = tmp_path_factory.mktemp("lifecycle") / "log"
    settings = {"decode_timeout": 5, "check_every": 1000, "cache_words": 0}
    with running(log, artifact=tiny_artifact, workers=2, **settings) as service:
        yield service


@pytest.fixture
def service(lasting):
    lasting.wait_until_ready(2)
    return lasting


def assert_answers(service):
    """The service pronounces words."""
    answer = service.ask(post(["BAD", "BED"]))
    assert answer.status_code == 200, answer.text
    assert [result["error"] for result in answer.json()["results"]] == [None, None]


def assert_retry_later(answer, code):
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["X-Request-ID"]
    assert answer.json()["code"] == code


def hold(service):
    """Two requests in the hands of two stopped workers, one each."""
    first = service.send(get("/pronounce/BAD"))
    second = service.send(get("/pronounce/BED"))
    # Words that come now find nobody idle: they wait, and run out of time.
    late = service.ask(get("/pronounce/TAB", X_Request_Timeout=0.1))
    assert late.status_code == 504
    return first, second


# Running


def test_no_process_imports_torch_on_a_cpu(service):
    def loaded(pid):
        return "libtorch" in Path(f"/proc/{pid}/maps").read_text()

    assert_answers(service)
    workers = service.workers()
    assert len(workers) == 2
    assert not any(loaded(pid) for pid in (service.process.pid, *workers))


def test_workers_killed_while_idle_are_replaced(service):
    before = service.signal_workers(signal.SIGKILL)
    eventually(lambda: service.ask(get("/readyz")).status_code == 503, "the loss to be noticed")
    for path in ("/readyz", "/health", "/pronounce/bad"):
        answer = service.ask(get(path))
        assert answer.status_code == 503, path
        assert int(answer.headers["Retry-After"]) >= 1
        assert "no worker" in answer.text
    # A restart would not help: the service starts others by itself.
    assert service.ask(get("/livez")).status_code == 200
    assert service.ask(get("/startupz")).status_code == 200
    service.wait_until_ready(2)
    assert not set(service.workers()) & set(before)
    assert_answers(service)


def test_what_a_killed_worker_held_is_decoded_by_another(service):
    with service.stopped_workers() as (one, other):
        held = hold(service)
        os.kill(one, signal.SIGKILL)
        # The other still hangs: it is the successor that answers
        eventually(lambda: any(exchange.answered() for exchange in held), "the retry")
        assert service.ask(get("/readyz")).json()["status"] == "ok"
        os.kill(other, signal.SIGCONT)
        assert [exchange.answer().status_code for exchange in held] == [200, 200]
    service.wait_until_ready(2)
    assert one not in service.workers()
    assert other in service.workers()
    assert_answers(service)


def test_what_a_killed_worker_had_ahead_of_time_is_decoded_too(run):
    with run(max_batch=2) as service:
        service.wait_until_ready()
        with service.stopped_workers() as (worker,):
            held = [service.send(post(["BAD" + "A" * k, "BED" + "A" * k])) for k in range(1, 9)]
            eventually(
                lambda: "tanger_queue_words 12.0" in service.ask(get("/metrics")).text,
                "one batch to be begun, one to be ahead, and six to wait",
            )
            os.kill(worker, signal.SIGKILL)
            for exchange in held:
                answer = exchange.answer()
                assert answer.status_code == 200
                assert [result["error"] for result in answer.json()["results"]] == [None, None]
        assert service.stop() == 0


def test_workers_that_hang_are_replaced_and_their_words_answered(service):
    with service.stopped_workers() as before:
        held = hold(service)
        assert [exchange.answer().status_code for exchange in held] == [200, 200]
    service.wait_until_ready(2)
    assert not set(service.workers()) & set(before)
    assert_answers(service)


# Takes one processor from whoever is not in real time, but for a twentieth of each second
HOG = """
import os, sys
os.sched_setaffinity(0, [int(sys.argv[1])])
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
print("at work", flush=True)
while True: pass
"""


@contextmanager
def starved(process):
    """Keep a process to a processor of which it gets next to nothing."""
    one = min(os.sched_getaffinity(0))
    hog = [sys.executable, "-c", HOG, str(one)]
    with subprocess.Popen(hog, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as hog:
        try:
            if not hog.stdout.readline():
                pytest.skip("nobody may take a processor here")
            os.sched_setaffinity(process, [one])
            yield
        finally:
            hog.kill()


@pytest.mark.alone
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="not on this system")
def test_a_worker_that_gets_no_processor_is_waited_for(shipped_artifact, tmp_path):
    limits = {"decode_timeout": 0.2, "check_every": 1000}
    with running(tmp_path / "log", artifact=shipped_artifact, **limits) as service:
        service.wait_until_ready()
        (worker,) = service.workers()
        words = [2 * "".join(letters) for letters in product("ADEN", repeat=4)]
        with starved(worker):
            answer = service.ask(post(words))
        assert answer.status_code == 200
        assert service.workers() == [worker], service.log


@pytest.mark.alone
def test_a_worker_that_is_late_but_at_work_is_waited_for(shipped_artifact, tmp_path, monkeypatch):
    poison.prepare(tmp_path, monkeypatch)
    with running(tmp_path / "log", artifact=shipped_artifact) as service:
        service.wait_until_ready()
        (worker,) = service.workers()
        # Past the second that one may be silent
        answer = service.ask(get("/pronounce/qxtoil", X_Request_Timeout=60))
        assert answer.status_code == 200
        assert service.workers() == [worker]
        refused = service.ask(get("/pronounce/qxhang"))
        assert_retry_later(refused, "worker_lost")
        assert worker not in service.workers()
        assert service.stop() == 0


def test_a_word_that_kills_meets_the_last_worker_when_another_is_there(
    shipped_artifact, tmp_path, monkeypatch
):
    poison.prepare(tmp_path, monkeypatch)
    with running(tmp_path / "log", artifact=shipped_artifact, workers=2) as service:
        service.wait_until_ready(2)
        dying = service.send(get("/pronounce/qxdie"))

        def twice_lost():
            assert service.ask(get("/readyz")).status_code == 200, "nobody else is kept waiting"
            return service.log.count("starting another") == 2

        eventually(twice_lost, "two workers to die of it")
        assert_retry_later(dying.answer(), "worker_lost")
        service.wait_until_ready(2)
        assert service.stop() == 0


def test_workers_end_when_the_service_is_killed(service):  # the last to share it
    workers = service.workers()
    os.kill(workers[0], signal.SIGSTOP)  # one that does not notice anything
    service.process.kill()
    assert service.wait() == -signal.SIGKILL
    eventually(lambda: not service.remaining(), "every worker to end")


# Starting


def test_not_ready_while_starting(run):
    with run() as service:
        eventually(service.workers, "a worker to be started")
        with service.stopped_workers():
            for path in ("/readyz", "/health", "/startupz"):
                answer = service.ask(get(path))
                assert answer.status_code == 503, path
                assert int(answer.headers["Retry-After"]) >= 1
                assert "starting" in answer.text
            assert_retry_later(service.ask(post(["bad"])), "unavailable")
            assert_retry_later(service.ask(get("/pronounce/bad")), "unavailable")
            assert service.ask(get("/livez")).status_code == 200
            assert service.ask(get("/info")).status_code == 200
        service.wait_until_ready()
        assert service.ask(get("/startupz")).json() == {"status": "ok", "workers": 1}
        assert_answers(service)
        assert service.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_during_start_up(run, number):
    with run() as service:
        eventually(service.workers, "a worker to be started")
        with service.stopped_workers():  # it will never be ready
            assert service.port
            service.process.send_signal(number)
            assert service.wait() == 0
        assert not service.remaining()
        assert "Traceback" not in service.log


def test_a_worker_that_cannot_start_ends_the_service(run):
    with run() as service:
        eventually(service.workers, "a worker to be started")
        service.signal_workers(signal.SIGKILL)
        assert service.wait() == 1
        assert "cannot start: the worker" in service.log
        assert "ended with -9 before it was ready" in service.log
        assert "Traceback" not in service.log


@pytest.mark.parametrize("damaged", ["", "weights.safetensors"])
def test_a_damaged_artifact_is_named(run, tiny_artifact, tmp_path, damaged):
    copy = tmp_path / "copy"
    if damaged:
        shutil.copytree(tiny_artifact, copy)
        with (copy / damaged).open("ab") as file:
            file.write(b"x")
    with run(artifact=copy) as service:
        assert service.wait() == 1
        assert f"error: {copy / damaged}: is " in service.log
        assert "Traceback" not in service.log


def test_weights_that_do_not_fit_their_config_are_named(run, tiny_artifact, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_artifact, copy)
    path = copy / "config.json"
    path.write_text(path.read_text().replace('"hidden": 48', '"hidden": 64'))
    manifest = json.loads((copy / "manifest.json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest["files"]["config.json"]["sha256"] = digest
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with run(artifact=copy) as service:
        assert service.wait() == 1
        problem = "its weights and config do not fit"
        assert f"error: {copy / 'weights.safetensors'}: {problem}" in service.log


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_reported(run):
    with run(device="cuda") as service:
        assert service.wait() == 1
        assert "cannot start: device 'cuda' cannot be used" in service.log
        assert "Traceback" not in service.log
        assert not service.remaining()


@pytest.mark.parametrize("closed", [(0,), (1, 2), (0, 1, 2)], ids=str)
def test_closed_standard_streams_stop_nothing(shipped_artifact, closed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shell = f"exec {sys.executable} -m tanger serve --port {port} --workers 1 --device cpu "
    shell += " ".join(f"{descriptor}>&-" for descriptor in closed)
    with subprocess.Popen(
        ["bash", "-c", shell], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"

            def answers():
                assert process.poll() is None
                try:
                    return httpx.get(f"{url}/pronounce/tanger").status_code == 200
                except httpx.TransportError:
                    return False

            eventually(answers, "an answer")
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_a_port_in_use_is_named(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with run(port=port) as service:
            assert service.wait() > 0
            assert f"('127.0.0.1', {port}): address already in use" in service.log.lower()
            assert "Traceback" not in service.log
            assert not service.remaining()


# Stopping


def test_what_is_in_flight_is_finished_before_the_end(run):
    with run(max_batch=2) as service:
        service.wait_until_ready()
        idle = socket.create_connection(("127.0.0.1", service.port))
        with idle, service.stopped_workers():
            # The worker holds two words, the rest and the second request wait, the third is late.
            exchanges = [service.send(post(["BAD", "BED", "TAB"])), service.send(post(["TEN"]))]
            late = service.send(post(b'{"words": ["BED"', Content_Length=18))
            assert service.ask(get("/pronounce/A", X_Request_Timeout=0.1)).status_code == 504
            # Ctrl-C in a terminal is sent to the whole group of processes.
            os.killpg(service.process.pid, signal.SIGINT)
            eventually(service.refuses_connections, "the service to stop listening")
            late.send(b"]}")
            assert_retry_later(late.answer(), "unavailable")
            assert service.process.poll() is None
            assert not any(exchange.answered() for exchange in exchanges)
        answers = [exchange.answer() for exchange in exchanges]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [len(answer.json()["results"]) for answer in answers] == [3, 1]
        assert service.wait() == 0
        assert not service.remaining()
        assert "Traceback" not in service.log


def test_when_grace_is_over_what_is_in_flight_is_refused(run):
    with run(grace=1) as service:
        service.wait_until_ready()
        with service.stopped_workers():
            held = service.send(get("/pronounce/BAD"))
            slow = service.send(post(b'{"words": [', Content_Length=100))
            assert service.ask(get("/pronounce/A", X_Request_Timeout=0.1)).status_code == 504
            service.process.terminate()
            assert_retry_later(held.answer(), "unavailable")
            assert_retry_later(slow.answer(), "unavailable")
            assert service.wait() == 0
        assert not service.remaining()
        assert "Traceback" not in service.log

"""Several HTTP processes on one socket, with the same workers."""

import json
import os
import shutil
import signal
import socket
import time
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tanger.model import artifact as artifacts
from tests.support import poison
from tests.support.live_service import eventually, get, running
from tests.support.load import under_load
from tests.support.soak_report import metric

KEY = "correct-horse-battery-staple"
AT_WORK = ["BAD", "BED", "BID", "TAN", "BAT", "BET", "BIT", "TEN"]
KEYED = {"Authorization": f"Bearer {KEY}"}
# Patient with clients, for a loaded machine is slow
TWO = {"http_processes": 2, "workers": 2, "keep_alive": 100, "timeout": 60}


class Client:
    """A kept connection with one HTTP process."""

    def __init__(self, port):
        self.connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self.ask("GET", "/livez")

    def ask(self, method, path, body=None, **headers):
        """Status and answer; the answer's headers stay in `headers`."""
        content = None if body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None:
            named["Content-Type"] = "application/json"
        self.connection.request(method, path, content, named)
        return self.answer()

    def send(self, body):
        """Ask for words, whose answer comes later."""
        named = {"Content-Type": "application/json"}
        self.connection.request("POST", "/pronounce", json.dumps(body), named)

    def answer(self):
        """Status and answer of what was sent."""
        response = self.connection.getresponse()
        self.headers = response.headers
        read = response.read()
        return response.status, json.loads(read) if read else None

    def spoken(self, word, **options):
        """How a word is pronounced."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        status, answer = self.ask("GET", f"/pronounce/{word}?{query}")
        assert status == 200, answer
        return answer["results"][0]["pronunciations"][0]["text"]


@contextmanager
def clients(service):
    """A client of each HTTP process: of those that run it is the only one that accepts."""
    found, pids = [], service.http_processes()
    for pid in pids:
        others = [other for other in pids if other != pid]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            found.append(Client(service.port))
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)
    try:
        yield found
    finally:
        for client in found:
            client.connection.close()


def wait_for_all(service, count=2):
    """Return when so many HTTP processes are up, each with all workers."""

    def up():
        pids = service.http_processes()
        return len(pids) == count and all(map(_listens, pids))

    eventually(up, f"{count} HTTP processes")

    def ready():
        with clients(service) as found:
            return all(
                client.ask("GET", "/readyz") == (200, {"status": "ok", "workers": 2})
                for client in found
            )

    eventually(ready, "all of them to be ready")


def _listens(pid):
    """Whether a process has got as far as to answer: it handles SIGHUP by then."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (line.split()[1] for line in lines if line.startswith("SigCgt"))
    return int(caught, 16) >> signal.SIGHUP - 1 & 1


@pytest.fixture
def run(shipped_artifact, tmp_path):
    """Starts a service of two HTTP processes and two workers, with these settings."""

    @contextmanager
    def start(**settings):
        settings = {
            "artifact": shipped_artifact, **TWO, "decode_timeout": 5, "check_every": 1000,
            **settings,
        }  # fmt: skip
        with running(tmp_path / "log", **settings) as service:
            wait_for_all(service)
            yield service

    return start


@pytest.fixture(scope="module")
def lasting(shipped_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    keys = folder / "keys"
    keys.write_text(f"{KEY}\n")
    settings = {**TWO, "decode_timeout": 5, "check_every": 1000, "api_keys_file": keys,
                "public_routes": "/livez,/readyz,/pronounce,/pronounce/{word},/metrics,/info",
                "user_lexicon": folder / "own.db", "source": "auto"}  # fmt: skip
    with running(folder / "log", artifact=shipped_artifact, **settings) as service:
        service.keys_file = keys
        yield service


@pytest.fixture
def service(lasting):
    wait_for_all(lasting)
    return lasting


def assert_all_answer(service):
    with clients(service) as found:
        for client in found:
            status, answer = client.ask("POST", "/pronounce", {"words": ["BAD", "BED"]})
            assert status == 200
            assert [result["error"] for result in answer["results"]] == [None, None]


# What holds across them


def test_info_and_log_tell_of_the_processes(service):
    with clients(service) as found:
        for client in found:
            client.ask("GET", "/livez", X_Request_ID=f"of-{found.index(client)}")
            assert client.ask("GET", "/info", **KEYED)[1]["http_processes"] == 2
    assert [service.request_line(f"of-{number}")["process"] for number in (0, 1)] == [1, 2]


def test_metrics_are_of_all_processes(service):
    name = 'tanger_requests_total{method="GET",route="/pronounce/{word}",status="200"}'
    with clients(service) as found:
        for client in found:
            client.spoken("BAD")
        before = metric(service, name)
        for client in found:
            for _ in range(3):
                client.spoken("BAD")
        assert metric(service, name) == before + 6
        assert metric(service, "tanger_connections") == 3  # these, and the one that asks
        assert metric(service, "tanger_workers_ready") == 2
        assert metric(service, "tanger_ready") == 1
        assert metric(service, "tanger_requests_in_flight") == 1


def test_a_change_of_the_user_lexicon_is_seen_through_each(service):
    with clients(service) as (one, other):
        for way, (writer, reader) in enumerate([(one, other), (other, one)] * 5):
            before = reader.ask("GET", "/pronounce/ABBA?source=auto"), reader.headers["ETag"]
            spoken = ("B AE D", "D AE B")[way % 2]
            status, _ = writer.ask("PUT", "/lexicon/ABBA", {"pronunciations": [spoken]}, **KEYED)
            assert status in (200, 201)
            for client in (reader, writer):
                status, answer = client.ask(
                    "GET", "/pronounce/ABBA?source=auto", If_None_Match=before[1]
                )
                assert status == 200
                assert answer["results"][0]["pronunciations"][0]["text"] == spoken
                assert client.headers["ETag"] != before[1]
            assert one.headers["ETag"] == other.headers["ETag"]
        assert one.ask("DELETE", "/lexicon/ABBA", **KEYED)[0] == 204
        assert other.ask("GET", "/lexicon/ABBA", **KEYED)[0] == 404


def test_keys_change_in_all(service):
    with clients(service) as found:
        assert [client.ask("GET", "/lexicon/x", **KEYED)[0] for client in found] == [404, 404]
        changed = "another-key-of-some-length"
        service.keys_file.write_text(f"{changed}\n")
        for client in found:
            eventually(
                lambda client=client: client.ask("GET", "/lexicon/x", **KEYED)[0] == 401,
                "the old key to be refused",
            )
        again = {"Authorization": f"Bearer {changed}"}
        assert [client.ask("GET", "/lexicon/x", **again)[0] for client in found] == [404, 404]
        service.keys_file.write_text(f"{KEY}\n")
        for client in found:
            eventually(
                lambda client=client: client.ask("GET", "/lexicon/x", **KEYED)[0] == 404,
                "the key to be good again",
            )


def test_the_queue_is_bounded_over_all(run):
    limits = {"queue_letters": 256, "max_words": 4, "max_letters": 64, "decode_timeout": 60}
    with run(**limits, max_batch=1, cache_words=0) as service:
        with clients(service) as busy, clients(service) as (one, other):
            with service.stopped_workers():
                # Two workers have a word each of either process, and one ahead of time
                for client, words in zip(busy, (AT_WORK[:4], AT_WORK[4:]), strict=True):
                    client.send({"words": words})
                long = "ANGER" * 12
                one.send({"words": [long[k:] for k in range(3)]})
                eventually(lambda: metric(service, "tanger_queue_words") == 3, "words to wait")
                status, answer = other.ask(
                    "POST", "/pronounce", {"words": [f"S{long}", f"T{long}"]}
                )
                assert (status, answer["code"]) == (429, "queue_full")
                assert "177 letters are waiting, of at most 256" in answer["detail"]
            for client in (*busy, one):
                assert client.answer()[0] == 200
        assert service.stop() == 0


# What is lost


def test_a_killed_worker_costs_nothing(run):
    with run() as service:
        with under_load(service.port, connections=6) as load:
            for _ in range(2):
                answered, lost = load.answered, metric(service, "tanger_workers_lost_total")
                eventually(lambda n=answered: load.answered > n + 10, "answers")
                os.kill(service.workers()[0], signal.SIGKILL)
                eventually(
                    lambda n=lost: metric(service, "tanger_workers_lost_total") == n + 1,
                    "the loss to be noticed once",
                )
                wait_for_all(service)
        load.assert_all_answered()
        assert service.stop() == 0
        assert "Traceback" not in service.log


def test_a_killed_http_process_costs_its_own_connections_only(service):
    with clients(service) as (one, other):
        workers = service.workers()
        total = 'tanger_request_seconds_count{route="/livez"}'
        counted = metric(service, total)
        victim, survivor = service.http_processes()
        os.kill(victim, signal.SIGKILL)
        for _ in range(20):
            assert other.ask("POST", "/pronounce", {"words": ["BAD"]})[0] == 200
        with pytest.raises((OSError, HTTPException)):
            one.ask("GET", "/livez")
        eventually(lambda: victim not in service.http_processes(), "the end of it")
        wait_for_all(service)
        assert survivor in service.http_processes()
        assert service.workers() == workers
        assert metric(service, total) >= counted, "no counter goes back"
    service.wait_for_log(f"HTTP process 1 {victim} ended with -9; starting another")
    assert_all_answer(service)


def test_an_http_process_that_hangs_is_replaced(service):
    _, hung = service.http_processes()
    os.kill(hung, signal.SIGSTOP)
    eventually(lambda: hung not in service.http_processes(), "it to be ended")
    wait_for_all(service)
    service.wait_for_log(f"HTTP process 2 {hung} hung; starting another")
    assert_all_answer(service)


def test_a_client_that_takes_no_answers_keeps_nobody_waiting(run):
    """A stopped HTTP process does not hold up the workers."""
    with run(cache_words=0) as service, clients(service) as (one, other):
        _, stopped = service.http_processes()
        words = [f"B{'A' * k}D{'E' * j}" for k in range(16) for j in range(16)]
        for _ in range(2):
            other.send({"words": words, "n": 10})
            os.kill(stopped, signal.SIGSTOP)
            started = time.monotonic()
            for k in range(20):
                assert one.ask("POST", "/pronounce", {"words": [f"TEN{'A' * k}"]})[0] == 200
            assert time.monotonic() - started < 4, "long before it is found to hang"
            os.kill(stopped, signal.SIGCONT)
            assert other.answer()[0] == 200


@pytest.mark.slow
def test_words_that_kill_cost_other_processes_nothing(shipped_artifact, tmp_path, monkeypatch):
    poison.prepare(tmp_path, monkeypatch)
    with running(tmp_path / "log", artifact=shipped_artifact, **TWO) as service:
        wait_for_all(service)
        with under_load(service.port, connections=6) as load:
            for number in range(3):
                wait_for_all(service)
                answer = service.ask(get(f"/pronounce/qxdie{'abc'[number]}"))
                assert answer.status_code == 503
                assert answer.json()["code"] == "worker_lost"
        load.assert_all_answered()
        wait_for_all(service)
        assert service.stop() == 0


def test_all_end_when_the_parent_is_killed(run):
    with run() as service:
        stopped = [service.workers()[0], service.http_processes()[0], *service.fork_servers()]
        for pid in stopped:  # these notice nothing
            os.kill(pid, signal.SIGSTOP)
        assert len(service.workers() + service.http_processes()) == 4
        service.process.kill()
        assert service.wait() == -signal.SIGKILL
        eventually(lambda: not service.remaining(), "every process to end")


# Reload, start, stop


def test_a_reload_is_everywhere_before_it_is_answered(shipped_artifact, tmp_path, run):
    place = tmp_path / "artifact"
    shutil.copytree(shipped_artifact, place)
    old = artifacts.read(place).version
    keyed = {"api_keys": KEY, "public_routes": "/livez,/readyz,/pronounce/{word}"}
    with run(artifact=place, **keyed) as service, clients(service) as found:

        def versions(some):
            answers = [client.ask("GET", "/pronounce/BAD") for client in some]
            assert [status for status, _ in answers] == [200, 200]
            return [answer["model"]["version"] for _, answer in answers]

        before = service.workers()
        shutil.rmtree(place)
        assert found[0].ask("POST", "/admin/reload", **KEYED)[0] == 409
        service.wait_for_log("previous model stays")
        assert versions(found) == [old, old]
        shutil.copytree(shipped_artifact.parent / "en-us-fast", place)
        new = artifacts.read(place).version
        status, answer = found[1].ask("POST", "/admin/reload", **KEYED)
        assert (status, answer["version"]) == (200, new)
        assert versions(found) == [new, new]
        eventually(lambda: not set(before) & set(service.workers()), "the old workers to leave")
        # One that takes another's place has the new weights, whatever stands on the disk
        shutil.rmtree(place)
        os.kill(service.http_processes()[0], signal.SIGKILL)
        service.wait_for_log("ended with -9; starting another")
        wait_for_all(service)
        with clients(service) as again:
            assert versions(again) == [new, new]
        assert service.stop() == 0


@pytest.mark.slow
def test_reloads_under_load_lose_nothing(run):
    with run() as service:
        with under_load(service.port, connections=6) as load:
            for count in range(1, 3):
                service.process.send_signal(signal.SIGHUP)
                eventually(
                    lambda n=count: metric(service, 'tanger_reloads_total{outcome="done"}') == n,
                    "the reload",
                )
        load.assert_all_answered()
        assert service.stop() == 0


def test_what_is_in_flight_is_finished_before_the_end(run):
    with run() as service:
        with clients(service) as found:
            with service.stopped_workers():
                for client in found:
                    client.send({"words": ["BAD", "TEN"]})
                eventually(
                    lambda: metric(service, "tanger_requests_in_flight") == 3, "both to come"
                )
                # Ctrl-C in a terminal is sent to the whole group of processes
                os.killpg(service.process.pid, signal.SIGINT)
                eventually(service.refuses_connections, "it to stop listening")
                assert service.process.poll() is None
            for client in found:
                status, answer = client.answer()
                assert status == 200
                assert len(answer["results"]) == 2
        assert service.wait() == 0
        assert not service.remaining()
        assert "Traceback" not in service.log


def test_stopped_during_start_up(shipped_artifact, tmp_path):
    with running(tmp_path / "log", artifact=shipped_artifact, http_processes=2) as service:
        eventually(service.http_processes, "an HTTP process to be started")
        service.process.terminate()
        assert service.wait() == 0
        assert not service.remaining()
        assert "Traceback" not in service.log


@pytest.mark.parametrize(
    ("settings", "status", "problem"),
    [
        ({"lexicon": "/nowhere/at/all.dict"}, 1, "/nowhere/at/all.dict"),
        ({"public_routes": "/nonsense"}, 2, "'/nonsense' is none of the routes"),
        ({"api_keys": "short"}, 1, "an API key is 16 to 512"),
        ({"artifact": "/nowhere"}, 1, "/nowhere: is no artifact"),
    ],
)
def test_what_is_wrong_is_named_once(shipped_artifact, tmp_path, settings, status, problem):
    settings = {"artifact": shipped_artifact, "http_processes": 2, **settings}
    with running(tmp_path / "log", **settings) as service:
        assert service.wait() == status
        assert service.log.count(problem) == 1
        assert "Traceback" not in service.log
        assert not service.remaining()


def test_a_port_in_use_is_named(shipped_artifact, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = {"artifact": shipped_artifact, "http_processes": 2, "port": port}
        with running(tmp_path / "log", **settings) as service:
            assert service.wait() == 3
            assert f"('127.0.0.1', {port}): address already in use" in service.log.lower()
            assert not service.remaining()


def test_a_worker_that_cannot_start_ends_the_service(shipped_artifact, tmp_path):
    with running(tmp_path / "log", artifact=shipped_artifact, http_processes=2) as service:
        eventually(service.workers, "a worker to be started")
        service.signal_workers(signal.SIGKILL)
        assert service.wait() == 1
        assert "cannot start: the worker" in service.log
        assert not service.remaining()

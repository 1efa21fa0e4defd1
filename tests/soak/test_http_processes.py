"""Two HTTP processes under load with faults: no more requests are lost than allowed."""

import os
import random
import signal
import time

import httpx
import pytest

from tests.support.live_service import eventually, running
from tests.support.load import under_load
from tests.support.soak_report import (
    CACHE_WORDS,
    FULL_MINUTES,
    MEMORY_GOAL,
    MINUTES,
    assert_calm,
    memory_trend,
    metric,
    row,
    times,
    two_workers,
)

pytestmark = pytest.mark.slow

KEY = "a-key-of-the-soak-tests"
LOST = "tanger_workers_lost_total"
RELOADED = 'tanger_reloads_total{outcome="done"}'
CONNECTIONS = 8


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    public = "/livez,/readyz,/pronounce,/pronounce/{word},/metrics"
    with two_workers(
        shipped_artifact,
        folder / "log",
        http_processes=2,
        user_lexicon=folder / "own.db",
        api_keys=KEY,
        public_routes=public,
    ) as service:
        wait_for_both(service)
        yield service


def wait_for_both(service):
    """Wait until both HTTP processes have logged that they are ready."""

    def ready():
        pids = service.http_processes()
        return len(pids) == 2 and service.started_servers().issuperset(pids)

    eventually(ready, "two HTTP processes")
    service.wait_until_ready(2)


def some_answers(load):
    answered = load.answered
    eventually(lambda: load.answered > answered + 10, "answers")


def test_two_processes_workers_killed(service):
    count = times(2, 30)
    with row("Two HTTP processes: a worker ended by `kill -9` under load",
             "every request 200") as found:  # fmt: skip
        with under_load(service.port, connections=CONNECTIONS) as load:
            for _ in range(count):
                some_answers(load)
                lost = metric(service, LOST)
                os.kill(random.choice(service.workers()), signal.SIGKILL)
                eventually(lambda before=lost: metric(service, LOST) > before, "the loss' notice")
                service.wait_until_ready(2)
        load.assert_all_answered()
        found.done(
            f"{count} kills, {load.answered:,} requests",
            f"all 200; longest wait {load.seconds:.2f} s",
        )
    assert_calm(service)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_two_processes_one_of_them_lost(service, number):
    count = times(1, 20) if number == signal.SIGKILL else times(1, 5)
    what = {
        signal.SIGKILL: "Two HTTP processes: one ended by `kill -9` under load",
        signal.SIGSTOP: "Two HTTP processes: one that hangs (SIGSTOP) under load",
    }[number]
    goal = "requests on its own connections lost, at most one each; every other 200"
    with row(what, goal) as found:
        with under_load(service.port, connections=CONNECTIONS) as load:
            for _ in range(count):
                some_answers(load)
                victim = random.choice(service.http_processes())
                os.kill(victim, number)
                eventually(lambda pid=victim: pid not in service.http_processes(), "its end")
                wait_for_both(service)
        assert set(load.statuses) == {200}, load.statuses
        assert not load.wrong
        failed = load.closed + load.cut + load.refused
        # Each thread of the load has at most one request in flight
        assert failed <= count * CONNECTIONS
        found.done(
            f"{count} times, {load.answered:,} requests",
            f"{failed} on its connections failed; the others all 200, longest wait "
            f"{load.seconds:.2f} s",
        )
    assert_calm(service)


def test_two_processes_reloaded(service):
    count = times(1, 20)
    with row("Two HTTP processes: new weights under load (SIGHUP)", "every request 200") as found:
        with under_load(service.port, connections=CONNECTIONS) as load:
            for _ in range(count):
                done = metric(service, RELOADED)
                service.process.send_signal(signal.SIGHUP)
                eventually(lambda before=done: metric(service, RELOADED) > before, "the reload")
        load.assert_all_answered()
        found.done(
            f"{count} reloads, {load.answered:,} requests",
            f"all 200; longest wait {load.seconds:.2f} s",
        )
    eventually(lambda: len(service.workers()) == 2, "the old workers to leave")
    assert_calm(service)


def test_two_processes_lexicon_changed(service):
    count = times(20, 500)
    keyed = {"Authorization": f"Bearer {KEY}"}
    with row("Two HTTP processes: a word of the user lexicon changed under load, and asked for on "
             "new connections", "the next request has it, through any") as found:  # fmt: skip
        with under_load(service.port, connections=CONNECTIONS) as load:
            for number in range(count):
                spoken = ("B AE D", "D AE B")[number % 2]
                body = {"pronunciations": [spoken]}
                put = httpx.put(f"{service.url}/lexicon/abba", json=body, headers=keyed, timeout=60)
                assert put.status_code in (200, 201)
                for _ in range(4):
                    answer = httpx.get(f"{service.url}/pronounce/abba?source=auto", timeout=60)
                    (result,) = answer.json()["results"]
                    assert result["pronunciations"][0]["text"] == spoken
        load.assert_all_answered()
        found.done(f"{count} changes, {load.answered:,} other requests", "each seen at once")
    assert_calm(service)


def test_two_processes_memory(shipped_artifact, tmp_path):
    goal = f"at most {MEMORY_GOAL} MB a minute more in the second half"
    settings = {"http_processes": 2, "cache_words": CACHE_WORDS}
    with (
        row("Two HTTP processes: constant load, memory", goal) as found,
        two_workers(shipped_artifact, tmp_path / "log", **settings) as service,
    ):
        wait_for_both(service)
        with under_load(service.port, connections=CONNECTIONS) as load:
            trend = memory_trend(service, load, cached=2 * CACHE_WORDS, minutes=MINUTES / 3)
        load.assert_all_answered()
        assert trend.samples[-1][1] < 600
        found.done(
            f"{trend.answered:,} requests of 3 new words in {trend.seconds / 60:.1f} minutes",
            f"all 200, {trend}",
            short=MINUTES < FULL_MINUTES,
            missed=trend.slope > MEMORY_GOAL,
        )
        assert_calm(service)


def test_two_processes_stopped(shipped_artifact, tmp_path):
    count = times(1, 10)
    answered = refused = lost = 0
    with row("Two HTTP processes: SIGTERM under load",
             "every request that was taken is answered; exit 0") as found:  # fmt: skip
        for number in range(count):
            log = tmp_path / f"log{number}"
            with running(log, artifact=shipped_artifact, workers=2, http_processes=2) as service:
                wait_for_both(service)
                with under_load(service.port, connections=CONNECTIONS, seed=number) as load:
                    some_answers(load)
                    assert service.stop() == 0
                assert set(load.statuses) <= {200, 503}, load.statuses
                assert load.cut == 0
                assert not load.wrong
                assert not service.remaining()
                assert "Traceback" not in service.log
            answered += load.answered
            refused += load.statuses[503]
            lost += load.lost
        assert lost == 0
        found.done(
            f"{count} stops, {answered:,} requests",
            f"all but {refused:,} with 200, those with 503 and Retry-After",
            lost,
        )


def test_two_processes_parent_killed(shipped_artifact, tmp_path):
    count = times(1, 10)
    with row("Two HTTP processes: their parent ended by `kill -9` under load",
             "no process is left within 5 seconds") as found:  # fmt: skip
        longest = 0.0
        for number in range(count):
            log = tmp_path / f"log{number}"
            with running(log, artifact=shipped_artifact, workers=2, http_processes=2) as service:
                wait_for_both(service)
                with under_load(service.port, connections=CONNECTIONS, seed=number) as load:
                    some_answers(load)
                    assert len(service.http_processes() + service.workers()) == 4
                    killed = time.monotonic()
                    service.process.kill()
                    eventually(lambda: not service.remaining(), "all to end")
                    longest = max(longest, time.monotonic() - killed)
        assert longest < 5
        found.done(f"{count} kills", f"all ended within {longest:.2f} s")

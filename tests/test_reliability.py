"""Tests that try to break the service: short ones here, the full ones by ``make soak``.

``TANGER_SOAK=MINUTES`` runs them in full, with so many minutes of constant load, and writes what
came of it to ``docs/reliability.md``.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from live_service import ROOT, eventually, get, post, running
from load import under_load

from benchmarks.footprint import of_family
from model import checkpoint

SOAK = float(os.environ.get("TANGER_SOAK", "0"))
TABLE = ROOT / "docs" / "reliability.md"
ROWS = []


def times(short: int, full: int) -> int:
    """How often a thing is tried."""
    return full if SOAK else short


@pytest.fixture
def note(request):
    """Adds a row to the table: what was done, how often, what was lost."""

    def add(what: str, tried: str, found: str, lost: int) -> None:
        ROWS.append((what, tried, found, lost, request.node.name))

    return add


@pytest.fixture(scope="module", autouse=True)
def _table():
    yield
    if not SOAK or not ROWS:
        return
    lines = [
        f"| {what} | {tried} | {found} | {lost} | `{name}` |"
        for what, tried, found, lost, name in ROWS
    ]
    text = TABLE.read_text()
    head, _, _ = text.partition("| what |")
    table = ["| what | tried | found | lost | test |", "| --- | --- | --- | --- | --- |", *lines]
    TABLE.write_text(head + "\n".join(table) + "\n")
    print("", *table, sep="\n")


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("reliability") / "log"
    with running(log, artifact=shipped_artifact, workers=2) as service:
        service.wait_until_ready(2)
        yield service
        service.wait_until_ready(2)
        assert service.stop() == 0
        assert "Traceback" not in service.log


def gauge(service, name):
    told = httpx.get(f"{service.url}/metrics").text
    return float(re.search(rf"^{name} (.*)$", told, re.MULTILINE)[1])


def assert_calm(service):
    """Nothing waits and nothing is in flight any more, and words are pronounced."""
    eventually(lambda: gauge(service, "tanger_requests_in_flight") == 1, "all to be answered")
    assert gauge(service, "tanger_queue_words") == 0
    service.wait_until_ready(2)
    assert service.ask(get("/pronounce/tanger")).status_code == 200


# A deadline of no time at all cannot be met, and is answered so
SCHEMATHESIS = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 504]
"""


def test_schemathesis_finds_nothing(service, note, tmp_path):
    count = times(15, 1000)
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/openapi.json",
         "--max-examples", str(count), "--phases", "examples,coverage,fuzzing", "--no-color",
         "--seed", "1", "--checks", "not_a_server_error,status_code_conformance,"
         "content_type_conformance,response_schema_conformance,response_headers_conformance"],
        cwd=tmp_path, capture_output=True, text=True, timeout=7200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    cases = re.search(r"Test cases:\s*\n?\s*([\d,]+) generated", done.stdout)
    told = cases[1] if cases else f"{count} examples an operation"
    note("schemathesis on the OpenAPI document", told, "no finding", 0)
    assert_calm(service)


def test_random_paths_leave_the_number_of_series_as_it_is(service, note):
    count = times(300, 10_000)
    draw = random.Random(7)

    def series():
        told = httpx.get(f"{service.url}/metrics").text.splitlines()
        return sum(not line.startswith("#") for line in told)

    with httpx.Client(base_url=service.url) as client:
        for path in ("/pronounce/a", "/nowhere", "/metrics"):
            client.get(path)
        before = series()
        for _ in range(count):
            client.get("/nowhere/" + "".join(draw.choices("abc/.-%41?=&é", k=draw.randint(0, 40))))
    assert series() == before
    note("random paths", f"{count:,} paths", f"{before} metric series before and after", 0)


def test_a_storm_of_clients_that_hang_up(service, note):
    count = times(200, 2000)
    draw = random.Random(3)
    for _ in range(count):
        words = ["".join(draw.choices("ABDEGNRT", k=8)) for _ in range(20)]
        request = post(words)
        exchange = service.send(request[: draw.randint(1, len(request))])
        exchange.hang_up()
    assert_calm(service)
    note("clients that hang up half-way", f"{count:,} requests", "nothing kept", 0)


def test_workers_killed_under_load(service, note):
    count = times(2, 50)
    with under_load(service.port) as load:
        for _ in range(count):
            answered = load.answered
            eventually(lambda since=answered: load.answered > since + 10, "answers")
            os.kill(random.choice(service.workers()), signal.SIGKILL)
            service.wait_until_ready(2)
    assert set(load.statuses) == {200}, load.statuses
    assert load.lost == load.refused == 0
    assert_calm(service)
    note(
        "a worker ended by `kill -9` under load",
        f"{count} kills",
        f"{load.answered:,} requests, all 200; longest wait {load.seconds:.2f} s",
        load.lost,
    )


def test_workers_stopped_under_load(service, note):
    count = times(2, 20)
    noticed = []
    with under_load(service.port) as load:
        for _ in range(count):
            answered = load.answered
            eventually(lambda since=answered: load.answered > since + 10, "answers")
            lost = gauge(service, "tanger_workers_lost")
            os.kill(random.choice(service.workers()), signal.SIGSTOP)
            started = time.monotonic()
            eventually(
                lambda before=lost: gauge(service, "tanger_workers_lost") > before,
                "the stop to be noticed",
            )
            noticed.append(time.monotonic() - started)
            service.wait_until_ready(2)
    assert set(load.statuses) == {200}, load.statuses
    assert load.lost == load.refused == 0
    assert_calm(service)
    note(
        "a worker that hangs (SIGSTOP) under load",
        f"{count} stops",
        f"{load.answered:,} requests, all 200; noticed after {max(noticed):.2f} s at most, "
        f"longest wait {load.seconds:.2f} s",
        load.lost,
    )


def test_reloads_under_load(service, note):
    count = times(1, 20)
    with under_load(service.port) as load:
        for _ in range(count):
            done = gauge(service, 'tanger_reloads_total{outcome="done"}'.replace("{", r"\{"))
            service.process.send_signal(signal.SIGHUP)
            eventually(
                lambda before=done: (
                    gauge(service, r'tanger_reloads_total\{outcome="done"\}') > before
                ),
                "the reload",
            )
    assert set(load.statuses) == {200}, load.statuses
    assert load.lost == load.refused == 0
    eventually(lambda: len(service.workers()) == 2, "the old workers to leave")
    assert_calm(service)
    note(
        "new weights under load",
        f"{count} reloads",
        f"{load.answered:,} requests, all 200; longest wait {load.seconds:.2f} s",
        load.lost,
    )


def test_stopped_under_load(shipped_artifact, tmp_path, note):
    count = times(1, 20)
    answered = refused = 0
    for number in range(count):
        with running(tmp_path / f"log{number}", artifact=shipped_artifact, workers=2) as service:
            service.wait_until_ready(2)
            with under_load(service.port, seed=number) as load:
                eventually(lambda load=load: load.answered > 50, "answers")
                assert service.stop() == 0
            assert set(load.statuses) <= {200, 503}, load.statuses
            assert load.lost == 0
            answered += load.answered
            refused += load.statuses[503]
            assert not service.remaining()
            assert "Traceback" not in service.log
    note(
        "SIGTERM under load",
        f"{count} stops",
        f"{answered:,} requests answered, {refused:,} of them with 503 and Retry-After",
        0,
    )


def test_an_artifact_with_any_byte_changed_is_refused(service, shipped_artifact, tmp_path, note):
    count = times(3, 200)
    draw = random.Random(11)
    files = sorted(
        path for path in shipped_artifact.iterdir() if path.name in
        (checkpoint.WEIGHTS, checkpoint.CONFIG, checkpoint.VOCABULARY)
    )  # fmt: skip
    for number in range(count):
        copy = tmp_path / "copy"
        shutil.copytree(shipped_artifact, copy)
        path = copy / files[number % len(files)].name
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        with pytest.raises(checkpoint.ArtifactError, match=re.escape(str(path))):
            checkpoint.read(copy)
        if number < len(files):
            with running(tmp_path / "log", artifact=copy) as broken:
                assert broken.wait() == 1
                assert f"error: {path}: is damaged" in broken.log
        shutil.rmtree(copy)
    note(
        "an artifact with one bit changed",
        f"{count} bits, {len(files)} starts of the service",
        "all refused, the file named",
        0,
    )


def test_memory_stays_flat_under_load(service, note):
    seconds = 60 * SOAK or 8
    samples = []
    with under_load(service.port, connections=4) as load:
        began = time.monotonic()
        # The cache fills first: words are new, so that it is full of them in the end
        while (elapsed := time.monotonic() - began) < seconds:
            samples.append((elapsed, of_family(service.process.pid)))
            time.sleep(min(10, seconds / 20))
    assert set(load.statuses) == {200}, load.statuses
    assert load.lost == load.refused == 0
    later = samples[len(samples) // 2 :]
    slope = (later[-1][1] - later[0][1]) / max(1e-9, later[-1][0] - later[0][0]) * 60
    if SOAK:
        assert slope < 0.5, samples
    assert later[-1][1] < 400
    note(
        "constant load",
        f"{seconds / 60:g} minutes",
        f"{load.answered:,} requests of 3 new words, all 200; {samples[0][1]:.0f} MB at the "
        f"start, {later[-1][1]:.0f} MB at the end, {slope:+.3f} MB a minute in the second half",
        load.lost,
    )
    assert_calm(service)

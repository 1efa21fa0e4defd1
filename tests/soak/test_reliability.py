"""Load, faults and redeployments: no request is lost. In full by ``make soak``."""

import os
import random
import re
import shutil
import signal
import time

import pytest

from tanger.model import artifact
from tests.support import poison
from tests.support.live_service import eventually, post, running
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

RELOADED = 'tanger_reloads_total{outcome="done"}'
LOST = "tanger_workers_lost_total"
NOT_RELOADED = 'tanger_reloads_total{outcome="refused"}'


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    with two_workers(shipped_artifact, tmp_path_factory.mktemp("reliability") / "log") as service:
        yield service


def some_answers(load):
    answered = load.answered
    eventually(lambda: load.answered > answered + 10, "answers")


@pytest.fixture
def loaded(service, shipped_artifact, tmp_path):
    """A service to load: with the default cache, or with one that is soon full."""
    if MINUTES:
        yield service
        return
    with two_workers(shipped_artifact, tmp_path / "log", cache_words=CACHE_WORDS) as small:
        yield small


def test_constant_load(loaded):
    goal = f"{FULL_MINUTES} minutes; at most {MEMORY_GOAL} MB a minute more in the second half"
    with row("Constant load, memory", goal) as found:
        with under_load(loaded.port) as load:
            trend = memory_trend(loaded, load, cached=CACHE_WORDS, minutes=MINUTES)
        load.assert_all_answered()
        assert trend.samples[-1][1] < 400
        # Short-term fluctuations are not a trend
        assert trend.slope < max(MEMORY_GOAL, 2 / (trend.seconds / 120)), trend.samples
        found.done(
            f"{trend.answered:,} requests of 3 new words in {trend.seconds / 60:.1f} minutes",
            f"all 200, {trend}",
            short=MINUTES < FULL_MINUTES,
        )
    assert_calm(loaded)


def test_overload(service):
    seconds = times(3, 60)
    with row("More than it can do: 32 clients ask for 200 new words", "200, or 429 and 504 with "
             "Retry-After") as found:  # fmt: skip
        with under_load(service.port, connections=32, words=200) as load:
            eventually(lambda: load.answered > 50, "answers")
            time.sleep(seconds)
        assert set(load.statuses) <= {200, 429, 504}, load.statuses
        assert load.refused == load.lost == 0, load.wrong[:1]
        reported = ", ".join(
            f"{count:,} with {status}" for status, count in sorted(load.statuses.items())
        )
        found.done(f"{load.answered:,} requests", f"{reported}; longest wait {load.seconds:.1f} s")
    assert_calm(service)


def test_workers_killed_under_load(service):
    count = times(2, 50)
    with row("A worker ended by `kill -9` under load", "every request 200") as found:
        with under_load(service.port) as load:
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


def test_workers_stopped_under_load(service):
    count = times(2, 20)
    goal = "every request 200; noticed within a second beyond the batch's expected time"
    reported = len(service.log)
    with row("A worker that hangs (SIGSTOP) under load", goal) as found:
        with under_load(service.port) as load:
            for _ in range(count):
                some_answers(load)
                lost = metric(service, LOST)
                os.kill(random.choice(service.workers()), signal.SIGSTOP)
                eventually(lambda before=lost: metric(service, LOST) > before, "the stop's notice")
                service.wait_until_ready(2)
        load.assert_all_answered()
        late = re.findall(r"hung, ([0-9.]+) s beyond", service.log[reported:])
        noticed = [float(seconds) for seconds in late]
        assert len(noticed) == count
        # A margin, since the service itself may wait for the CPU
        assert max(noticed) < 1.5, noticed
        found.done(
            f"{count} stops, {load.answered:,} requests",
            f"all 200; noticed {max(noticed):.2f} s beyond it at the latest; longest wait "
            f"{load.seconds:.2f} s",
            missed=max(noticed) > 1,
        )
    assert_calm(service)


def test_reloads_under_load(service):
    count = times(1, 20)
    with row("New weights under load (SIGHUP)", "every request 200") as found:
        with under_load(service.port) as load:
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


def test_a_damaged_artifact_at_reload_under_load(shipped_artifact, tmp_path):
    count = times(2, 40)
    draw = random.Random(13)
    place = tmp_path / "artifact"
    shutil.copytree(shipped_artifact, place)
    version = artifact.read(place).version
    goal = "refused, the old weights answer every request"
    with (
        row("An artifact with one bit changed, reloaded under load", goal) as found,
        two_workers(place, tmp_path / "log") as service,
    ):
        with under_load(service.port) as load:
            for number in range(count):
                some_answers(load)
                path = place / FILES[number % len(FILES)]
                whole = path.read_bytes()
                path.write_bytes(with_a_bit_changed(whole, draw))
                refused = metric(service, NOT_RELOADED)
                service.process.send_signal(signal.SIGHUP)
                eventually(
                    lambda before=refused: metric(service, NOT_RELOADED) > before, "the refusal"
                )
                path.write_bytes(whole)
        load.assert_all_answered()
        assert metric(service, RELOADED) == 0
        service.wait_for_log(f"previous model stays: {place / FILES[0]}: is damaged")
        assert (
            metric(service, f'tanger_model{{language="en-US",name="en-us",version="{version}"}}')
            == 1
        )
        found.done(
            f"{count} bits, {load.answered:,} requests", "all refused, the file named; all 200"
        )


FILES = (artifact.WEIGHTS, artifact.CONFIG, artifact.VOCABULARY)


def with_a_bit_changed(content, draw):
    changed = bytearray(content)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return changed


def test_a_damaged_artifact_at_the_start(shipped_artifact, tmp_path):
    count = times(3, 200)
    draw = random.Random(11)
    with row("An artifact with one bit changed, at the start", "refused, the file named") as found:
        for number in range(count):
            copy = tmp_path / "copy"
            shutil.copytree(shipped_artifact, copy)
            path = copy / FILES[number % len(FILES)]
            path.write_bytes(with_a_bit_changed(path.read_bytes(), draw))
            with pytest.raises(artifact.ArtifactError, match=re.escape(str(path))):
                artifact.read(copy)
            if number < len(FILES):
                with running(tmp_path / "log", artifact=copy) as broken:
                    assert broken.wait() == 1
                    broken.wait_for_log(f"error: {path}: is damaged")
            shutil.rmtree(copy)
        found.done(f"{count} bits, {len(FILES)} starts of the service", "all refused")


def test_stopped_under_load(shipped_artifact, tmp_path):
    count = times(1, 20)
    answered = refused = lost = 0
    with row("SIGTERM under load", "every request that was taken is answered; exit 0") as found:
        for number in range(count):
            log = tmp_path / f"log{number}"
            with running(log, artifact=shipped_artifact, workers=2) as service:
                service.wait_until_ready(2)
                with under_load(service.port, seed=number) as load:
                    eventually(lambda load=load: load.answered > 50, "answers")
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


def test_poisonous_words_under_load(shipped_artifact, tmp_path, monkeypatch):
    raising, killing, hanging = times(3, 300), times(1, 20), times(1, 5)
    poison.prepare(tmp_path, monkeypatch)
    # In small letters: capitals may be read letter by letter
    letters = [chr(97 + number) * length for length in (1, 2, 3) for number in range(26)]
    with (
        row("Words that make the decoder raise, die or hang, under load", "their own error, or "
            "503; every other request 200") as found,
        two_workers(shipped_artifact, tmp_path / "log") as service,
    ):  # fmt: skip
        with under_load(service.port) as load:
            for number in range(raising):
                some = f"qxraise{letters[number % 78]}{letters[number // 78]}"
                answer = service.ask(post(["TANGER", some, "GRAPHEME"]))
                assert answer.status_code == 200
                results = answer.json()["results"]
                errors = [result["error"] and result["error"]["code"] for result in results]
                assert errors == [None, "decoding_failed", None]
                assert "ArithmeticError: poison" in results[1]["error"]["message"]
            for kind, count in (("die", killing), ("hang", hanging)):
                for number in range(count):
                    # With a single worker, the first fault would leave none
                    service.wait_until_ready(2)
                    answer = service.ask(post([f"qx{kind}{letters[number]}"]))
                    assert answer.status_code == 503
                    assert answer.json()["code"] == "worker_lost"
                    assert answer.headers["Retry-After"]
        load.assert_all_answered()
        found.done(
            f"{raising} that raise, {killing} that kill, {hanging} that hang; {load.answered:,} "
            "others",
            f"{raising} errors of their own, {killing + hanging} times 503; the others all 200, "
            f"longest wait {load.seconds:.2f} s",
        )

"""What those who run the service see of it, and do to it."""

import asyncio
import hashlib
import json
import os
import random
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from tanger.model import artifact as artifacts
from tanger.model.evaluation import report
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.watchdog import usage_of
from tanger.service.serving.wire import DecodeRequest
from tanger.service.serving.worker import cpu_share
from tanger.service.settings import Settings
from tests.support.live_service import eventually, get, post, running

KEY = "0123456789abcdef"
JSON_LINE = re.compile(r"^\{.*\}$")


@pytest.fixture(scope="module")
def pinned_artifact(tiny_artifact, little_lexicon, tmp_path_factory):
    """The tiny artifact, evaluated, and with it the words that it should get right."""
    copy = tmp_path_factory.mktemp("pinned") / "tiny"
    shutil.copytree(tiny_artifact, copy)
    report.keep(copy, report.evaluate(NetworkPhonemizer.load(copy, "cpu"), little_lexicon["test"]))
    assert artifacts.read(copy).pinned()
    return copy


@pytest.fixture(scope="module")
def service(pinned_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("operations") / "log"
    with running(log, artifact=pinned_artifact, workers=2, check_every=0.2) as service:
        service.wait_until_ready(2)
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


def other_weights(artifact: Path, path: Path, scale: float = 1.001) -> str:
    """Another artifact of the same language in the place of the one at `path`; its version."""
    found = artifacts.read(artifact)
    weights = {name: array * np.float32(scale) for name, array in found.weights().items()}
    written = artifacts.write(
        path,
        name=found.name,
        network=found.network,
        training=found.training,
        calibration=found.calibration,
        graphemes=found.graphemes,
        phonemes=found.phonemes,
        weights=weights,
        extras={},
    )
    assert written.version != found.version
    return written.version


def metric(client, name):
    reported = client.get("/metrics").text
    return float(re.search(rf"^{re.escape(name)} (.*)$", reported, re.MULTILINE)[1])


# The same word, one decode


def test_a_word_is_decoded_once_and_known_then(client):
    name = 'tanger_words_total{language="en-US",origin="%s"}'
    decoded, cached = (metric(client, name % origin) for origin in ("decoded", "cached"))
    first = client.get("/pronounce/tabater")
    again = client.post("/pronounce", json={"words": ["TABATER", "Tabater"]})
    assert re.fullmatch(
        r'queue;dur=[0-9.]+, decode;dur=[0-9.]+, batch;desc="1"', first.headers["Server-Timing"]
    )
    assert again.headers["Server-Timing"] == "cache"
    for word in ("...", "日本"):  # nothing to say, nothing to ask
        assert client.get(f"/pronounce/{word}").headers["Server-Timing"] == "rules"
    (spoken,) = (result["pronunciations"] for result in first.json()["results"])
    assert [result["pronunciations"] for result in again.json()["results"]] == [spoken, spoken]
    assert metric(client, name % "decoded") == decoded + 1
    assert metric(client, name % "cached") == cached + 1


def test_a_word_that_several_requests_wait_for_counts_as_decoded_once(service, client):
    name = 'tanger_words_total{language="en-US",origin="decoded"}'
    decoded = metric(client, name)
    in_flight = "tanger_requests_in_flight"
    with service.stopped_workers():
        exchanges = [service.send(post(["beret", "terabe"])) for _ in range(3)]
        eventually(lambda: metric(client, in_flight) == 1 + len(exchanges), "all to be received")
    assert [exchange.answer().status_code for exchange in exchanges] == [200] * 3
    assert metric(client, name) == decoded + 2


def test_an_answer_that_is_known_is_not_sent_again(client, pinned_artifact):
    first = client.get("/pronounce/tanger")
    tag = first.headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{32}"', tag)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    version = artifacts.read(pinned_artifact).version
    assert first.headers["X-Model-Version"] == first.json()["model"]["version"] == version
    for given in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = client.get("/pronounce/tanger", headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert again.headers["X-Model-Version"] == version
    for url in ("/pronounce/tange", "/pronounce/tanger?alphabet=cntk"):
        other = client.get(url, headers={"If-None-Match": tag})
        assert other.status_code == 200
        assert other.headers["ETag"] != tag
    refused = client.get("/pronounce/tanger?stress=1", headers={"If-None-Match": "*"})
    assert refused.status_code == 422, "what cannot be answered is not known either"


# Seeing inside


def test_random_paths_make_no_series(client):
    draw = random.Random(5)

    def series():
        return {
            line.rpartition(" ")[0]
            for line in client.get("/metrics").text.splitlines()
            if line and not line.startswith("#")
        }

    for path in ("/", "/pronounce/a", "/nowhere"):
        client.get(path)
    client.request("BREW", "/nowhere")
    series()
    before = series()
    for _ in range(300):
        path = "".join(draw.choices("abcdegnrt/.-%", k=draw.randint(1, 20))).replace("%", "%41")
        client.request(draw.choice(["GET", "BREW"]), f"/{draw.choice(['', 'pronounce/'])}{path}")
    grown = series() - before
    # Another status of a route that answered before is all that may come
    assert all(re.search(r'route="(/|unmatched|/pronounce/\{word\})"', line) for line in grown)
    assert len(grown) <= 4, grown


def test_every_line_of_the_log_is_json_and_a_request_names_its_trace(service, client):
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace}-{parent}-01", "X-Request-ID": "mine"}
    client.get("/pronounce/secretword", headers=headers)
    found = service.request_line("mine")
    assert (found["trace_id"], found["parent_id"]) == (trace, parent)
    assert (found["method"], found["route"], found["status"]) == ("GET", "/pronounce/{word}", 200)
    assert found["seconds"] > 0
    assert "secretword" not in service.log.lower(), "what people ask is their affair"


def test_a_request_after_another_has_no_part_in_its_trace(service):
    traceparent = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    first = get("/livez", traceparent=traceparent, X_Request_ID="ahead")
    following = get("/livez", X_Request_ID="behind")
    service.ask(first.replace(b"Connection: close", b"Connection: keep-alive") + following)
    assert service.request_line("ahead")["trace_id"] == "1af7651916cd43dd8448eb211c80319c"
    assert "trace_id" not in service.request_line("behind")


def test_logs_as_text_without_requests(tiny_artifact, tmp_path):
    settings = {"log_format": "text", "log_requests": False, "metrics": False}
    with running(tmp_path / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        assert service.ask(get("/pronounce/bad")).status_code == 200
        assert service.ask(get("/metrics")).status_code == 404
        assert service.stop() == 0
        assert not any(JSON_LINE.match(line) for line in service.log.splitlines())
        assert "/pronounce" not in service.log


# Readiness


def test_wrong_answers_are_not_ready(pinned_artifact, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(pinned_artifact, copy)
    found = artifacts.read(copy)
    word = next(iter(found.pinned()))
    phoneme = found.phonemes.own[0]
    artifacts.write_pinned(found, {word: (phoneme, phoneme)})
    with running(tmp_path / "log", artifact=copy) as service:
        eventually(lambda: "wrong answers" in service.ask(get("/readyz")).text, "the check to fail")
        for path in ("/readyz", "/startupz"):
            assert service.ask(get(path)).status_code == 503
        refused = service.ask(get("/pronounce/bad"))
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert service.ask(get("/livez")).status_code == 200
        assert f"not {phoneme} {phoneme}" in service.wait_for_log(f"{word} is ")


def test_workers_that_stop_answering_are_noticed_while_nobody_asks(service, client):
    service.wait_until_ready(2)
    lost = metric(client, "tanger_workers_lost_total")
    with service.stopped_workers() as before:
        # The pinned words are asked for by the service itself, and held by who is silent
        eventually(
            lambda: metric(client, "tanger_workers_lost_total") > lost, "a loss to be noticed"
        )
        eventually(lambda: set(service.workers()) != set(before), "another worker")
    service.wait_until_ready(2)


def test_a_path_tells_all_that_may_be_done_with_it(client):
    for path, methods in (
        ("/livez", "GET, HEAD"),
        ("/pronounce", "POST"),
        ("/lexicon/tanger", "DELETE, GET, HEAD, PUT"),
    ):
        refused = client.patch(path)
        assert (refused.status_code, refused.headers["Allow"]) == (405, methods)


def test_a_service_that_stood_still_blames_no_worker(pinned_artifact):
    settings = Settings(artifact=pinned_artifact, device="cpu", workers=1, decode_timeout=0.05)

    async def run():
        manager = ModelManager(settings)
        running = asyncio.create_task(manager.run())
        while not manager.answers:
            await asyncio.sleep(0.01)
        batcher = manager.current.batcher
        requested = asyncio.create_task(batcher.submit([DecodeRequest("A")], timeout=60))
        while batcher.waiting or not batcher.busy:
            await asyncio.sleep(0)
        time.sleep(1)
        (link,) = batcher._workers
        link._check_liveness(link._watchdog)  # as its timer may, before what has come is read
        answered = await requested
        restarts = manager.current.workers.restarts
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return answered, restarts

    answered, restarts = asyncio.run(run())
    assert len(answered.answers) == 1
    assert restarts == 0


@pytest.mark.parametrize(
    ("state", "waits"), [("R", True), ("D", True), ("S", False), ("T", False), ("Z", False)]
)
def test_who_waits_for_a_processor_or_a_disk_does_not_hang(state, waits):
    fields = " ".join(["0"] * 10)
    assert usage_of(f"12 (a (b) R c) {state} {fields} 30 12 0") == (42, waits)


@pytest.mark.parametrize(
    ("cores", "workers", "gpus", "threads"),
    [(16, 0, 0, 1), (16, 4, 0, 4), (16, 0, 1, 16), (16, 0, 8, 2), (16, 2, 1, 8), (2, 8, 0, 1)],
)
def test_every_worker_of_a_device_has_the_same_share_of_the_cores(cores, workers, gpus, threads):
    assert cpu_share(cores, workers=workers, gpus=gpus) == threads


def test_a_replacement_is_started_as_the_first_worker_was(tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact, threads=0, workers=0) as service:
        service.wait_until_ready()

        def arguments(pid):
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-5:]

        before = {pid: arguments(pid) for pid in service.workers()}
        service.signal_workers(signal.SIGKILL)
        eventually(lambda: set(service.workers()) - set(before), "another worker")
        service.wait_until_ready()
        for pid in service.workers():
            assert arguments(pid) in before.values()


def test_which_engine_decodes_is_known(tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact) as service:
        service.wait_until_ready()
        engine = NetworkPhonemizer.load(tiny_artifact, "cpu").decoder.runs_on
        assert service.ask(get("/info")).json()["engine"] == engine
        assert f'tanger_engine{{engine="{engine}"}} 1.0' in service.ask(get("/metrics")).text
        service.wait_for_log(f"decoding on cpu with {engine}")


# New weights


def test_new_weights_take_over_under_load_and_no_request_fails(pinned_artifact, tmp_path):
    place = tmp_path / "artifact"
    shutil.copytree(pinned_artifact, place)
    old = artifacts.read(place).version
    with running(tmp_path / "log", artifact=place, workers=1) as service:
        service.wait_until_ready()
        stop, answers = threading.Event(), []

        def ask(number):
            draw = random.Random(number)
            with httpx.Client(base_url=service.url, timeout=60) as client:
                while not stop.is_set():
                    words = ["".join(draw.choices("ABDEGNRT", k=6)) for _ in range(5)]
                    answers.append(client.post("/pronounce", json={"words": words}))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            new = other_weights(place, place)

            def version():
                return service.ask(get("/info")).json()["model"]["version"]

            assert version() == old
            service.process.send_signal(signal.SIGHUP)
            eventually(lambda: version() == new, "the new weights")
            count = len(answers)
            eventually(lambda: len(answers) > count + 20, "some more answers")
            eventually(lambda: len(service.workers()) == 1, "the old worker to leave")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["model"]["version"] for answer in answers} == {old, new}
        errors = {r["error"] and r["error"]["code"] for a in answers for r in a.json()["results"]}
        assert errors == {None}
        assert 'tanger_reloads_total{outcome="done"} 1.0' in service.ask(get("/metrics")).text
        assert service.stop() == 0
        assert not service.remaining()
        assert "Traceback" not in service.log


def test_what_becomes_of_workers_is_not_the_affair_of_who_requested_them(pinned_artifact, tmp_path):
    settings = {"artifact": pinned_artifact, "workers": 1, "api_keys": KEY}
    with running(tmp_path / "log", **settings) as service:
        service.wait_until_ready()
        headers = {"X-API-Key": KEY, "X-Request-ID": "reloading"}
        assert httpx.post(f"{service.url}/admin/reload", headers=headers, timeout=60).is_success
        eventually(lambda: len(service.workers()) == 1, "the old worker to leave")
        service.signal_workers(signal.SIGKILL)
        assert "reloading" not in service.wait_for_log("ended with -9")
        service.request_line("reloading")


def test_new_workers_decode_with_the_weights_that_are_served(pinned_artifact, tmp_path):
    """Whatever has become of the artifact's folder since."""
    place = tmp_path / "artifact"
    shutil.copytree(pinned_artifact, place)
    with running(tmp_path / "log", artifact=place, cache_words=0) as service:
        service.wait_until_ready()
        requested = post(["tanger", "brandeau"])
        before = service.ask(requested).json()
        for spoil in (
            lambda: other_weights(place, place, scale=0.5),
            lambda: (place / "weights.safetensors").write_bytes(b"nonsense"),
            lambda: shutil.rmtree(place),
        ):
            spoil()
            (worker,) = service.workers()
            os.kill(worker, signal.SIGKILL)
            eventually(lambda lost=worker: service.workers() not in ([], [lost]), "another worker")
            service.wait_until_ready()
            assert service.ask(requested).json() == before


def damage(place: Path) -> None:
    (place / "weights.safetensors").write_bytes(b"nonsense")


def pin_wrong_answers(place: Path) -> None:
    artifact = artifacts.read(place)
    artifacts.write_pinned(artifact, {next(iter(artifact.pinned())): ("Z",)})


def make_unloadable(place: Path) -> None:
    """Give a network of another size, with the checksum that belongs to it."""
    path, manifest = place / "config.json", place / "manifest.json"
    path.write_text(path.read_text().replace('"hidden": 48', '"hidden": 64'))
    listed = json.loads(manifest.read_text())
    listed["files"]["config.json"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(listed))


def test_weights_that_cannot_answer_leave_the_old_ones_in_place(pinned_artifact, tmp_path):
    place = tmp_path / "artifact"
    shutil.copytree(pinned_artifact, place)
    version = artifacts.read(place).version
    with running(tmp_path / "log", artifact=place) as service:
        service.wait_until_ready()
        for refused, spoil in enumerate((damage, pin_wrong_answers, make_unloadable), start=1):
            shutil.copytree(pinned_artifact, place, dirs_exist_ok=True)
            spoil(place)
            service.process.send_signal(signal.SIGHUP)
            eventually(
                lambda n=refused: service.log.count("the previous model stays") == n, spoil.__name__
            )
            answer = service.ask(get("/pronounce/bad"))
            assert answer.status_code == 200
            assert answer.json()["model"]["version"] == version
            assert service.ask(get("/readyz")).json() == {"status": "ok", "workers": 1}
            eventually(lambda: len(service.workers()) == 1, "the new workers to leave")
        assert service.stop() == 0
        assert "Traceback" not in service.log

import asyncio

import httpx
import pytest

from tanger.model import artifact
from tanger.model.text.pipeline import Pipeline
from tanger.service.schemas import Options
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.cache import AnswerCache
from tanger.service.serving.pricing import result_bytes
from tanger.service.serving.pronouncer import Pronouncer
from tests.support.live_service import running


@pytest.fixture(scope="module")
def pronouncer(shipped_artifact):
    queue = Batcher(capacity=1 << 15, max_batch=256, weigh=lambda ask: ask.work)
    english = artifact.read(shipped_artifact)
    return Pronouncer(english, queue, Pipeline(english), cache=AnswerCache(1000))


def cost(pronouncer, *words, **options):
    return asyncio.run(pronouncer.begin(words, Options(**options))).cost


def test_a_word_that_comes_twice_is_decoded_once_and_written_twice(pronouncer):
    once, twice = cost(pronouncer, "tanger"), cost(pronouncer, "tanger", "tanger")
    assert once.letters == twice.letters == 6
    assert twice.response_bytes == 2 * once.response_bytes


def test_a_cached_word_still_costs_its_answer(pronouncer):
    job = asyncio.run(pronouncer.begin(["grapheme"], Options()))
    new = job.cost
    (key,) = job._missing_keys.values()
    pronouncer.cache.put(key, "[]")
    cached = cost(pronouncer, "grapheme")
    assert (new.letters, cached.letters) == (8, 0)
    assert cached.response_bytes == new.response_bytes > 0


def test_joining_parts_costs_though_all_of_them_are_known(pronouncer):
    few, many = (cost(pronouncer, "+".join(digits)).letters for digits in ("12", "123456789"))
    assert 0 <= few < many


def test_hypotheses_and_alignments_cost(pronouncer):
    costs = [
        cost(pronouncer, "tanger", **options)
        for options in ({}, {"n": 2}, {"n": 2, "alignment": True}, {"n": 10, "alignment": True})
    ]
    assert costs == sorted(costs)
    assert len(set(costs)) == len(costs)


def test_what_is_refused_costs_what_it_echoes(pronouncer):
    assert cost(pronouncer, "日" * 1000).response_bytes > 1000


@pytest.mark.parametrize(
    "word", ["tanger", "fox", "xoxox", "xaxy" * 16, "pneumonoultramicroscopicsilicovolcanoconiosis"]
)
@pytest.mark.parametrize("aligned", [False, True])
def test_answers_are_a_little_shorter_than_estimated(client, word, aligned):
    options = {"words": [word], "n": 10, "alignment": aligned}
    answer = client.post("/pronounce", json=options)
    assert answer.status_code == 200
    estimate = result_bytes(len(word), word, 10, aligned=aligned)
    assert estimate / 10 < len(answer.content) < estimate


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("pricing") / "log"
    with running(log, artifact=shipped_artifact) as service:
        service.wait_until_ready()
        yield service

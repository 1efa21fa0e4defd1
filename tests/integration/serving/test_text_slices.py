"""Texts made to take long: no turn of the event loop does, whatever stands in them."""

import asyncio
import gc
import time
from asyncio.events import Handle

import pytest

from tanger.model import artifact as artifacts
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.pipeline import Pipeline
from tanger.service.schemas import TextRequest
from tanger.service.serving import text_job, text_pricing
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.pronouncer import Pronouncer
from tanger.service.text_handler import _FORMS
from tests.support import ROOT

# Seconds of CPU that a turn may take. A slice has 2 ms, and its last item may take more;
# a machine that does other things at once makes it several times as much. A token or a sentence
# that is read as a whole, whatever its length, takes half a second.
LONGEST_TURN = 0.06
SENTENCES = ROOT / "tests" / "unit" / "text" / "reader" / "sentences.txt"


def prose(characters):
    lines = SENTENCES.read_text("utf-8").splitlines()
    text = " ".join(line.split("\t")[-1] for line in lines if not line.startswith("#"))
    return text[:characters]


TEXTS = {
    "prose": prose(50_000),
    "a number": "1" * 50_000,
    "letters and digits": "a1" * 25_000,
    "words without space": "a,b." * 12_500,
    "homographs": "read," * 10_000,
    "an address": "http://a.b/" + "x" * 50_000,
    "brackets": "[" * 50_000,
    "combining marks": "e\u0301\u0301\u0301" * 12_000,
    "capitals": "ABCX" * 12_500,
    "SSML": "<speak>" + "<s>a</s>" * 6_000 + "</speak>",
    "an element": "<speak><lang xml:lang='fr'>" + "mot " * 12_000 + "</lang></speak>",
}


@pytest.fixture(scope="module")
def pronouncer(shipped_artifact):
    artifact = artifacts.read(shipped_artifact)
    dictionaries = Dictionaries.read(Inventory(artifact.phonemes.own))
    queue = Batcher(capacity=100, max_batch=100, weigh=len)
    return Pronouncer(artifact, queue, Pipeline(artifact, dictionaries=dictionaries))


@pytest.fixture
def turns(monkeypatch):
    """Seconds of CPU that each turn of the event loop took."""
    found = []
    run = Handle._run

    def timed(handle):
        started = time.thread_time()
        run(handle)
        found.append(time.thread_time() - started)

    monkeypatch.setattr(Handle, "_run", timed)
    gc.collect()
    gc.disable()  # how long it takes depends on all that other tests have left
    yield found
    gc.enable()


async def answer(pronouncer, text):
    """The bytes of the answer as JSON, of words that a dictionary has; as estimated, and made."""
    options = TextRequest(text=text, source="lexicon", ssml=text.startswith("<speak>"))
    reading = await text_job.read(pronouncer, text, options, 10)
    job = await text_job.begin(reading, text_pricing.json_bytes, 10)
    parts = await _FORMS["application/json"].render(job)
    return job.cost.response_bytes, sum(map(len, parts))


@pytest.mark.parametrize("kind", TEXTS)
def test_no_turn_takes_long(pronouncer, turns, kind):
    asyncio.run(answer(pronouncer, "Warm."))
    turns.clear()
    asyncio.run(answer(pronouncer, TEXTS[kind]))
    assert max(turns) < LONGEST_TURN


@pytest.mark.parametrize("text", [prose(5_000), "1984 " * 500, "read " * 500, "日本 " * 500])
def test_answers_are_hardly_longer_than_estimated(pronouncer, text):
    estimated, made = asyncio.run(answer(pronouncer, text))
    assert made < 1.05 * estimated < 1.7 * made

"""Texts by both clients, of a service for English and of one behind a front that fails."""

import asyncio
import typing

import httpx
import pytest

from tanger.service import schemas
from tanger.service.client import AsyncClient, Client, Retries, TextOptions
from tanger.service.client.errors import (
    BadAnswerError,
    InvalidRequestError,
    StatusError,
    UnavailableError,
)
from tests.support.faulty_proxy import CUT, DROP, Refusal, proxy_to
from tests.support.live_service import running

PATIENT = Retries(deadline=120, first_wait=0.01, longest_wait=0.02)
BUSY = Refusal(503, {"Retry-After": "0"})
TEXT = "Dr. Smith paid $5 at 3:00. She read it, 🎄 then 日本.\nThe end"


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("texts") / "log"
    with running(log, artifact=shipped_artifact) as service:
        service.wait_until_ready()
        yield service
        assert service.stop() == 0


@pytest.fixture
def front(service):
    with proxy_to(service.port) as front:
        yield front


class Texts:
    """The two ways to ask for a text, of either client."""

    def __init__(self, asynchronous):
        self.asynchronous = asynchronous

    def text(self, url, text, retries=PATIENT, **options):
        async def ask():
            async with AsyncClient(url, retries=retries) as client:
                return await client.text(text, **options)

        if self.asynchronous:
            return asyncio.run(ask())
        with Client(url, retries=retries) as client:
            return client.text(text, **options)

    def sentences(self, url, text, retries=PATIENT, **options):
        async def ask():
            async with AsyncClient(url, retries=retries) as client:
                return [each async for each in client.sentences(text, **options)]

        if self.asynchronous:
            return asyncio.run(ask())
        with Client(url, retries=retries) as client:
            return list(client.sentences(text, **options))


@pytest.fixture(params=["sync", "async"])
def texts(request):
    return Texts(request.param == "async")


def answered(service, text, **options):
    answer = httpx.post(f"{service.url}/text", json={"text": text, **options})
    return answer.raise_for_status().json()


def test_a_text_is_what_the_service_answers(service, texts):
    found = texts.text(service.url, TEXT)
    assert isinstance(found, schemas.TextResponse)
    assert found.model_dump(mode="json") == answered(service, TEXT)
    assert found.spoken.startswith("doctor smith paid five dollars at three o'clock she read")
    assert [token.error.code for token in found.tokens if token.error] == ["unspellable"]


def test_options_are_sent(service, texts):
    options = {"alphabet": "ipa", "stress": False, "punctuation": True, "weak_forms": True}
    options |= {"source": "model"}
    found = texts.text(service.url, "the end, of it", **options)
    assert found.pronunciation == answered(service, "the end, of it", **options)["pronunciation"]
    assert found.pronunciation.startswith("ði ɛnd, ")


def test_every_option_of_texts_can_be_requested():
    assert set(typing.get_type_hints(TextOptions)) == set(schemas.TextOptions.model_fields)


def test_sentences_are_the_text_in_parts(service, texts):
    sentences = texts.sentences(service.url, TEXT, alphabet="ipa")
    assert [each.text for each in sentences] == [
        "Dr. Smith paid $5 at 3:00. ",
        "She read it, 🎄 then 日本.\n",
        "The end",
    ]
    whole = texts.text(service.url, TEXT, alphabet="ipa")
    assert " ".join(each.pronunciation for each in sentences) == whole.pronunciation
    assert sentences[1].warnings == ("🎄 -> nothing",)
    assert texts.sentences(service.url, "") == []


def test_a_busy_service_and_a_bad_connection_are_tried_again(front, texts):
    front.script += [BUSY, DROP, CUT]
    assert texts.text(front.url, "hello").spoken == "hello"
    assert front.paths() == ["/text"] * 4
    front.script += [BUSY]
    assert [each.spoken for each in texts.sentences(front.url, "hello")] == ["hello"]
    front.script += [BUSY, BUSY]
    with pytest.raises(UnavailableError) as caught:
        texts.text(front.url, "hello", retries=Retries(attempts=2, first_wait=0.01))
    assert caught.value.attempts == 2


def test_the_first_sentences_come_before_the_last_are_decoded(service):
    known = "The dog and the cat sat on the mat. " * 10
    with Client(service.url, retries=PATIENT) as client:
        with service.stopped_workers():
            sentences = client.sentences(f"{known}A flimbarough.")
            first = next(sentences)
        assert first.text == "The dog and the cat sat on the mat. "
        assert len(list(sentences)) == 10


def test_a_broken_answer_goes_on_after_the_sentences_that_arrived(service, front, texts):
    text = "The cat sat. Why? It was warm.\u2028The end. " * 20
    whole = texts.sentences(service.url, text)
    lines = httpx.post(
        f"{service.url}/text", headers={"Accept": "application/jsonl"}, json={"text": text}
    ).content.splitlines(keepends=True)
    busy = problem(503, "draining")
    front.script += [CUT, Refusal(200, {}, b"".join([*lines[:3], busy]))]
    assert texts.sentences(front.url, text) == whole
    assert front.paths() == ["/text"] * 3
    front.script += [Refusal(200, {}, b"".join([*lines[:3], problem(500, "internal_error")]))]
    with pytest.raises(StatusError, match="oh dear") as caught:
        texts.sentences(front.url, text)
    assert (caught.value.status, caught.value.code) == (500, "internal_error")


def problem(status, code):
    """The last line of an answer that the service could not complete."""
    fields = {"title": "", "status": status, "detail": "oh dear", "code": code, "request_id": "1"}
    return schemas.Problem(**fields).model_dump_json().encode() + b"\n"


def test_what_is_no_text_is_refused(service, texts):
    for wrong, error in (([TEXT], TypeError), ("\ud800", ValueError)):
        with pytest.raises(error, match="text"):
            texts.text(service.url, wrong)
        with pytest.raises(error, match="text"):
            texts.sentences(service.url, wrong)
    with pytest.raises(InvalidRequestError, match="characters"):
        texts.text(service.url, "x" * 200_000)


def test_the_answer_to_another_text_is_none(service, front, texts):
    """A proxy that mixes answers up must not do so unnoticed."""
    body = {"text": "hello"}
    for accept, ask, fault in (
        ("application/json", texts.text, "not the one that was sent"),
        ("application/jsonl", texts.sentences, "not those of the text"),
    ):
        headers = {"Accept": accept}
        other = httpx.post(f"{service.url}/text", headers=headers, json=body).content
        front.script += [Refusal(200, {}, other)]
        with pytest.raises(BadAnswerError, match=fault):
            ask(front.url, "goodbye")
    front.script += [Refusal(200, {}, other)]
    with pytest.raises(BadAnswerError, match="end before the text does"):
        texts.sentences(front.url, "hello there")
    front.script += [Refusal(200, {}, b"[]")]
    with pytest.raises(BadAnswerError, match="no PronouncedSentence"):
        texts.sentences(front.url, "hello")

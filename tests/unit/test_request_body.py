import asyncio
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from tanger.service.connections.limits import ByteBudget
from tanger.service.errors import InvalidRequestError
from tanger.service.request_body import (
    BodyTooLargeError,
    NotJSONError,
    RawRequest,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
    cancel_on_disconnect,
    read_json,
    read_no_query,
    read_query,
)
from tanger.service.schemas import Options, PronounceRequest

JSON = {"Content-Type": "application/json"}


class Sender:
    """The far end of a request: its headers, its body in pieces, and then silence or goodbye."""

    def __init__(self, *chunks, headers=JSON, hangs_up=False):
        self.chunks = list(chunks)
        self.hangs_up = hangs_up
        self.read = 0
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.request = RawRequest({"headers": raw, "query_string": b""}, self.receive)

    async def receive(self):
        if self.chunks:
            self.read += 1
            body = self.chunks.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self.chunks)}
        if not self.hangs_up:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}


def read(sender, *, limit=1000, seconds=60):
    reading = read_json(
        sender.request, PronounceRequest, limit=limit, seconds=seconds, budget=ByteBudget(1 << 20)
    )
    return asyncio.run(reading)


def test_a_body_in_pieces():
    assert read(Sender(b'{"wo', b'rds": ["\xc3', b'\xa9"]}')).words == ["é"]


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"]
)
def test_json_is_requested(media_type):
    assert read(Sender(b'{"words": ["a"]}', headers={"Content-Type": media_type})).words == ["a"]


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/jsonl", "json"])
def test_other_media_types_are_refused_unread(media_type):
    sender = Sender(b"{}", headers={} if media_type is None else {"Content-Type": media_type})
    with pytest.raises(UnsupportedMediaTypeError, match="application/json, not "):
        read(sender)
    assert sender.read == 0


def test_a_body_whose_length_is_reported_is_refused_unread():
    sender = Sender(b"x" * 11, headers={**JSON, "Content-Length": "11"})
    with pytest.raises(BodyTooLargeError, match="10 bytes"):
        read(sender, limit=10, seconds=60)
    assert sender.read == 0


def test_a_body_that_grows_too_large_is_read_no_further():
    sender = Sender(*[b"x" * 4] * 100)
    with pytest.raises(BodyTooLargeError):
        read(sender, limit=10, seconds=60)
    assert sender.read == 3


def test_a_body_may_have_just_the_limit():
    body = b'{"words": ["a"]}'
    assert read(Sender(body), limit=len(body)).words == ["a"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"words", b'{"words": ["\xff"]}', b'\xef\xbb\xbf{"words": ["a"]}', b"[" * 999],
)
def test_what_is_no_json(body):
    with pytest.raises(NotJSONError, match="the body is not JSON: "):
        read(Sender(body))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{}", "body.words"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'{"words": []}', "body.words"),
        (b'{"words": "a"}', "body.words"),
        (b'{"words": ["a", 1]}', "body.words.1"),
        (b'{"words": ["a"], "colour": 1}', "body.colour"),
    ],
)
def test_faults_have_a_place(body, where):
    with pytest.raises(InvalidRequestError) as caught:
        read(Sender(body))
    assert [error.where for error in caught.value.errors] == [where]


@pytest.mark.parametrize(
    "body",
    [
        b'{"words": [' + b"1," * 300_000 + b"1]}",
        b'{"words": ["a"]' + b"".join(b',"f%d":0' % n for n in range(50_000)) + b"}",
    ],
    ids=["words", "fields"],
)
def test_a_flood_of_faults_is_not_answered_with_a_flood(body):
    with pytest.raises(InvalidRequestError) as caught:
        read(Sender(body), limit=1 << 20)
    assert 1 <= len(caught.value.errors) <= 20
    assert len(str(caught.value)) < 2000


def test_nor_is_a_flood_of_query_parameters():
    query = "&".join(f"q{n}=1" for n in range(10_000))
    request = RawRequest({"headers": [], "query_string": query.encode()}, None)
    with pytest.raises(InvalidRequestError) as caught:
        read_no_query(request)
    assert [error.where for error in caught.value.errors] == [f"query.q{n}" for n in range(20)]


@pytest.mark.parametrize(
    "query",
    [
        "", "n=3", "n=3&n=4", "n=0", "n=x", "n=", "n=1.0", "n=1.5", "stress=1", "stress=yes",
        "stress=maybe", "alignment=true&explain=off", "source=auto", "source=", "source=people",
        "alphabet=ipa&n=2&x=1&y", "x=1&x=2&n=99", "n=%33", "words=a", "a=%FF&%66=1;n=2",
    ],
)  # fmt: skip
def test_query_parameters_are_read_as_the_framework_reads_them(query):
    app = FastAPI()

    @app.get("/")
    async def route(options: Annotated[Options, Query()]) -> Options:
        return options

    @app.exception_handler(RequestValidationError)
    async def refused(request, error):
        return JSONResponse(str(InvalidRequestError.of(error.errors())), 422)

    async def by_framework():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get(httpx.URL("/", query=query.encode()))).json()

    request = RawRequest({"headers": [], "query_string": query.encode()}, None)
    try:
        found = read_query(request, Options).model_dump()
    except InvalidRequestError as e:
        found = str(e)
    assert found == asyncio.run(by_framework())


def test_a_body_that_is_here_is_not_waited_for():
    class Prompt(Sender):
        def __init__(self, *chunks):
            super().__init__(*chunks)
            self.request.received = True

    assert read(Prompt(b'{"words": ["a"]}'), seconds=-1).words == ["a"]
    with pytest.raises(BodyTooLargeError):
        read(Prompt(b"x" * 1001), seconds=-1)


def test_a_body_that_does_not_come_in_time():
    class Silent(Sender):
        async def receive(self):
            await asyncio.Event().wait()

    with pytest.raises(RequestTimeoutError, match=r"did not come within 0\.01 s"):
        read(Silent(), seconds=0.01)


def test_work_is_done_for_who_waits():
    async def work():
        await asyncio.sleep(0)
        return 42

    assert asyncio.run(cancel_on_disconnect(Sender(b"").request, work())) == 42


def test_a_fault_in_the_work_comes_through():
    async def work():
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        asyncio.run(cancel_on_disconnect(Sender(b"").request, work()))


def test_work_is_dropped_for_who_hangs_up():
    dropped = []

    async def work():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            dropped.append(True)
            raise

    async def run():
        with pytest.raises(ClientDisconnect):
            await cancel_on_disconnect(Sender(b"", hangs_up=True).request, work())
        await asyncio.sleep(0)

    asyncio.run(run())
    assert dropped


def test_what_is_done_is_answered_even_as_they_hang_up():
    async def work():
        return 42

    assert asyncio.run(cancel_on_disconnect(Sender(hangs_up=True).request, work())) == 42

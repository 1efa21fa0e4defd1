import asyncio
import re

import pytest

from service.request_id import RequestID


def exchanged(*headers: tuple[bytes, bytes]) -> tuple[str, str]:
    """The ID in the request's state and the one in the answer's header."""
    scope = {"type": "http", "headers": list(headers)}
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    asyncio.run(RequestID(app)(scope, None, send))
    returned = dict(sent[0]["headers"])
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return scope["state"]["request_id"], returned[b"x-request-id"].decode("latin-1")


@pytest.mark.parametrize("given", [b"a", b"req-42/7", b"~!@#$%^&*()", b"x" * 128])
def test_an_id_is_taken(given):
    assert exchanged((b"x-request-id", given)) == (given.decode(), given.decode())


@pytest.mark.parametrize(
    "given", [b"", b"x" * 129, b"two words", b"caf\xe9", b"tab\there", b"line\nfeed", b"\x7f"]
)
def test_an_unsafe_id_is_replaced(given):
    kept, returned = exchanged((b"x-request-id", given))
    assert kept == returned
    assert re.fullmatch("[0-9a-f]{32}", returned)


def test_without_one_each_request_gets_its_own():
    assert len({exchanged()[1] for _ in range(10)}) == 10


def test_what_is_not_http_passes_through():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    asyncio.run(RequestID(app)({"type": "lifespan"}, None, None))
    assert seen == [{"type": "lifespan"}]

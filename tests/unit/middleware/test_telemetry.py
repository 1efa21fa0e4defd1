import asyncio
import re
from types import SimpleNamespace

import pytest

from tanger.service.metrics import Metrics
from tanger.service.middleware.telemetry import Telemetry, _identity


def wrapped(app):
    return Telemetry(app, metrics=Metrics(), log=None)


def exchanged(*headers: tuple[bytes, bytes]) -> tuple[str, str]:
    """The ID in the request's state and the one in the answer's header."""
    scope = {"type": "http", "method": "GET", "headers": list(headers)}
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    asyncio.run(wrapped(app)(scope, None, send))
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

    asyncio.run(wrapped(app)({"type": "lifespan"}, None, None))
    assert seen == [{"type": "lifespan"}]


def test_a_request_is_counted_by_its_template():
    metrics = Metrics()

    async def app(scope, receive, send):
        if scope["path"] != "/nowhere":
            scope["route"] = SimpleNamespace(path="/pronounce/{word:text}")
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def send(message):
        pass

    telemetry = Telemetry(app, metrics=metrics, log=None)
    for method, path in [("GET", "/pronounce/a"), ("GET", "/pronounce/b"), ("BREW", "/nowhere")]:
        scope = {"type": "http", "method": method, "path": path, "headers": []}
        asyncio.run(telemetry(scope, None, send))
    reported = metrics.render().decode()
    labels = 'method="GET",route="/pronounce/{word}",status="404"'
    assert f"tanger_requests_total{{{labels}}} 2.0" in reported
    labels = 'method="other",route="unmatched",status="404"'
    assert f"tanger_requests_total{{{labels}}} 1.0" in reported
    assert "tanger_requests_in_flight 0.0" in reported


def test_a_request_that_raises_is_counted_too():
    metrics = Metrics()

    async def app(scope, receive, send):
        raise ValueError("no")

    scope = {"type": "http", "method": "GET", "headers": []}
    with pytest.raises(ValueError, match="no"):
        asyncio.run(Telemetry(app, metrics=metrics, log=None)(scope, None, None))
    assert 'status="500"} 1.0' in metrics.render().decode()
    assert "tanger_requests_in_flight 0.0" in metrics.render().decode()


TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", True),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        (f"00-{TRACE}-{PARENT}", False),
        ("", False),
    ],
)
def test_the_trace_is_taken_where_it_is_one(given, taken):
    _, trace = _identity([(b"traceparent", given.encode())])
    assert (trace.get("trace_id"), trace.get("parent_id")) == (
        (TRACE, PARENT) if taken else (None,) * 2
    )
    assert bool(re.fullmatch("[0-9a-f]{16}", trace.get("span_id", ""))) == taken


@pytest.mark.parametrize("own", [[], [(b"connection", b"close")]])
def test_while_the_service_drains_every_answer_is_the_last(own):
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [*own]})

    async def send(message):
        sent.extend(message["headers"])

    telemetry = Telemetry(app, metrics=Metrics(), log=None, draining=lambda: True)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(telemetry(scope, None, send))
    assert sent.count((b"connection", b"close")) == 1

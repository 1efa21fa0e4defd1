"""What answers /pronounce, called as another ASGI application in front of the routes would."""

import asyncio
import json

import httpx
import pytest

from tanger.service.app import create_app
from tanger.service.errors import InvalidRequestError
from tanger.service.pronounce_handler import pronounce, pronounce_word
from tanger.service.request_body import NotJSONError, RawRequest
from tanger.service.settings import Settings

HEADERS = {"content-type": "application/json", "accept": "application/jsonl"}


def raw(*pieces, query=b"", word="", **headers):
    pieces = list(pieces)

    async def receive():
        if not pieces:
            await asyncio.Event().wait()
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    fields = {**HEADERS, **headers}
    pairs = [(name.encode(), value.encode()) for name, value in fields.items()]
    scope = {"headers": pairs, "query_string": query, "path_params": {"word": word}}
    return RawRequest(scope, receive)


def body(answer):
    if answer.reservation is not None:
        answer.reservation.resize(0)
    return b"".join(answer.parts)


async def ready(manager):
    async with asyncio.timeout(60):
        while not manager.answers:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("accept", ["application/json", "application/jsonl"])
def test_the_handler_answers_as_the_route_does(tiny_artifact, accept):
    async def run():
        app = create_app(Settings(artifact=tiny_artifact, device="cpu", workers=1))
        manager = app.state.manager
        async with app.router.lifespan_context(app):
            await ready(manager)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                sent = {"words": ["danger", "tanger"]}
                by_route = await client.post("/pronounce", json=sent, headers={"Accept": accept})
            content = json.dumps(sent).encode()
            answer = await pronounce(manager, raw(content[:9], content[9:], accept=accept))
            assert answer.media_type == accept
            version = by_route.headers["X-Model-Version"].encode()
            assert dict(answer.headers)[b"x-model-version"] == version
            assert body(answer) == by_route.content
            assert manager.buffers.held == 0

            one = await pronounce_word(manager, raw(accept=accept, word="danger"))
            body(one)
            tag = dict(one.headers)[b"etag"].decode()
            known = raw(accept=accept, word="danger", **{"if-none-match": tag})
            assert (await pronounce_word(manager, known)).parts is None
            with pytest.raises(InvalidRequestError, match=r"query\.n: "):
                await pronounce_word(manager, raw(query=b"n=0", word="danger"))

            with pytest.raises(NotJSONError):
                await pronounce(manager, raw(b"{"))
            with pytest.raises(InvalidRequestError, match=r"query\.nbest"):
                await pronounce(manager, raw(content, query=b"nbest=2"))

    asyncio.run(run())

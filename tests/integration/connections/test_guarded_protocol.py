"""The guard before uvicorn, with an application of its own that says what it was sent."""

import asyncio
import json
import re
import socket
from functools import partial

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from tanger.service.connections.limits import ByteBudget, Connections
from tanger.service.connections.protocol import AnswerNotice, GuardedProtocol
from tests.support.live_service import get

# More bytes than the buffers on the way hold
LARGE = 1 << 24
GET = b"GET /%d HTTP/1.1\r\nHost: test\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


async def echo(scope, receive, send):
    body, more = b"", scope["path"] != "/unread"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/fails":
        raise RuntimeError("on purpose")
    if scope["path"] == "/large":
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", b"%d" % LARGE)]})
        await send({"type": "http.response.body", "body": bytes(LARGE)})
        return
    names = sorted(name.decode() for name, _ in scope["headers"])
    answer = json.dumps([scope["path"], len(body), names]).encode()
    length = (b"content-length", b"%d" % len(answer))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": answer})


def registry(on_refusal, head_timeout=5.0, limit=10):
    return Connections(
        limit=limit,
        budget=ByteBudget(1 << 20),
        head_timeout=head_timeout,
        send_timeout=5,
        min_send_rate=1,
        on_refusal=on_refusal,
    )


async def exchange(*pieces, head_timeout=5.0, keep_alive=5.0, idle=0.0):
    """All that a client gets that sends these pieces, one after the other."""
    refused = []
    connections = registry(
        lambda status, request_id: refused.append((status, request_id)), head_timeout
    )
    config = uvicorn.Config(
        AnswerNotice(echo),
        ws="none",
        lifespan="off",
        log_level="critical",
        timeout_keep_alive=keep_alive,
    )
    make = partial(GuardedProtocol, config, ServerState(), {}, connections=connections)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
    await asyncio.sleep(idle)
    async with asyncio.timeout(60):
        received = await reader.read()
    writer.close()
    server.close()
    await asyncio.sleep(0)
    assert connections.budget.held == 0
    return received, refused


def statuses(received):
    return list(map(int, re.findall(rb"HTTP/1\.1 (\d+) ", received)))


def test_requests_ahead_are_answered_in_order():
    sent = b"".join(GET % number for number in range(2000)) + LAST
    received, _ = asyncio.run(exchange(sent))
    paths = re.findall(rb'\["/(\w+)"', received)
    assert paths == [*(b"%d" % number for number in range(2000)), b"last"]


def test_a_large_head_after_a_request_is_read_on():
    """Larger than what is kept of requests ahead."""
    large = LAST.replace(b"\r\n\r\n", b"\r\nX: " + 20_000 * b"a" + b"\r\n\r\n")
    received, _ = asyncio.run(exchange(GET % 1 + large[:9000], large[9000:15_000], large[15_000:]))
    assert statuses(received) == [200, 200]


@pytest.mark.parametrize("size", [0, 1, 65_536, 300_000])
def test_bodies_of_any_size_arrive(size):
    head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size
    received, _ = asyncio.run(exchange(GET % 1 + head + size * b"b" + LAST))
    assert re.findall(rb"\[\"/\w*\", (\d+)", received) == [b"0", b"%d" % size, b"0"]


def test_chunks_arrive_without_their_trailers():
    head = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = 100 * b"5\r\nabcde\r\n" + b"0\r\nX-Trailer: a\r\n\r\n"
    received, _ = asyncio.run(exchange(head + body[:600], body[600:] + LAST))
    assert b'["/", 500, ["host", "transfer-encoding"]]' in received
    assert statuses(received) == [200, 200]


def test_what_only_uvicorn_finds_wrong_is_refused_with_a_problem():
    received, refused = asyncio.run(exchange(GET % 1 + LAST.replace(b"/last", b"http://")))
    assert statuses(received) == [200, 400]
    assert json.loads(received.rpartition(b"\r\n\r\n")[2])["code"] == "not_http"
    assert [status for status, _ in refused] == [400]


def test_an_application_that_raises_ends_the_connection():
    received, _ = asyncio.run(
        exchange(GET % 1 + b"GET /fails HTTP/1.1\r\nHost: test\r\n\r\n" + LAST)
    )
    assert statuses(received) == [200, 500]


def test_a_head_that_stops_is_refused():
    received, refused = asyncio.run(exchange(b"GET / HT", head_timeout=0.1))
    assert statuses(received) == [408]
    assert [status for status, _ in refused] == [408]


@pytest.mark.parametrize("more", [b"", b"de" + LAST], ids=["none", "rest"])
def test_a_body_that_nobody_reads_comes_to_an_end(more):
    """With its rest, which is ignored, or without, when it is late."""
    sent = b"POST /unread HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nabc"
    received, _ = asyncio.run(exchange(sent, more, head_timeout=0.5))
    assert statuses(received) == ([200, 200] if more else [200])


def test_a_request_on_an_idle_connection_that_is_being_closed_is_answered():
    """And the answer says that it is the last."""
    received, _ = asyncio.run(exchange(GET % 1, GET % 2, keep_alive=0.01))
    assert statuses(received) == [200, 200]
    assert received.lower().count(b"connection: close\r\n") == 1


def test_who_takes_long_to_read_answers_is_not_late_with_what_was_sent():
    sent = b"GET /large HTTP/1.1\r\nHost: test\r\n\r\n" + GET % 2 + LAST
    received, refused = asyncio.run(exchange(sent, head_timeout=0.2, idle=0.8))
    assert statuses(received) == [200, 200, 200]
    assert refused == []


def test_a_short_request_does_not_wait_for_large_ones_on_connections_before_it():
    """libuv accepts one connection in each iteration of the loop, which large requests may fill."""
    begun = []

    async def note(scope, receive, send):
        begun.append(scope["path"])
        await echo(scope, receive, send)

    async def main():
        connections = registry(lambda status, request_id: None, limit=500)
        config = uvicorn.Config(AnswerNotice(note), ws="none", lifespan="off")
        make = partial(GuardedProtocol, config, ServerState(), {}, connections=connections)
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, backlog=500)
        address = server.sockets[0].getsockname()
        # All wait in the backlog before the loop goes on
        sockets = [socket.create_connection(address) for _ in range(301)]
        for each in sockets[:-1]:
            each.sendall(get("/large-head", X_Fill=9_000 * "x"))
        sockets[-1].sendall(get("/short"))
        async with asyncio.timeout(60):
            while "/short" not in begun:
                await asyncio.sleep(0)
            before = begun.index("/short")
            while len(begun) < len(sockets):
                await asyncio.sleep(0)
        for each in sockets:
            each.close()
        server.close()
        return before

    assert uvloop.run(main()) < 60


def test_connections_that_keep_arriving_put_large_requests_off_for_a_while_only():
    async def main():
        connections = registry(lambda status, request_id: None, limit=500)
        begun = []
        connections.in_turn(lambda: begun.append(True), large=True)
        for count in range(500):
            if begun:
                return count
            connections.add(GuardedProtocol.__new__(GuardedProtocol))
            await asyncio.sleep(0)
        return None

    assert asyncio.run(main()) <= 102

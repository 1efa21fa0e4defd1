"""Single requests of maximal cost: each is bounded, and does not delay others."""

import random
import socket
import string
import time

import httpx
import pytest

from tests.support.live_service import get, post
from tests.support.livez_watch import watched
from tests.support.soak_report import assert_calm, metric, row, times, two_workers

pytestmark = pytest.mark.slow

# Most seconds of latency of /livez, and most bytes of memory growth
LONGEST_WAIT = 0.1
MEMORY = 300 << 20


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    with two_workers(shipped_artifact, tmp_path_factory.mktemp("costly") / "log") as service:
        yield service


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


def assert_nobody_waited(watch):
    assert watch.probes > 1
    assert watch.seconds < LONGEST_WAIT
    assert watch.grown < MEMORY


def waited(watch):
    return f"/livez within {1e3 * watch.seconds:.0f} ms, {watch.grown >> 20} MB more"


ACCEPTS = {
    "a string that does not end": 'a/b;x="' + ";" * 60_000,
    "parameters": "a/b" + ";p=1" * 15_000,
    "types": ",".join(["a/b;q=0.1"] * 6_000),
    "quotes": '"' * 60_000,
    "backslashes": 'a/b;x="' + "\\" * 60_000,
}


def test_headers_that_take_long_to_read(service):
    heads = [get("/pronounce/tanger", Accept=value) for value in ACCEPTS.values()]
    heads += [post(["tanger"], Accept=value) for value in ACCEPTS.values()]
    heads += [
        get("/pronounce/tanger", If_None_Match=",".join(['W/"a"'] * 15_000)),
        get("/pronounce/tanger", If_None_Match="," * 60_000),
        get("/pronounce/tanger", Authorization=" " * 60_000),
        get("/pronounce/tanger?" + "n=1&" * 15_000),
        get("/lexicon/tanger?" + "%26" * 20_000),
        post(["tanger"], Content_Type="application/json" + ";" * 60_000),
        post(["tanger"], X_Request_Timeout="1" * 60_000),
    ]
    count = times(5, 50)
    goal = "a status of 4xx, or 200; /livez within 100 ms, 300 MB"
    with row("Headers and queries that take long to read", goal) as found:
        with watched(service) as watch:
            statuses = {service.ask(head).status_code for head in heads * count}
        assert all(status == 200 or 400 <= status < 500 for status in statuses), statuses
        assert_nobody_waited(watch)
        found.done(f"{count * len(heads)} requests", waited(watch))


def parts(draw, count, letters):
    return "-".join("".join(draw.choices(string.ascii_lowercase, k=letters)) for _ in range(count))


WORDS = {
    "two letters": lambda draw: parts(draw, 21, 2),
    "numbers": lambda draw: "-".join(str(draw.randint(10, 99)) for _ in range(21)),
    "capitals": lambda draw: " ".join("".join(draw.choices("BCDFG", k=3)) for _ in range(16)),
    "signs": lambda draw: "".join(draw.choice("a&%$1") for _ in range(60)),
    "accents": lambda draw: "".join(chr(draw.randint(0xC0, 0x17F)) for _ in range(64)),
    "marks": lambda draw: "e" + "".join(draw.choices("\u0301\u0323\u0316", k=250)),
}


@pytest.mark.parametrize("source", ["model", "auto"])
def test_words_of_many_parts(service, client, source):
    draw = random.Random(5)
    count = times(1, 10)
    goal = "200, or 422 that says how much is too much; /livez within 100 ms, 300 MB"
    with row(f"Words of many parts, ten answers each, `{source}`", goal) as found:
        with watched(service) as watch:
            for kind in list(WORDS.values()) * count:
                words = [kind(draw) for _ in range(256)]
                # The second time, all of their parts are cached
                for media_type in ("application/json", "text/tab-separated-values") * 2:
                    answer = client.post(
                        "/pronounce",
                        json={"words": words, "n": 10, "source": source},
                        headers={"Accept": media_type},
                    )
                    assert answer.status_code in (200, 422), answer.text[:300]
        assert_nobody_waited(watch)
        found.done(f"{4 * count * len(WORDS)} requests of 256 words", waited(watch))


BODIES = {
    "a field that nobody knows": b'{"words":["a"],"x":[' + b"[]," * 170_000 + b"1]}",
    "objects in a field": b'{"words":["a"],"source":[' + b'{"a":1},' * 60_000 + b"1]}",
    "fields": b'{"words":["a"]' + b"".join(b',"f%d":0' % n for n in range(40_000)) + b"}",
    "short words": b'{"words":["a"' + b',"a"' * 125_000 + b"]}",
    "depth": b'{"words":' + b"[" * 500_000,
    "the same field": b'{"words":["a"]' + b',"n":1' * 80_000 + b"}",
}


def test_bodies_that_take_long_to_read(service, client):
    count = times(2, 20)
    goal = "400 or 422; /livez within 100 ms, 300 MB"
    with row("Bodies that take long to read", goal) as found:
        with watched(service) as watch:
            for body in list(BODIES.values()) * count:
                answer = client.post(
                    "/pronounce", content=body, headers={"Content-Type": "application/json"}
                )
                assert answer.status_code in (200, 400, 422), answer.text[:300]
        assert_nobody_waited(watch)
        found.done(f"{count * len(BODIES)} bodies of half a megabyte", waited(watch))


def test_large_answers_read_slowly(service, client):
    """Cached words are requested repeatedly by clients that read their large responses slowly."""
    word = "".join(random.Random(3).choices("abdegnrt", k=64))
    options = {"n": 10, "alignment": True}
    assert client.post("/pronounce", json={"words": [word], **options}).status_code == 200
    refused = client.post("/pronounce", json={"words": [word] * 256, **options})
    assert refused.status_code == 422
    assert "limits.response_bytes of /info" in refused.json()["detail"]
    limit = client.get("/info").json()["limits"]["response_bytes"]
    # The largest request that is accepted
    maximum = next(n for n in range(256, 0, -1) if _passes(client, [word] * n, options))
    count = times(60, 120)
    goal = "answers of bounded length; /livez within 100 ms, 300 MB"
    with row("Large answers, read slowly over many connections", goal) as found:
        slow = []
        with watched(service) as watch:
            body = httpx.Request("POST", "http://x/", json={"words": [word] * maximum, **options})
            for number in range(count):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.connect(("127.0.0.1", service.port))
                accept = ("application/json", "application/jsonl")[number % 2]
                connection.sendall(post(body.read(), Accept=accept))
                slow.append(connection)
            for _ in range(10):
                time.sleep(0.2)
                for connection in slow:
                    try:
                        connection.settimeout(0.001)
                        connection.recv(1000)
                    except OSError:
                        pass
        for connection in slow:
            connection.close()
        assert_nobody_waited(watch)
        found.done(f"{count} connections, answers of {limit >> 20} MB at most", waited(watch))
    assert_calm(service)
    assert metric(service, "tanger_buffered_bytes") == 0


def _passes(client, words, options):
    refused = client.post("/pronounce", json={"words": words, **options}).status_code == 422
    return not refused


def test_alignments_that_are_not_shown_are_not_made(client):
    word = "".join(random.Random(4).choices("abdegnrt", k=64))
    body = {"words": [word] * 60, "n": 10, "alignment": True}
    assert client.post("/pronounce", json=body).status_code == 422
    answer = client.post("/pronounce", json=body, headers={"Accept": "text/tab-separated-values"})
    assert answer.status_code == 200
    assert answer.text.count("\n") == 600

"""What clients can hold and stall through their connections, and what they are answered there."""

import os
import re
import select
import signal
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import quote

import httpx
import pytest

from tanger.service.connections.requests import MAX_FIELDS, MAX_FIELDS_SIZE, MAX_TARGET
from tests.support.live_service import PATIENCE, eventually, get, post, running
from tests.support.soak_report import metric

pytestmark = pytest.mark.alone

ENDED = 'tanger_connections_ended_total{reason="%s"}'
SLOW, SURPLUS = ENDED % "reads_too_slowly", ENDED % "too_many"


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("connections") / "log"
    settings = {
        "send_timeout": 2,
        "max_connections": 40,
        "max_buffered": 2_000_000,
        "max_response": 2_000_000,
        "max_body": 1 << 20,
    }
    with running(log, artifact=shipped_artifact, **settings) as service:
        service.wait_until_ready()
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log


def connect(service, buffer=4096):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(PATIENCE)
    connection.connect(("127.0.0.1", service.port))
    return connection


def read_all(connection):
    received = b""
    while chunk := connection.recv(1 << 20):
        received += chunk
    return received


def kept(request):
    return request.replace(b"Connection: close\r\n", b"")


@contextmanager
def read_slowly(connections, rate):
    """So many bytes a second are read of each connection until it ends."""
    stop = threading.Event()

    def read():
        left = set(connections)
        while left and not stop.wait(0.25):
            for connection in list(left):
                try:
                    if not connection.recv(rate // 4):
                        left.discard(connection)
                except OSError:
                    left.discard(connection)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for connection in connections:
            connection.close()


LARGE = "/docs/swagger-ui-bundle.js"


def test_a_large_answer_is_whole(service):
    answer = httpx.get(f"{service.url}{LARGE}")
    assert len(answer.content) == int(answer.headers["Content-Length"]) > 1_000_000
    assert metric(service, "tanger_buffered_bytes") == 0


@pytest.mark.parametrize("buffer", [4096, 1 << 16, 1 << 20])
def test_who_reads_too_slowly_is_ended_and_nothing_is_held(service, buffer):
    """By the pace that is asked for, or where one takes nothing for long: by the system."""
    connections = [connect(service, buffer) for _ in range(2)]
    for connection in connections:
        connection.sendall(20 * kept(get(LARGE)))
    with read_slowly(connections, 4000):
        eventually(lambda: metric(service, "tanger_buffered_bytes") > 0, "answers to be stuck")
        # The metrics are read on the one that is left
        eventually(lambda: metric(service, "tanger_connections") == 1, "them to be ended")
        assert metric(service, "tanger_buffered_bytes") == 0
        assert metric(service, "tanger_requests_in_flight") == 1


def test_a_pace_is_requested(shipped_artifact, tmp_path):
    """Steady progress alone is not enough."""
    settings = {"send_timeout": 2, "min_send_rate": 100_000_000}
    with (
        running(tmp_path / "log", artifact=shipped_artifact, **settings) as service,
        connect(service, 1 << 16) as connection,
    ):
        connection.sendall(100 * kept(get(LARGE)))
        received = 0
        while received < 100_000_000:
            try:
                piece = connection.recv(1 << 16)
            except ConnectionResetError:
                break
            assert piece
            received += len(piece)
            time.sleep(0.02)
        assert 100_000_000 > received > 1_000_000
        assert metric(service, SLOW) == 1


def test_who_reads_fast_enough_gets_all_of_it(service):
    before = metric(service, SLOW)
    with connect(service, 1 << 16) as connection:
        connection.sendall(2 * kept(get(LARGE)) + get(LARGE))
        received = bytearray()
        while chunk := connection.recv(1 << 17):
            received += chunk
            time.sleep(0.1)  # some 12 seconds at most for all, far more than send_timeout
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert metric(service, SLOW) == before


def test_large_answers_are_refused_while_too_much_is_unsent(service):
    connections = [connect(service) for _ in range(4)]
    for connection in connections:
        connection.sendall(5 * kept(get(LARGE)))  # the system itself buffers the first
    eventually(lambda: metric(service, "tanger_buffered_bytes") >= 2_000_000, "the budget's end")
    refused = httpx.get(f"{service.url}{LARGE}")
    small = httpx.get(f"{service.url}/pronounce/tanger")
    for connection in connections:
        connection.close()
    assert refused.status_code == 503
    assert refused.json()["code"] == "buffers_full"
    assert "2,000,000 bytes" in refused.json()["detail"]
    assert int(refused.headers["Retry-After"]) >= 1
    assert small.status_code == 200
    service.wait_for_log(refused.headers["X-Request-ID"])
    eventually(lambda: metric(service, "tanger_buffered_bytes") == 0, "nothing to be held")
    assert httpx.get(f"{service.url}{LARGE}").status_code == 200


def test_large_bodies_are_refused_while_too_much_is_held(service):
    body = b'{"words": ["' + 700_000 * b"a"
    exchanges = [service.send(post(body, Content_Length=1_000_000)) for _ in range(4)]
    eventually(lambda: metric(service, "tanger_buffered_bytes") >= 2_000_000, "the budget's end")
    answer = service.ask(post(body[:300_000]))
    assert (answer.status_code, answer.json()["code"]) == (503, "buffers_full")
    assert service.ask(post(["tanger"])).status_code == 200
    for exchange in exchanges:
        exchange.hang_up()
    eventually(lambda: metric(service, "tanger_buffered_bytes") == 0, "nothing to be held")


def test_a_client_that_hangs_up_within_its_body_harms_nothing(service):
    for sent in (post(b'{"words": ["tan', Content_Length=400), post(["a" * 500])[:-200]):
        service.send(sent).hang_up()
    eventually(lambda: metric(service, "tanger_requests_in_flight") == 1, "them to be given up")


@pytest.mark.parametrize("path", ["/livez", "/pronounce/tanger", "/nowhere"])
def test_thousands_of_requests_ahead_are_all_answered(service, path):
    ahead = 3000 * kept(get(path)) + get(path)
    with connect(service, 1 << 20) as connection:
        sending = threading.Thread(target=connection.sendall, args=(ahead,))
        sending.start()
        received = read_all(connection)
        sending.join()
    assert len(re.findall(rb"HTTP/1\.1 \d", received)) == 3001


def test_bodies_ahead_are_read_in_their_turn(service):
    """Each larger than what is parsed at a time, and all more than is received at a time."""
    words = [[f"word{'abcdefghij'[n % 10]}" * 3] * 100 for n in range(300)]
    ahead = b"".join(kept(post(some)) for some in words[:-1]) + post(words[-1])
    with connect(service, 1 << 20) as connection:
        sending = threading.Thread(target=connection.sendall, args=(ahead,))
        sending.start()
        received = read_all(connection)
        sending.join()
    assert received.count(b"HTTP/1.1 200 OK") == 300


def test_what_is_sent_ahead_is_not_begun_before_the_answers_are_taken(service):
    """Of what is too much for the buffers on the way, but a single answer more is begun."""
    route = r'tanger_requests_total{method="GET",route="/docs/swagger-ui-bundle.js",status="200"}'
    before = metric(service, route)
    with connect(service) as connection:
        connection.sendall(100 * kept(get(LARGE)))
        eventually(lambda: metric(service, "tanger_buffered_bytes") > 0, "an answer to be stuck")
        time.sleep(0.5)
        assert metric(service, route) - before < 10
    eventually(lambda: metric(service, "tanger_requests_in_flight") == 1, "it to be given up")


@contextmanager
def taken(service, count):
    """So many connections that do not ask for anything yet."""
    connections = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(count)]
    eventually(lambda: metric_on_a_probe(service) >= min(count, 40), "them to be accepted")
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
        eventually(lambda: service.ask(get("/pronounce/tanger")).status_code == 200, "their end")


def metric_on_a_probe(service):
    """Whether all are taken: only a probe is answered then."""
    return 0 if service.ask(get("/info")).status_code == 200 else 40


@pytest.mark.parametrize("request_", [get("/pronounce/tanger"), post(["tanger"]), get("/metrics")])
def test_a_connection_beyond_the_limit_is_answered_so(service, request_):
    before = metric(service, SURPLUS)
    with taken(service, 40):
        answer = service.ask(request_)
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Connection"] == "close"
        assert int(answer.headers["Retry-After"]) >= 1
        problem = answer.json()
        assert problem["code"] == "too_many_connections"
        assert "40 connections" in problem["detail"]
        for probe in ("/livez", "/readyz", "/startupz", "/health?verbose=1"):
            answer = service.ask(kept(get(probe)))
            assert answer.status_code == 200
            assert answer.headers["Connection"] == "close"
    assert metric(service, SURPLUS) > before
    service.wait_for_log(problem["request_id"])


def test_who_asks_for_nothing_beyond_the_limit_keeps_no_probe_away(service):
    with taken(service, 400) as connections:
        assert service.ask(get("/livez")).status_code == 200
        # The last are beyond what is kept for probes, too, or have had their second
        for connection in connections[-50:]:
            connection.settimeout(PATIENCE)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pronounce/" + 5_000 * "%61", 200),
        ("/pronounce/" + 40_000 * "%61", 414),
        ("/pronounce/" + quote(2_000 * "é"), 200),
        ("/pronounce/" + quote(2_000 * "語"), 414),
        ("/" + MAX_TARGET * "a", 414),
        ("/" + 1_000_000 * "a", 414),
        ("/livez?" + MAX_TARGET * "a", 414),
        ("/nowhere/" + 16_000 * "a", 404),
        ("/pronounce/a?" + 20_000 * "n=1&", 414),
        ("/pronounce/a?" + 2_000 * "x&", 422),
        ("http://test/" + MAX_TARGET * "a", 414),
        ("http://test/pronounce/" + 5_000 * "%61", 200),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_long_target_has_an_answer_of_its_own(service, path, status):
    answer = service.ask(get(path))
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert len(answer.content) < 10_000
    if status == 414:
        assert answer.json()["code"] == "target_too_long"
        assert f"{MAX_TARGET:,} bytes" in answer.json()["detail"]
    elif "%61" in path:
        assert answer.json()["results"][0]["error"]["code"] == "too_long"


@pytest.mark.parametrize(
    "fields",
    [
        "X: " + MAX_FIELDS_SIZE * "a",
        "X: " + 1_000_000 * "a",
        MAX_FIELDS_SIZE * "X" + ": a",
        "\r\n".join(f"X-{n}: {1000 * 'a'}" for n in range(40)),
        "\r\n".join(f"X-{n}:" for n in range(MAX_FIELDS + 1)),
        "Accept: a/b;x=" + 120_000 * ";",
        "Cookie: " + MAX_FIELDS_SIZE * "a",
    ],
    ids=["value", "megabyte", "name", "sum", "count", "accept", "cookie"],
)
@pytest.mark.parametrize("request_", [get("/livez"), post(["tanger"])], ids=["get", "post"])
def test_headers_that_are_too_large_are_reported_the_limits(service, request_, fields):
    sent = request_.replace(b"\r\n\r\n", f"\r\n{fields}\r\n\r\n".encode(), 1)
    answer = service.ask(sent)
    assert answer.status_code == 431
    assert answer.json()["code"] == "headers_too_large"
    assert f"{MAX_FIELDS} header fields, of {MAX_FIELDS_SIZE:,} bytes" in answer.json()["detail"]


def test_headers_as_large_as_may_be_are_read(service):
    fields = {f"X_{n}": 110 * "a" for n in range(MAX_FIELDS - 2)}
    assert service.ask(get("/livez", **fields)).status_code == 200


@pytest.mark.parametrize("log_format", ["json", pytest.param("text", marks=pytest.mark.slow)])
def test_a_log_that_nobody_reads_stops_nothing(shipped_artifact, tmp_path, log_format):
    """And what is lost of it is counted, in the metrics and in the log itself."""
    reader, writer = os.pipe()
    with running(
        tmp_path / "log", artifact=shipped_artifact, log_format=log_format, stderr=writer
    ) as service:
        os.close(writer)
        text = ""
        while not (found := re.search(r"running on http://127\.0\.0\.1:(\d+) ", text)):
            text += os.read(reader, 4096).decode()
        service.use_port(int(found[1]))
        service.wait_until_ready()
        # From here on nobody reads
        ahead = 2000 * kept(get("/livez", X_Request_ID=120 * "x"))
        while metric(service, "tanger_log_lines_dropped_total") == 0:
            with connect(service, 1 << 20) as connection:
                connection.sendall(ahead + get("/livez"))
                assert read_all(connection).count(b"HTTP/1.1 200 OK") == 2001
        dropped = int(metric(service, "tanger_log_lines_dropped_total"))
        assert dropped > 0
        if log_format == "json":  # somebody reads again
            text = ""
            while not (found := re.search(r'"event": "(\d+) log lines dropped', text)):
                assert select.select([reader], [], [], PATIENCE)[0]
                text = text[-1000:] + os.read(reader, 65536).decode()
            assert int(found[1]) >= dropped
        service.process.send_signal(signal.SIGTERM)
        assert service.wait() == 0  # whether or not anybody reads what it says
        os.close(reader)


def test_a_log_that_is_read_again_says_what_is_missing():
    from tanger.service.logs import LogWriter

    reader, writer = os.pipe()
    log = LogWriter(writer, capacity=1000)
    for number in range(20_000):
        log.write(f"line {number}\n")
    assert log.dropped > 0
    read = b""
    while select.select([reader], [], [], 0.5)[0]:
        read += os.read(reader, 65536)
    lines = read.decode().splitlines()
    assert len(lines) == 20_000 - log.dropped
    assert all(re.fullmatch(r"line \d+", line) for line in lines)
    started = time.monotonic()
    for number in range(20_000):
        log.write(f"line {number}\n")
    log.close(seconds=0.2)  # nobody reads
    assert time.monotonic() - started < 5
    os.close(reader)
    os.close(writer)

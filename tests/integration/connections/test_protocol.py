import json
import re
import socket
import time

import httpx
import pytest

from tanger.service.connections.requests import LONGEST_HEAD
from tests.support.live_service import eventually, get, post, running

pytestmark = pytest.mark.alone

LIMIT = 0.6


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("protocol") / "log"
    limits = {"head_timeout": LIMIT, "body_timeout": LIMIT, "send_timeout": LIMIT}
    # Patient with workers that a test stops for a while
    settings = {**limits, "decode_timeout": 60}
    with running(log, artifact=shipped_artifact, **settings) as service:
        service.wait_until_ready()
        yield service
        assert "Traceback" not in service.log


def all_of(connection):
    """Everything that comes until the other side closes, and how long that took."""
    started = time.monotonic()
    connection.settimeout(30)
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received, time.monotonic() - started


def statuses(received):
    """Those of all answers, in order."""
    return list(map(int, re.findall(rb"HTTP/1\.1 (\d+) ", received)))


def test_a_head_that_does_not_come_in_time(service):
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: te")
        received, seconds = all_of(connection)
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["code"] == "head_too_slow"
    assert seconds >= LIMIT / 2


@pytest.mark.parametrize(
    "sent",
    [
        "GET /pronounce/café HTTP/1.1\r\nHost: test\r\n\r\n",
        "hello\r\n\r\n",
        "BREW /pot HTTP/1.1\r\nHost: test\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: one\r\nHost: two\r\n\r\n",
        "POST /pronounce HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /pronounce HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /pronounce HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST /pronounce HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        "Transfer-Encoding: identity\r\n\r\n",
        "GET /livez HTTP/1.0\r\nHost: one\r\nHost: two\r\n\r\n",
        "GET /livez HTTP/2.0\r\nHost: test\r\n\r\n",
        "GET /livez\r\nHost: test\r\n\r\n",
    ],
    ids=[
        *("letters", "words", "method", "http2", "connect", "no-host", "hosts", "chunk"),
        *("coding", "codings", "coding-h2c", "hosts-1.0", "2.0", "0.9"),
    ],
)
def test_what_is_no_request_is_reported_what_to_look_at(service, sent):
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(sent.encode("latin-1"))
        head, _, body = all_of(connection)[0].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (400, "not_http")
    assert problem["request_id"].encode() in head
    assert "percent-encoded" in problem["detail"]
    service.wait_for_log(problem["request_id"])


def test_what_is_sent_ahead_is_answered_in_order(service):
    words = ["tanger", "a", "bad"]
    requested = [get(f"/pronounce/{word}") for word in words]
    requested[:-1] = [request.replace(b"close", b"keep-alive") for request in requested[:-1]]
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"".join(requested))
        received, _ = all_of(connection)
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert re.findall(rb'"word":"(\w+)"', received) == [word.encode() for word in words]


def test_nonsense_after_requests_takes_no_answer_from_them(service):
    requested = get("/pronounce/tanger").replace(b"close", b"keep-alive")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(2 * requested + b"nonsense\r\n\r\n")
        received, _ = all_of(connection)
    assert statuses(received) == [200, 200, 400]
    assert received.lower().count(b"connection: close") == 1


@pytest.mark.parametrize(
    "rest", [b"GET /li", b"nonsense\r\n\r\n", b"GET /" + 4 * LONGEST_HEAD * b"a"], ids=len
)
def test_what_comes_after_a_request_takes_none_of_its_time(service, rest):
    requested = get("/pronounce/gag", X_Request_Timeout=5).replace(b"close", b"keep-alive")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        with service.stopped_workers():
            connection.sendall(requested + rest)
            time.sleep(1.2 * LIMIT)
        received, _ = all_of(connection)
    assert received.startswith(b"HTTP/1.1 200 ")


def test_a_broken_body_after_a_request_is_not_waited_for(service):
    chunk = post(b"zz\r\n", Transfer_Encoding="chunked").replace(b"Content-Length: 4\r\n", b"")
    requested = get("/pronounce/bad").replace(b"close", b"keep-alive")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(requested + requested + chunk)
        received, seconds = all_of(connection)
    assert statuses(received) == [200, 200, 400]
    assert seconds < LIMIT


@pytest.mark.parametrize(
    "idle", [b"\r\n", get("/livez").replace(b"close", b"keep-alive") + b"\r\n"]
)
def test_line_feeds_keep_no_connection(service, idle):
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(idle)
        _, seconds = all_of(connection)
    assert seconds < 8


def test_trailers_are_no_headers(service):
    body = b"15\r\n" + json.dumps({"words": ["tanger"]}).encode() + b"\r\n0\r\n"
    body += b"Content-Type: application/json\r\n\r\n"
    requested = post(body, Transfer_Encoding="chunked")
    for header in ("Content-Type: application/json", f"Content-Length: {len(body)}"):
        requested = requested.replace(f"{header}\r\n".encode(), b"", 1)
    assert service.ask(requested).status_code == 415


def test_trailers_come_to_an_end(service):
    requested = get("/livez", Transfer_Encoding="chunked").replace(b"close", b"keep-alive")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(requested + b"0\r\nX: " + 4 * LONGEST_HEAD * b"a")
        received, seconds = all_of(connection)
    # As it comes: before the answer, which needs no body, or after
    assert received.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 "))
    assert received.count(b"HTTP/1.1 ") == 1
    assert seconds < 4


def test_a_coding_that_is_not_undone_does_nothing(service):
    """The parser itself complains only once the request was handed on."""
    before = metric(service, 'tanger_words_total{language="en-US",origin="decoded"}')
    requested = get("/pronounce/rag", Transfer_Encoding="gzip")
    assert service.ask(requested).status_code == 400
    assert metric(service, 'tanger_words_total{language="en-US",origin="decoded"}') == before


def test_who_sends_ahead_without_end_is_read_no_further(service):
    ahead = 20_000 * get("/livez").replace(b"close", b"keep-alive")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.settimeout(0.5)
        # Its answers are not read: some time neither is what it sends
        with pytest.raises(TimeoutError):
            send_on(connection, ahead)
    assert service.ask(get("/livez")).status_code == 200
    eventually(lambda: metric(service, "tanger_requests_in_flight") == 1, "them to be given up")


def send_on(connection, data):
    while True:
        connection.send(data)


def test_many_offers_at_once(service):
    offer = get("/livez", Upgrade="h2c").replace(b"Connection: close", b"Connection: Upgrade")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(1000 * offer + get("/livez"))
        received, _ = all_of(connection)
    assert received.count(b"HTTP/1.1 200 OK") == 1001


def test_what_is_sent_ahead_by_who_leaves_is_not_begun(service):
    before = metric(service, 'tanger_words_total{language="en-US",origin="decoded"}')
    ahead = [get(f"/pronounce/{word}", X_Request_Timeout=5) for word in ("cab", "dab", "gab")]
    with service.stopped_workers():
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(b"".join(ahead).replace(b"close", b"keep-alive"))
            eventually(lambda: metric(service, "tanger_requests_in_flight") == 2, "the first")
        eventually(lambda: metric(service, "tanger_requests_in_flight") == 1, "it to be given up")
    assert service.ask(get("/pronounce/bag")).status_code == 200
    assert metric(service, 'tanger_words_total{language="en-US",origin="decoded"}') == before + 1


def metric(service, series):
    reported = httpx.get(f"{service.url}/metrics").text
    return float(re.search(rf"^{re.escape(series)} (.*)$", reported, re.MULTILINE)[1])


@pytest.mark.parametrize("pieces", [1, 7, 400])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_offer_to_go_on_in_another_protocol_is_ignored(service, pieces, chunked):
    """As Java's HttpClient makes it with every request that is not encrypted."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAEA"}
    if chunked:
        body = b'5\r\n{"wor\r\n10\r\nds": ["tanger"]}\r\n0\r\n\r\n'
        first = post(body, Transfer_Encoding="chunked", **offer)
        first = re.sub(rb"Content-Length: \d+\r\n", b"", first)
    else:
        first = post(["tanger"], **offer)
    first = first.replace(b"Connection: close\r\n", b"")
    sent = 2 * first + get("/pronounce/bad")
    size = -(-len(sent) // pieces)
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(sent), size):
            connection.sendall(sent[start : start + size])
            if pieces > 1:
                time.sleep(LIMIT / 4 / pieces)
        received, _ = all_of(connection)
    assert received.count(b"HTTP/1.1 200 OK") == received.count(b"HTTP/1.1 ") == 3
    assert re.findall(rb'"word":"(\w+)"', received) == [b"tanger", b"tanger", b"bad"]


def test_letter_by_letter_is_no_way_around_it(service):
    with socket.create_connection(("127.0.0.1", service.port)) as connection:

        def refused():
            try:
                connection.sendall(b"X")
            except OSError:
                return True
            time.sleep(0.05)
            return False

        connection.sendall(b"GET /")
        eventually(refused, "the connection to be closed", seconds=10 * LIMIT)


def test_who_says_nothing_is_not_answered(service):
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        assert all_of(connection)[0] == b""


def test_the_next_head_on_a_connection_has_as_long(service):
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        whole = get("/livez").replace(b"Connection: close\r\n", b"")
        for _ in range(3):
            connection.sendall(whole)
            time.sleep(LIMIT / 2)
        connection.sendall(whole[:10])
        received, _ = all_of(connection)
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.count(b"HTTP/1.1 408 ") == 1


def test_a_body_that_does_not_come_in_time(service):
    exchange = service.send(post(b'{"words": [', Content_Length=100))
    answer = exchange.answer()
    assert answer.status_code == 408
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Connection"] == "close"
    assert answer.json()["code"] == "body_too_slow"


def test_work_takes_as_long_as_it_takes(service):
    with service.stopped_workers():
        exchange = service.send(get("/pronounce/range", X_Request_Timeout=5))
        time.sleep(LIMIT * 1.2)
        assert not exchange.answered()
    assert exchange.answer().status_code == 200


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux watches over it")
def test_who_takes_nothing_of_the_answer_is_let_go(service):
    def in_flight():
        return metric(service, "tanger_requests_in_flight")

    requested = get("/docs/swagger-ui-bundle.js").replace(b"Connection: close\r\n", b"")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(20 * requested)  # far more megabytes than the buffers on the way hold
        eventually(lambda: in_flight() == 2, "an answer that is stuck")
        eventually(lambda: in_flight() == 1, "the connection to be ended")
        with pytest.raises(ConnectionResetError):
            all_of(connection)


def test_who_takes_an_answer_slowly_gets_it(service):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(20 * get("/docs/swagger-ui.css").replace(b"close", b"keep-alive"))
        received = b""
        for _ in range(8):
            time.sleep(LIMIT / 4)
            received += connection.recv(1 << 20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        received += all_of(connection)[0]
    assert received.count(b"HTTP/1.1 200 OK") == 20


def test_nobody_is_left_without_a_word_at_the_end(shipped_artifact, tmp_path):
    """Neither who waits for an answer, nor who asks on an idle connection that moment."""
    with running(tmp_path / "log", artifact=shipped_artifact, decode_timeout=60) as service:
        service.wait_until_ready()
        requested = get("/pronounce/bad").replace(b"close", b"keep-alive")
        with (
            socket.create_connection(("127.0.0.1", service.port)) as waiting,
            socket.create_connection(("127.0.0.1", service.port)) as idle,
        ):
            idle.sendall(get("/livez").replace(b"close", b"keep-alive"))
            alive = b""
            while not alive.endswith(b"}"):  # head and body may come apart
                alive += idle.recv(65536)
            assert b"200 OK" in alive
            with service.stopped_workers():
                waiting.sendall(requested)
                assert service.ask(get("/pronounce/a", X_Request_Timeout=0.1)).status_code == 504
                service.process.terminate()
                service.wait_for_log("Shutting down")
                idle.sendall(requested)
                reported, _ = all_of(idle)
            answered, _ = all_of(waiting)
        assert reported.startswith(b"HTTP/1.1 503 ")
        assert answered.startswith(b"HTTP/1.1 200 ")
        for answer in (reported, answered):
            assert answer.lower().count(b"connection: close") == 1
        assert service.wait() == 0

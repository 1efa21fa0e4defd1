"""Invalid input and misbehaving clients do not harm the service. In full by ``make soak``."""

import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.live_service import eventually, get, post
from tests.support.load import under_load
from tests.support.soak_report import assert_calm, metric, own_megabytes, row, times, two_workers

pytestmark = pytest.mark.slow

KEYS = {"word", "normalized", "source", "pronunciations", "warnings", "error", "explain"}


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    with two_workers(shipped_artifact, tmp_path_factory.mktemp("hostile") / "log") as service:
        yield service


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


def pronounced(client, words):
    """Pronounce words, and check that each gets a pronunciation or an error of its own."""
    answer = client.post("/pronounce", json={"words": words})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["word"] for result in results] == words
    for result in results:
        assert set(result) == KEYS
        assert (result["error"] is None) == bool(result["pronunciations"])
    return results


# A deadline of zero cannot be met, and is refused. Of changes to the user lexicon, which this
# service does not accept, a few are enough.
SCHEMATHESIS = """
generation.max-examples = {count}

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 504]

[[operations]]
include-path-regex = "^/lexicon"
generation.max-examples = {few}
"""


def test_schemathesis_finds_nothing(service, tmp_path):
    count = times(15, 300)
    settings_file = SCHEMATHESIS.format(count=count, few=times(15, 50))
    (tmp_path / "schemathesis.toml").write_text(settings_file)
    with row("Schemathesis on the OpenAPI document", "no finding") as found:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("schemathesis")), "run",
             f"{service.url}/openapi.json", "--phases",
             "examples,coverage,fuzzing", "--no-color", "--seed", "1", "--checks",
             "not_a_server_error,status_code_conformance,content_type_conformance,"
             "response_schema_conformance,response_headers_conformance,negative_data_rejection,"
             "unsupported_method"],
            cwd=tmp_path, capture_output=True, text=True, timeout=7200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        cases = re.search(r"Test cases:\s*\n?\s*([\d,]+) generated", done.stdout)
        reported = f"{int(cases[1]):,} requests" if cases else f"{count} examples an operation"
        found.done(reported, "none")
    assert_calm(service)


def test_every_character_of_unicode_is_a_word(client, service):
    """Each character is sent alone, and inside of a valid word."""
    points = [n for n in range(sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF]
    points = random.Random(5).sample(points, times(2000, len(points)))
    spelt = 0
    with row("Every code point of Unicode, alone and within a word", "a pronunciation, or an error "
             "of its own") as found:  # fmt: skip
        for first in range(0, len(points), 128):
            some = map(chr, points[first : first + 128])
            words = [word for one in some for word in (one, f"ta{one}n")]
            spelt += sum(result["error"] is None for result in pronounced(client, words))
        count = 2 * len(points)
        found.done(f"{count:,} words", f"{spelt:,} pronounced, {count - spelt:,} with an error")
    assert_calm(service)


def test_any_words_at_all(client, service):
    count = times(30, 3000)
    word = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
        "tanger'É ’-\u0301", max_size=80
    )
    requested = 0

    @settings(max_examples=count, suppress_health_check=list(HealthCheck))
    @given(words=st.lists(word, min_size=1, max_size=20))
    def ask(words):
        nonlocal requested
        requested += len(words)
        pronounced(client, words)

    with row(
        "Words of any characters, by Hypothesis", "a pronunciation, or an error of its own"
    ) as found:
        ask()
        found.done(f"{count:,} requests, {requested:,} words", "as it should be")
    assert_calm(service)


def test_random_paths_leave_the_number_of_series_as_it_is(client, service):
    count = times(300, 10_000)
    draw = random.Random(7)

    def series():
        reported = client.get("/metrics").text.splitlines()
        return sum(not line.startswith("#") for line in reported)

    with row("Random paths", "as many metric series as before") as found:
        for path in ("/pronounce/a", "/nowhere", "/metrics"):
            client.get(path)
        before = series()
        for _ in range(count):
            path = "".join(draw.choices("abc/.-%41?=&é", k=draw.randint(0, 40)))
            path = re.sub(r"\.{2,}", ".", path)  # else httpx would resolve it to the page
            assert client.get(f"/nowhere/{path}").status_code == 404
        after = series()
        assert after == before
        found.done(f"{count:,} paths", f"{before} series before, {after} after")


def test_a_storm_of_clients_that_hang_up(service):
    """Half disconnect within their request, half before its response."""
    count, at_once = times(200, 2000), 100
    draw = random.Random(3)
    decoded = metric(service, "tanger_batch_words_sum")
    with row("Clients that hang up, half of them half-way", "nothing kept, nothing waits") as found:
        for _ in range(count // at_once):
            exchanges = []
            for number in range(at_once):
                words = ["".join(draw.choices("ABDEGNRT", k=8)) for _ in range(20)]
                request = post(words)
                end = len(request) if number % 2 else draw.randrange(1, len(request))
                exchanges.append(service.send(request[:end]))
            for exchange in exchanges:
                exchange.hang_up()
        assert_calm(service)
        decoded = metric(service, "tanger_batch_words_sum") - decoded
        whole = 20 * count // 2
        found.done(
            f"{count:,} requests, {at_once} at once",
            f"nothing kept; {decoded:,.0f} of {whole:,} words decoded, the others dropped in time",
        )


def test_slow_clients_keep_nobody_waiting(shipped_artifact, tmp_path):
    count, seconds = times(40, 500), 2
    limits = {"head_timeout": seconds, "body_timeout": seconds, "send_timeout": seconds}
    goal = "every other request 200; the slow ones let go in time"
    requested = [
        b"",
        b"GET /livez HTTP/1.1\r\nHost: te",
        post(b'{"words": [', Content_Length=10_000),
        20 * get("/docs/swagger-ui-bundle.js").replace(b"close", b"keep-alive"),
    ]
    with (
        row("Clients that send nothing, or letter by letter, or take nothing", goal) as found,
        two_workers(shipped_artifact, tmp_path / "log", **limits) as service,
    ):
        with under_load(service.port) as load:
            slow = []
            for number in range(count):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.connect(("127.0.0.1", service.port))
                connection.sendall(requested[number % 4])
                slow.append((connection, number % 4 in (1, 2)))
            started = time.monotonic()
            # Half of them send a byte from time to time
            for _ in range(2 * seconds):
                for connection, dribbles in slow:
                    if dribbles:
                        _try_to_send(connection, b"1")
                time.sleep(0.4)
            eventually(
                lambda: metric(service, "tanger_requests_in_flight") <= 1 + 4,  # the load itself
                "the slow ones to be let go",
            )
            took = time.monotonic() - started
            for connection, _ in slow:
                _read_to_the_end(connection)
        load.assert_all_answered()
        found.done(
            f"{count} connections, limits of {seconds} s; {load.answered:,} other requests",
            f"let go within {took:.1f} s; the others all 200, longest wait {load.seconds:.2f} s",
        )
        assert_calm(service)


def _try_to_send(connection, more):
    try:
        connection.sendall(more)
    except OSError:
        return


def _read_to_the_end(connection):
    """Read until the end of the connection, which the server must have closed."""
    connection.settimeout(20)
    with connection:
        try:
            while connection.recv(1 << 20):
                pass
        except ConnectionResetError:
            return


def test_more_connections_than_files_may_be_open(shipped_artifact, tmp_path):
    count = times(1, 10)
    goal = "none but those beyond are harmed; a worker that dies meanwhile is replaced after"
    with (
        row("More connections than the process may have open", goal) as found,
        two_workers(shipped_artifact, tmp_path / "log") as service,
    ):
        _, maximum = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (100, maximum))
        for _ in range(count):
            idle = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(150)]
            service.signal_workers(signal.SIGKILL)
            time.sleep(1)
            assert service.process.poll() is None
            for connection in idle:
                connection.close()
            service.wait_until_ready(2)
            assert service.ask(get("/pronounce/tanger")).status_code == 200
        found.done(f"{count} times 150 connections, 100 files", "answers again, both workers anew")


def ahead(path, count, **headers):
    return count * get(path, **headers).replace(b"close", b"keep-alive")


# Request of each of many connections, and the bytes of responses that it reads per second
GREEDY = {
    "12,000 words ahead": (ahead("/pronounce/tanger", 12_000), 4000),
    "12,000 probes ahead, nothing read": (ahead("/livez", 12_000), 0),
    "12,000 refusals ahead": (ahead("/nowhere", 12_000, Accept="a/b", X_More=60 * "x"), 4000),
    "12,000 bodies ahead": (12_000 * post([]).replace(b"close", b"keep-alive"), 4000),
    "large files": (ahead("/docs/swagger-ui-bundle.js", 50), 8000),
    "the largest heads, ahead": (ahead("/pronounce/" + 5_000 * "%61", 50), 4000),
    "a body without its end": (post(b'{"words": ["' + 900_000 * b"a", Content_Length=1_000_000), 0),
}


@pytest.mark.parametrize("kind", GREEDY)
def test_greedy_clients_hold_little(shipped_artifact, tmp_path, kind):
    """Clients that send far more requests than they read responses use little memory."""
    count, seconds = times(100, 1000), times(4, 30)
    sent, rate = GREEDY[kind]
    goal = "300 MB more at most; /livez within 0.1 s"
    with (
        row(f"Clients that send more than they read: {kind}", goal) as found,
        two_workers(shipped_artifact, tmp_path / "log") as service,
    ):
        assert service.ask(get("/pronounce/tanger")).status_code == 200
        before = largest = own_megabytes(service.process.pid)
        clients = [Greedy(service.port, sent) for _ in range(count)]
        waits = []
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < seconds:
            for client in clients:
                client.go_on(int(elapsed * rate))
            waited = time.monotonic()
            assert service.ask(get("/livez")).status_code == 200
            waits.append(time.monotonic() - waited)
            largest = max(largest, own_megabytes(service.process.pid))
        for client in clients:
            client.connection.close()
        assert largest - before < 300
        # The limit is generous, since this process competes for the CPU
        assert sorted(waits)[len(waits) // 2] < 0.5, waits
        found.done(
            f"{count} connections, {len(sent):,} bytes each, {seconds} s",
            f"{before:.0f} MB before, {largest:.0f} MB at most; /livez within {max(waits):.2f} s, "
            f"{sorted(waits)[len(waits) // 2]:.3f} s in the middle",
            missed=max(waits) > 0.1,
        )
        assert_calm(service)


class Greedy:
    """A connection that sends as fast as possible, and reads slowly."""

    def __init__(self, port, sent):
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.connection.connect(("127.0.0.1", port))
        self.connection.setblocking(False)
        self.left = memoryview(sent)
        self.read = 0

    def go_on(self, allowed):
        """Send as much as possible, and read until `allowed` bytes have been read in total."""
        try:
            while self.left:
                self.left = self.left[self.connection.send(self.left[: 1 << 16]) :]
        except OSError:
            pass
        try:
            if self.read < allowed:
                self.read += len(self.connection.recv(allowed - self.read))
        except OSError:
            pass

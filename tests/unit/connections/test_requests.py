import time

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.service.connections.requests import (
    FIELDS_TOO_LARGE,
    MAX_FIELDS,
    MAX_FIELDS_SIZE,
    MAX_TARGET,
    NOT_HTTP,
    TARGET_TOO_LONG,
    ChunkedBody,
    HeadReader,
    RefusedError,
)

GET = b"GET /livez?a=b HTTP/1.1\r\nHost: test\r\n\r\n"


def read(data, pieces=1):
    """The reader of a head that came in so many pieces."""
    head, received = HeadReader(), bytearray()
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        received += data[start : start + size]
        complete = head.read(received)
    return head, received, complete


@pytest.mark.parametrize("pieces", [1, 2, 3, len(GET)])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"\r\n\r\n\r\n"])
def test_a_head_ends_where_it_ends(before, pieces):
    head, _, complete = read(before + GET, pieces)
    assert complete
    assert (head.size, head.target) == (len(before + GET), b"/livez?a=b")
    assert head.body() is None


def test_what_follows_a_head_is_not_read():
    head, _, complete = read(GET + b"\x16\x03 nonsense")
    assert complete
    assert head.size == len(GET)


def test_a_part_of_a_head_is_none():
    head, _, complete = read(GET[:-1])
    assert not complete
    assert head.target


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (b"hello\r\n\r\n", NOT_HTTP),
        (b"\x16\x03\x01", NOT_HTTP),
        (GET.replace(b"Host", b"X"), NOT_HTTP),
        (GET.replace(b"\r\n\r\n", b"\r\nHost: b\r\n\r\n"), NOT_HTTP),
        (GET.replace(b"1.1", b"1.2"), NOT_HTTP),
        (b"CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n", NOT_HTTP),
        (GET.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: gzip\r\n\r\n"), NOT_HTTP),
        (GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 1x\r\n\r\n"), NOT_HTTP),
        (b"\r\n" * MAX_FIELDS_SIZE, NOT_HTTP),
        (b"GET /" + MAX_TARGET * b"a", TARGET_TOO_LONG),
        (GET.replace(b"\r\n\r\n", b"\r\nX: " + 40_000 * b"a"), FIELDS_TOO_LARGE),
        (GET.replace(b"\r\n\r\n", MAX_FIELDS * b"\r\nX:" + b"\r\n\r\n"), FIELDS_TOO_LARGE),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value.code,
)
def test_what_is_no_head_is_refused(sent, refusal):
    with pytest.raises(RefusedError) as refused:
        read(sent)
    assert refused.value.refusal is refusal


NAMES = [b"Host", b"HOST ", b"content-length", b"Content-Length", b"Transfer-Encoding",
         b"Upgrade", b"Connection", b"Expect", b"X", b"", b"X Y", b" X", b"\xe9"]  # fmt: skip
VALUES = [b"test", b"5", b" 5", b"5 ", b" 5, 6", b"+5", b"", b"chunked", b"upgrade",
          b"100-continue", b"\xe9", b"a\rb", b"a\nb", b"a\0b", b"\ta",
          b"99999999999999999999"]  # fmt: skip
LINES = [b"GET /a?b HTTP/1.1", b"POST / HTTP/1.1", b"PUT /%20 HTTP/1.1", b"GET / HTTP/1.0",
         b"GET * HTTP/1.1", b"get / HTTP/1.1", b"BREW / HTTP/1.1", b"GET  / HTTP/1.1",
         b"GET /a b HTTP/1.1", b"GET /\xc3\xa9 HTTP/1.1", b"\r\nGET / HTTP/1.1"]  # fmt: skip


@given(
    st.sampled_from(LINES),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=5),
    st.sampled_from([b":", b": "]),
    st.sampled_from([b"\r\n", b"\r\n", b"\n"]),
)
def test_what_needs_no_parser_is_what_the_parser_says(line, fields, colon, end):
    fields = [(b"Host", b"test"), *fields]
    sent = end.join([line, *(name + colon + value for name, value in fields), b"", b"rest"])
    plain, parsed = HeadReader(), HeadReader()
    if not plain._read_plain(bytearray(sent)):
        return
    parsed._parser = httptools.HttpRequestParser(parsed)
    assert parsed.read(bytearray(sent))
    assert (plain.target, plain.size) == (parsed.target, parsed.size)
    assert (plain._length, plain._chunked) == (parsed._length, parsed._chunked)
    assert parsed._dropped == ()


@pytest.mark.parametrize(
    ("more", "length"),
    [
        (b"", 0),
        (b"Content-Length: 12\r\n", 12),
        (b"Accept: */*\r\nUser-Agent: a b (c)\r\nAccept-Encoding: gzip, deflate\r\n", 0),
        (b"Authorization: Bearer abc\r\nX-Content-Length: 7\r\nX-Host: b\r\n", 0),
    ],
)
def test_ordinary_heads_need_no_parser(more, length):
    head = HeadReader()
    assert head._read_plain(bytearray(GET[:-2] + more + b"\r\n" + length * b"a"))
    assert (head.target, head.size, head._length) == (b"/livez?a=b", len(GET + more), length)


@pytest.mark.parametrize("field", [b"X:", b"X: a", b"X" * 1500 + b":", b"X: " + 2000 * b" "])
def test_no_head_takes_long_to_be_looked_at(field):
    sent = bytearray(GET[:-2] + 2000 * (field + b"\r\n"))
    started = time.perf_counter()
    for _ in range(100):
        assert not HeadReader()._read_plain(sent)
    assert time.perf_counter() - started < 1


def test_http_1_0_needs_no_host():
    assert read(b"GET / HTTP/1.0\r\n\r\n")[2]


def test_an_offer_of_another_protocol_is_not_handed_on():
    offer = b"Connection: Upgrade\r\nUPGRADE: h2c\r\nX: a\r\n"
    head, received, _ = read(GET.replace(b"\r\n\r\n", b"\r\n" + offer + b"\r\n") + b"rest")
    size = head.rewrite(received, last=False)
    assert received[size:] == b"rest"
    assert b"h2c" not in received
    assert received[:size].endswith(b"Connection: Upgrade\r\nX: a\r\n\r\n")


def test_the_last_request_says_so():
    head, received, _ = read(GET)
    size = head.rewrite(received, last=True)
    assert received == GET[:-2] + b"Connection: close\r\n\r\n"
    assert size == len(received)


CHUNKED = b'5\r\n{"wor\r\n1A;name="value"\r\n' + 26 * b"\r" + b"\r\n0\r\n"


@pytest.mark.parametrize("pieces", [1, 2, 5, 1000])
@pytest.mark.parametrize("trailers", [b"", b"X: 1\r\n", b"X: 1\r\nHost: other\r\n"])
def test_chunks_end_where_they_end_and_trailers_are_left_out(pieces, trailers):
    sent = CHUNKED + trailers + b"\r\n" + b"GET / "
    body, handed_on, received = ChunkedBody(), b"", bytearray()
    size = -(-len(sent) // pieces)
    for start in range(0, len(sent), size):
        received += sent[start : start + size]
        if not body.complete:
            end = body.take(received, 0)
            handed_on += received[:end]
            del received[:end]
    assert body.complete
    assert handed_on == CHUNKED + b"\r\n"
    assert received == b"GET / "


@pytest.mark.parametrize(
    "sent",
    [b"zz\r\n", b"-1\r\n", b"\r\n", b"0x5\r\n", 16 * b"f" + b"\r\n", 100_000 * b"1"],
    ids=lambda sent: sent[:5],
)
def test_what_is_no_chunk_is_refused(sent):
    with pytest.raises(RefusedError):
        ChunkedBody().take(bytearray(sent), 0)


def test_trailers_come_to_an_end():
    body = ChunkedBody()
    body.take(bytearray(b"0\r\n"), 0)
    with pytest.raises(RefusedError):
        body.take(bytearray(10_000 * b"X: 123\r\n"), 0)

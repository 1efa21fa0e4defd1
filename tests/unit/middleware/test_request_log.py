import asyncio
import json
import logging
import os
import re
import time
from datetime import UTC, datetime

import pytest
import structlog

from tanger.service import logs
from tanger.service.logs import RequestLine
from tanger.service.middleware.telemetry import RequestLog


@pytest.fixture
def written(capfd):
    """Lines of the log, as objects."""
    before, level, handlers = structlog.get_config(), logging.root.level, [*logging.root.handlers]
    logs.configure("info", "json")

    def lines():
        time.sleep(0.05)  # a thread writes them
        return [json.loads(line) for line in capfd.readouterr().err.splitlines()]

    yield lines
    structlog.configure(**before)
    logging.root.handlers, logging.root.level = handlers, level


def line(status, request_id="a", **trace):
    return RequestLine(
        client=None, key=None, method="GET", route="/livez", status=status,
        request_id=request_id, timestamp=datetime.now(UTC), **trace,
    )  # fmt: skip


def test_lines_come_together_in_their_order(written):
    async def run():
        log = RequestLog()
        for number in range(3):
            log.add(line(200 + number))
        assert written() == []
        await asyncio.sleep(0.1)
        found = written()
        log.add(line(500))
        await asyncio.sleep(0.1)
        return found, written()

    first, then = asyncio.run(run())
    assert [line["status"] for line in first] == [200, 201, 202]
    assert [line["status"] for line in then] == [500]
    for found in first:
        assert (found["event"], found["level"]) == ("request", "info")
        assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]{6})?Z", found["timestamp"])


def test_who_comes_first_lends_the_others_nothing(written):
    async def request(log, **reported):
        logs.request_context.set(reported)
        log.add(line(200, **reported))

    async def run():
        log = RequestLog()
        await asyncio.create_task(request(log, request_id="a", trace_id="t"))
        await asyncio.create_task(request(log, request_id="b"))
        await asyncio.sleep(0.1)

    asyncio.run(run())
    first, second = written()
    assert (first["request_id"], first["trace_id"]) == ("a", "t")
    assert second["request_id"] == "b"
    assert "trace_id" not in second


def test_what_waits_is_written_at_the_end(written):
    async def run():
        log = RequestLog()
        log.add(line(200))
        log.flush()
        log.flush()

    asyncio.run(run())
    assert [line["status"] for line in written()] == [200]


def test_a_line_as_text_says_the_same(capfd, written):
    logs.configure("info", "text")
    log = RequestLog()
    log.flush()
    logs.write_requests([line(404, trace_id="t"), line(200)])
    time.sleep(0.05)
    first, second = capfd.readouterr().err.splitlines()
    assert "request" in first
    for shown in ("status=404", "trace_id=t", "request_id=a", "route=/livez"):
        assert shown in first
    assert "trace_id" not in second


def test_what_else_is_logged_names_its_request(written):
    async def request():
        logs.request_context.set({"request_id": "a"})
        logging.getLogger("tanger").info("something")

    asyncio.run(request())
    assert [(found["event"], found["request_id"]) for found in written()] == [("something", "a")]


def test_a_pipe_is_written_at_once_and_what_it_has_no_room_for_later():
    reader, writer = os.pipe()
    log = logs.LogWriter(writer)
    log.write("first\n")
    assert os.read(reader, 100) == b"first\n", "without a thread"
    many = b"".join(b"line %d\n" % number for number in range(20_000))
    log.write_lines(many)
    log.write("last\n")
    received = b""
    while not received.endswith(b"last\n"):
        received += os.read(reader, 65536)
    assert received == many + b"last\n"
    assert log.dropped == 0
    log.close()
    os.close(reader)
    os.close(writer)


def test_a_file_is_written_to_its_end(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    log = logs.LogWriter(descriptor)
    for number in range(3):
        log.write(f"line {number}\n")
    log.close()
    os.close(descriptor)
    assert path.read_text() == "before\nline 0\nline 1\nline 2\n"

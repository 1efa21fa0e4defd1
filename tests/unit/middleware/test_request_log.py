import asyncio
import json
import logging
import re
import time

import pytest
import structlog

from tanger.service import logs
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


def test_lines_come_together_in_their_order(written):
    async def run():
        log = RequestLog()
        for number in range(3):
            log.note(status=200 + number)
        assert written() == []
        await asyncio.sleep(0.1)
        found = written()
        log.note(status=500)
        await asyncio.sleep(0.1)
        return found, written()

    first, then = asyncio.run(run())
    assert [line["status"] for line in first] == [200, 201, 202]
    assert [line["status"] for line in then] == [500]
    for line in first:
        assert (line["event"], line["level"]) == ("request", "info")
        assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]{6})?Z", line["timestamp"])


def test_who_comes_first_lends_the_others_nothing(written):
    async def request(log, **reported):
        structlog.contextvars.bind_contextvars(**reported)
        log.note(**reported)

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
        log.note(status=200)
        log.flush()
        log.flush()

    asyncio.run(run())
    assert [line["status"] for line in written()] == [200]

"""What is told of every request: its ID and trace in answer and log, its seconds in the metrics."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterable
from contextvars import Context
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tanger.service import logs
from tanger.service.metrics import Metrics

# What may stand in a log line and a header as it is.
_SAFE = re.compile(rb"[\x21-\x7e]{1,128}")
# W3C Trace Context, 3.2: version, trace, parent, flags; ff is no version, zeros are no ID.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


class Telemetry:
    """ASGI middleware: gives every request an ID, and notes how it went."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        log: RequestLog | None,
        draining: Callable[[], bool] = lambda: False,
    ) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            metrics: counts.
            log: gets a line for every request.
            draining: whether the service stops: answers are the last on their connections then,
                and say so (RFC 9112, 9.6).
        """
        self.app = app
        self.draining = draining
        self.metrics = metrics
        self.log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and put the ID into the answer's header."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        given, trace = _identity(scope["headers"])
        request_id = given or os.urandom(16).hex()
        scope.setdefault("state", {})["request_id"] = request_id
        context = {"request_id": request_id, **trace}
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                if self.draining() and all(name != b"connection" for name, _ in headers):
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        # A request that was sent behind another before that was answered inherits its context
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**context)
        self.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self.metrics.in_flight.dec()
            seconds = time.perf_counter() - started
            route = _template(scope)
            self.metrics.request(route, scope["method"], status, seconds)
            if self.log is not None:
                client = scope.get("client")
                self.log.note(
                    client=client[0] if client else None,
                    key=scope["state"].get("key"),
                    method=scope["method"],
                    route=route,
                    status=status,
                    seconds=round(seconds, 6),
                    **context,
                )


def note_refusal(
    metrics: Metrics, log: RequestLog | None, status: HTTPStatus, request_id: str
) -> None:
    """Note what was no request, and got its answer before there was one.

    Args:
        metrics: counts it.
        log: gets a line.
        status: of the answer.
        request_id: in the answer.
    """
    metrics.request("unmatched", "", status, 0.0)
    if log is not None:
        log.note(
            client=None,
            key=None,
            method="",
            route="unmatched",
            status=status,
            request_id=request_id,
        )


def _identity(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, dict[str, str]]:
    """The request's own ID, where it is fit to print, and its trace."""
    request_id, trace = None, {}
    for name, value in headers:
        if name == b"x-request-id" and _SAFE.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace = {"trace_id": found[1].decode(), "parent_id": found[2].decode()}
            trace["span_id"] = os.urandom(8).hex()
    return request_id, trace


def _template(scope: Scope) -> str:
    """The route that answered, as it was written: a path would make a series of its own."""
    route = scope.get("route")
    return "unmatched" if route is None else str(route.path).replace(":text", "")


# ------------------------------------------------------------------------------------------------
# A line in the log for every request, rendered and written a few at a time.

# Seconds that a line may wait for others.
_PAUSE = 0.02


class RequestLog:
    """Lines in structlog's form, gathered from the event loop and written together.

    One by one, between requests, they would take a fifth of the time of all that a request takes.
    """

    def __init__(self) -> None:
        self._events: list[tuple[float, dict[str, Any]]] = []

    def note(self, **fields: Any) -> None:
        """Write a line soon; it says that it was written now.

        Args:
            fields: what it says.
        """
        if not self._events:
            # In no context of anybody's: who comes first must not lend the others an ID or a trace
            asyncio.get_running_loop().call_later(_PAUSE, self.flush, context=Context())
        self._events.append((time.time(), fields))

    def flush(self) -> None:
        """Write what waits to be written."""
        events, self._events = self._events, []
        if not events:
            return
        processors = structlog.get_config()["processors"]
        lines = []
        for moment, fields in events:
            stamp = datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
            line: Any = {"event": "request", **fields, "timestamp": stamp}
            for processor in processors:
                line = processor(None, "info", line)
            lines.append(line)
        stream = logs.stream()
        stream.write("\n".join(lines) + "\n")
        stream.flush()

"""Observe every request: its ID and trace in response and log, its duration in the metrics."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus

from msgspec import UNSET
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tanger.service import logs
from tanger.service.logs import RequestLine
from tanger.service.metrics import Metrics
from tanger.service.middleware.browsers import security_headers

# Request IDs that are safe in a log line and a header
_SAFE = re.compile(rb"[\x21-\x7e]{1,128}")
# W3C Trace Context, 3.2: version, trace, parent, flags; version ff and IDs of zeros are invalid
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


class Telemetry:
    """ASGI middleware that gives every request an ID, adds response headers, and records it.

    All headers are added by a single wrapper of `send`.
    """

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
            app: the application.
            metrics: counts the requests.
            log: gets a line for every request.
            draining: returns whether the service is stopping: responses then close their
                connections (RFC 9112, 9.6).
        """
        self.app = app
        self.draining = draining
        self.metrics = metrics
        self.log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, and add headers to its response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(self, scope, send)
        logs.request_context.set(exchange.context)
        self.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, exchange.send)
        finally:
            self.metrics.in_flight.dec()
            exchange.record()


class _Exchange:
    """The state of a request from which headers, log line and metrics are made.

    Attributes:
        context: request ID and trace, by their names in the log.
    """

    __slots__ = ("_middleware", "_request_id", "_scope", "_send", "_started", "_status", "context")

    def __init__(self, middleware: Telemetry, scope: Scope, send: Send) -> None:
        self._started = time.perf_counter()
        self._middleware = middleware
        self._scope = scope
        self._send = send
        self._status = 500  # if there is no response
        given, trace = _identity(scope["headers"])
        self._request_id = given or os.urandom(16).hex()
        self.context = {"request_id": self._request_id, **trace}
        scope.setdefault("state", {})["request_id"] = self._request_id

    def send(self, message: Message) -> Awaitable[None]:
        """Send a part of the response."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [*message["headers"]]
            headers += security_headers(headers)
            headers.append((b"x-request-id", self._request_id.encode()))
            if self._middleware.draining() and all(name != b"connection" for name, _ in headers):
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        return self._send(message)

    def record(self) -> None:
        """Count the request, and log it."""
        seconds = time.perf_counter() - self._started
        scope, middleware = self._scope, self._middleware
        route = scope.get("route")
        template = "unmatched" if route is None else _template(route.path)
        middleware.metrics.request(template, scope["method"], self._status, seconds)
        if middleware.log is not None:
            client = scope.get("client")
            line = RequestLine(
                client=client[0] if client else None,
                key=scope["state"].get("key"),
                language=scope["state"].get("language", UNSET),
                method=scope["method"],
                route=template,
                status=self._status,
                seconds=round(seconds, 6),
                timestamp=datetime.now(UTC),
                **self.context,
            )
            middleware.log.add(line)


def record_refusal(
    metrics: Metrics, log: RequestLog | None, status: HTTPStatus, request_id: str
) -> None:
    """Record a connection or request that was refused before it reached the application.

    Args:
        metrics: counts it.
        log: gets a line.
        status: of the response.
        request_id: in the response.
    """
    metrics.request("unmatched", "", status, 0.0)
    if log is not None:
        line = RequestLine(
            client=None,
            key=None,
            method="",
            route="unmatched",
            status=status,
            request_id=request_id,
            timestamp=datetime.now(UTC),
        )
        log.add(line)


def _identity(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, dict[str, str]]:
    """Return the request's own ID, if it is safe to print, and its trace."""
    request_id, trace = None, {}
    for name, value in headers:
        if name == b"x-request-id" and _SAFE.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace = {"trace_id": found[1].decode(), "parent_id": found[2].decode()}
            trace["span_id"] = os.urandom(8).hex()
    return request_id, trace


@lru_cache(maxsize=256)
def _template(path: str) -> str:
    """Return a route as documented; each path would create a time series of its own."""
    return path.replace(":text", "")


# ------------------------------------------------------------------------------------------------
# Access log: a line for every request, written in batches

# Seconds that a line may wait for others
_PAUSE = 0.05


class RequestLog:
    """An access log that collects lines on the event loop and writes them in batches."""

    def __init__(self) -> None:
        self._lines: list[RequestLine] = []

    def add(self, line: RequestLine) -> None:
        """Schedule a line to be written."""
        if not self._lines:
            # In an empty context: the first request must not pass its ID or trace on to the others
            asyncio.get_running_loop().call_later(_PAUSE, self.flush, context=Context())
        self._lines.append(line)

    def flush(self) -> None:
        """Write the pending lines."""
        lines, self._lines = self._lines, []
        if lines:
            logs.write_requests(lines)

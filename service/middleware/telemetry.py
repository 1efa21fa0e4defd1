"""What is told of every request: its ID and trace in answer and log, its seconds in the metrics."""

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

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tanger.service import logs
from tanger.service.logs import RequestLine
from tanger.service.metrics import Metrics
from tanger.service.middleware.browsers import security_headers

# What may stand in a log line and a header as it is.
_SAFE = re.compile(rb"[\x21-\x7e]{1,128}")
# W3C Trace Context, 3.2: version, trace, parent, flags; ff is no version, zeros are no ID.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


class Telemetry:
    """ASGI middleware: gives every request an ID and its answer headers, and notes how it went.

    It is one `send` more for each answer, whatever is put into its head.
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
        exchange = _Exchange(self, scope, send)
        logs.request_context.set(exchange.context)
        self.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, exchange.send)
        finally:
            self.metrics.in_flight.dec()
            exchange.note()


class _Exchange:
    """A request, and what is put into its answer's head and told of it.

    Attributes:
        context: its ID and its trace, as the log names them.
    """

    __slots__ = ("_middleware", "_request_id", "_scope", "_send", "_started", "_status", "context")

    def __init__(self, middleware: Telemetry, scope: Scope, send: Send) -> None:
        self._started = time.perf_counter()
        self._middleware = middleware
        self._scope = scope
        self._send = send
        self._status = 500  # where it is never answered
        given, trace = _identity(scope["headers"])
        self._request_id = given or os.urandom(16).hex()
        self.context = {"request_id": self._request_id, **trace}
        scope.setdefault("state", {})["request_id"] = self._request_id

    def send(self, message: Message) -> Awaitable[None]:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [*message["headers"]]
            headers += security_headers(headers)
            headers.append((b"x-request-id", self._request_id.encode()))
            if self._middleware.draining() and all(name != b"connection" for name, _ in headers):
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        return self._send(message)

    def note(self) -> None:
        """Count it, and write its line."""
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
                method=scope["method"],
                route=template,
                status=self._status,
                seconds=round(seconds, 6),
                timestamp=datetime.now(UTC),
                **self.context,
            )
            middleware.log.note(line)


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
        line = RequestLine(
            client=None,
            key=None,
            method="",
            route="unmatched",
            status=status,
            request_id=request_id,
            timestamp=datetime.now(UTC),
        )
        log.note(line)


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


@lru_cache(maxsize=256)
def _template(path: str) -> str:
    """A route as it is documented: the path of a request would make a series of its own."""
    return path.replace(":text", "")


# ------------------------------------------------------------------------------------------------
# A line in the log for every request, rendered and written a few at a time.

# Seconds that a line may wait for others.
_PAUSE = 0.05


class RequestLog:
    """Lines of requests, gathered from the event loop and written together."""

    def __init__(self) -> None:
        self._lines: list[RequestLine] = []

    def note(self, line: RequestLine) -> None:
        """Write a line soon."""
        if not self._lines:
            # In no context of anybody's: who comes first must not lend the others an ID or a trace
            asyncio.get_running_loop().call_later(_PAUSE, self.flush, context=Context())
        self._lines.append(line)

    def flush(self) -> None:
        """Write what waits to be written."""
        lines, self._lines = self._lines, []
        if lines:
            logs.write_requests(lines)

"""What is done with a request's head before a route sees it: its limits, and HEAD as GET.

The head as a whole has room for a long word in its path. What is parsed further is never near that
long in an honest request, and some of the parsers take time that grows faster than their input.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tanger.service.errors import Respond

# Bytes of all fields of a name together.
FIELD_BYTES = {
    b"accept": 1024,
    b"accept-encoding": 1024,
    b"authorization": 1024,
    b"content-encoding": 256,
    b"content-length": 64,
    b"content-type": 256,
    b"if-none-match": 8192,
    b"origin": 1024,
    b"x-api-key": 1024,
    b"x-request-timeout": 64,
}
QUERY_BYTES = 4096


class HeaderTooLargeError(Exception):
    """A request with a header field beyond the limit.

    Attributes:
        name: of the field.
        limit: bytes of all its fields of this name.
    """

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"the header {name} may have at most {limit:,} bytes here")
        self.name = name
        self.limit = limit


class QueryTooLongError(Exception):
    """A request with a query beyond the limit.

    Attributes:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"the query of a URL may have at most {limit:,} bytes here")
        self.limit = limit


class HeadLimits:
    """ASGI middleware that refuses a query or a header field beyond its limit (RFC 6585, 5)."""

    def __init__(self, app: ASGIApp, *, respond: Respond) -> None:
        """Wrap `app`; `respond` makes the answer to what is refused."""
        self.app = app
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and (error := _excess(scope)) is not None:
            response = await self.respond(Request(scope), error)
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _excess(scope: Scope) -> HeaderTooLargeError | QueryTooLongError | None:
    if len(scope["query_string"]) > QUERY_BYTES:
        return QueryTooLongError(QUERY_BYTES)
    sizes: dict[bytes, int] = {}
    for name, value in scope["headers"]:
        limit = FIELD_BYTES.get(name)
        if limit is not None:
            sizes[name] = size = sizes.get(name, 0) + len(value)
            if size > limit:
                return HeaderTooLargeError(name.decode().title(), limit)
    return None


class HeadRequests:
    """ASGI middleware: HEAD is answered as GET is; the server sends the head alone.

    Health checks of many kinds send it (RFC 9110, 9.3.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        # Not the server's own: by its method it knows to leave out the body
        requested = {**scope, "method": "GET"}
        try:
            await self.app(requested, receive, send)
        finally:
            if "route" in requested:
                scope["route"] = requested["route"]

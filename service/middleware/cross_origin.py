"""Cross-origin requests of browsers (CORS, in the Fetch standard), where a setting allows them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tanger.service.errors import Respond

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "If-None-Match",
    "X-API-Key",
    "X-Request-ID",
    "X-Request-Timeout",
    "traceparent",
    "tracestate",
)
# Those that a script may read besides the safelisted ones
_RESPONSE_HEADERS = (
    "Content-Disposition",
    "ETag",
    "Retry-After",
    "Server-Timing",
    "WWW-Authenticate",
    "X-Model-Version",
    "X-Request-ID",
)
_PREFLIGHT = "access-control-request-method"
# Seconds for which a browser may remember the answer to a preflight request
_MAX_AGE = 600


class CrossOriginError(Exception):
    """A preflight request for what other origins may not do here."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: TANGER_CORS_ORIGINS lists the origins that may send requests")


class CrossOrigin(CORSMiddleware):
    """Starlette's middleware, with our headers; what it refuses is answered with a problem."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], respond: Respond) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            origins: those whose pages may send requests; ``*`` is any.
            respond: makes the answer to what is refused.
        """
        self.respond = respond
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_RESPONSE_HEADERS,
            max_age=_MAX_AGE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflight requests, and add headers to the answers of others."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and {"origin", _PREFLIGHT} <= set(headers):
            answer = self.preflight_response(headers)
            if answer.status_code >= 400:
                error = CrossOriginError(bytes(answer.body).decode())
                refused = await self.respond(Request(scope), error)
                for name in ("Access-Control-Allow-Origin", "Vary"):
                    if name in answer.headers:
                        refused.headers[name] = answer.headers[name]
                await refused(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

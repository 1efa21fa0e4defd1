"""What browsers may do: cross-origin requests where a setting allows them, and nothing needless.

Cross-origin requests (CORS) are in the Fetch standard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


# ------------------------------------------------------------------------------------------------
# Headers that keep browsers from doing more with an answer than it is for.

_POLICY = b"content-security-policy"
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# An answer that is no page needs nothing from anywhere (W3C Content Security Policy 3)
_NO_PAGE = (*_ALWAYS, (_POLICY, b"default-src 'none'; frame-ancestors 'none'"))
# A page brings its own policy. Only links tell where they are from, and what is no page has none
_PAGE = (*_ALWAYS, (b"referrer-policy", b"no-referrer"))


def security_headers(headers: Iterable[tuple[bytes, bytes]]) -> Sequence[tuple[bytes, bytes]]:
    """The headers that an answer with these headers needs besides."""
    for name, _ in headers:
        if name == _POLICY:
            return _PAGE
    return _NO_PAGE

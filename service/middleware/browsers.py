"""Headers for browsers: cross-origin requests (CORS, Fetch standard) and security headers."""

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
# Headers that scripts may read in addition to the safelisted ones
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
# Seconds for which a browser may cache the response to a preflight request
_MAX_AGE = 600


class CrossOriginError(Exception):
    """A preflight request for something that the origin may not do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: TANGER_CORS_ORIGINS lists the origins that may send requests")


class CrossOrigin(CORSMiddleware):
    """Starlette's CORS middleware with this service's headers; refusals get problem responses."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], respond: Respond) -> None:
        """Wrap `app`.

        Args:
            app: the application.
            origins: origins that may send requests; ``*`` is any.
            respond: makes the response to a refused request.
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
        """Respond to preflight requests, and add headers to other responses."""
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
# Security headers: browsers may only use a response for its purpose

_POLICY = b"content-security-policy"
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# Responses other than pages load nothing (W3C Content Security Policy 3)
_NO_PAGE = (*_ALWAYS, (_POLICY, b"default-src 'none'; frame-ancestors 'none'"))
# Pages set their own content policy. A referrer policy only matters for pages, which have links
_PAGE = (*_ALWAYS, (b"referrer-policy", b"no-referrer"))


def security_headers(headers: Iterable[tuple[bytes, bytes]]) -> Sequence[tuple[bytes, bytes]]:
    """Return the security headers to add to a response with these headers."""
    for name, _ in headers:
        if name == _POLICY:
            return _PAGE
    return _NO_PAGE

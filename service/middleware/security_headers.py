"""Headers that keep browsers from doing more with an answer than it is for."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = b"content-security-policy"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# An answer that is no page needs nothing from anywhere (W3C Content Security Policy 3)
_NOTHING = (_POLICY, b"default-src 'none'; frame-ancestors 'none'")
# Only links tell where they are from, and what is no page has none
_NO_REFERRER = (b"referrer-policy", b"no-referrer")


class SecurityHeaders:
    """ASGI middleware that puts them on every answer; a page brings its own policy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                page = any(name == _POLICY for name, _ in headers)
                message["headers"] = [*headers, *_HEADERS, _NO_REFERRER if page else _NOTHING]
            await send(message)

        await self.app(scope, receive, send_with_headers)


# ------------------------------------------------------------------------------------------------
# HEAD wherever there is GET (RFC 9110, 9.3.2): health checks of many kinds ask so.


class HeadRequests:
    """ASGI middleware: HEAD is answered as GET is; the server sends the head alone."""

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

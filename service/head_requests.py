"""HEAD wherever there is GET (RFC 9110, 9.3.2): health checks of many kinds ask so."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


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
        asked = {**scope, "method": "GET"}
        try:
            await self.app(asked, receive, send)
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]

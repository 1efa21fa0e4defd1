"""Who may send requests, where that is not everybody."""

from __future__ import annotations

from collections.abc import Callable, Container

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tanger.service.api_keys import Keys, UnauthorizedError
from tanger.service.errors import Respond


class KeyGate:
    """ASGI middleware: without a key nothing is answered but the public routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Callable[[], Keys],
        public: Container[str],
        respond: Respond,
    ) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            keys: those that are good at the moment.
            public: paths that need none.
            respond: makes the answer to what is refused.
        """
        self.app = app
        self.keys = keys
        self.public = public
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it before its body is read."""
        keys = self.keys()
        if scope["type"] == "http" and keys:
            request = Request(scope)
            try:
                # The log names the key, never holds it
                scope.setdefault("state", {})["key"] = keys.check(request)
            except UnauthorizedError as e:
                if scope["path"] not in self.public:
                    await (await self.respond(request, e))(scope, receive, send)
                    return
        await self.app(scope, receive, send)

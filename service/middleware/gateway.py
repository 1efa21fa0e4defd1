"""Check each request's head and API key, and dispatch raw routes.

Raw routes are dispatched here, before the framework, which would take longer to match and run them
than most of their requests take.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tanger.service.api_keys import KeyGate
from tanger.service.connections.limits import ByteBudget
from tanger.service.errors import Respond
from tanger.service.middleware.request_head import check_head
from tanger.service.middleware.response_chunks import ChunkSender


class Gateway:
    """ASGI middleware that refuses invalid requests and dispatches raw routes itself."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: KeyGate,
        routes: Iterable[Route],
        budget: ByteBudget,
        respond: Respond,
    ) -> None:
        """Wrap `app`.

        Args:
            app: handles all other routes.
            gate: checks API keys.
            routes: the raw routes. Their templates may end in a parameter, as in
                ``/pronounce/{word:text}``; they must not raise once a response has begun.
            budget: limits the bytes of large responses that have not been sent.
            respond: makes the response to an exception; re-raises internal errors.
        """
        self.app = app
        self._gate = gate
        self._budget = budget
        self._respond = respond
        # Routes by method and path
        self._exact: dict[tuple[str, str], Route] = {}
        # Routes with a parameter: prefix of the path, name of the parameter, and route
        self._prefixes: list[tuple[str, str, Route]] = []
        for route in routes:
            beginning, _, parameter = route.path.partition("{")
            if parameter:
                name = parameter.removesuffix(":text}")
                self._prefixes.append((beginning, name, route))
            else:
                self._exact |= {(method, route.path): route for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            check_head(scope["query_string"], scope["headers"])
            self._gate.admit(scope)
            if (route := self._find(scope)) is not None:
                scope["route"] = route
                await route.app(scope, receive, send)
                return
        except Exception as e:
            response = await self._respond(Request(scope), e)
            await response(scope, receive, send)
            return
        await self._pass_on(scope, receive, send)

    def _find(self, scope: Scope) -> Route | None:
        """Return the raw route of a request, or None; store its parameter in the scope."""
        path, method = scope["path"], scope["method"]
        if (route := self._exact.get((method, path))) is not None:
            return route
        if method == "HEAD":
            method = "GET"  # the server sends the head only
        for beginning, name, route in self._prefixes:
            if path.startswith(beginning) and method in (route.methods or ()):
                scope["path_params"] = {name: path[len(beginning) :]}
                return route
        return None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application; HEAD is handled as GET (RFC 9110, 9.3.2)."""
        sender = ChunkSender(scope, receive, send, budget=self._budget, respond=self._respond)
        if scope["method"] != "HEAD":
            await self.app(scope, receive, sender)
            return
        # A copy: the server omits the body by the method in its own scope
        requested = {**scope, "method": "GET"}
        try:
            await self.app(requested, receive, sender)
        finally:
            if "route" in requested:
                scope["route"] = requested["route"]

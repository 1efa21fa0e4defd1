"""What every request passes before its route: limits of its head, and its API key.

Routes that answer from a request's bytes are found here, before the framework: to find and to run
them there takes longer than most of their answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tanger.service.api_keys import KeyGate
from tanger.service.connections.limits import ByteBudget
from tanger.service.errors import Respond
from tanger.service.middleware.answer_pieces import PieceSender
from tanger.service.middleware.request_head import check_head


class Gateway:
    """ASGI middleware: refuses what may not pass, and finds some routes by itself."""

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
            app: what answers all other routes.
            gate: knows who may send requests.
            routes: those that are answered here. Their templates may end in a parameter, as in
                ``/pronounce/{word:text}``; they raise nothing once an answer has begun.
            budget: what large answers are counted against until they are sent.
            respond: makes the answer to a request that raised; raises what is a fault of ours.
        """
        self.app = app
        self._gate = gate
        self._budget = budget
        self._respond = respond
        # By method and path
        self._exact: dict[tuple[str, str], Route] = {}
        # With their beginning and the name of what follows it
        self._prefixes: list[tuple[str, str, Route]] = []
        for route in routes:
            beginning, _, parameter = route.path.partition("{")
            if parameter:
                name = parameter.removesuffix(":text}")
                self._prefixes.append((beginning, name, route))
            else:
                self._exact |= {(method, route.path): route for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
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
        """The route of a request, if it is one of these; its parameter is put into the scope."""
        path, method = scope["path"], scope["method"]
        if (route := self._exact.get((method, path))) is not None:
            return route
        if method == "HEAD":
            method = "GET"  # the server sends the head alone
        for beginning, name, route in self._prefixes:
            if path.startswith(beginning) and method in (route.methods or ()):
                scope["path_params"] = {name: path[len(beginning) :]}
                return route
        return None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it answered by the application; HEAD as GET is (RFC 9110, 9.3.2)."""
        sender = PieceSender(scope, receive, send, budget=self._budget, respond=self._respond)
        if scope["method"] != "HEAD":
            await self.app(scope, receive, sender)
            return
        # Not the server's own: by its method it knows to leave out the body
        requested = {**scope, "method": "GET"}
        try:
            await self.app(requested, receive, sender)
        finally:
            if "route" in requested:
                scope["route"] = requested["route"]

"""Who may send requests, where that is not everybody; the paths that are open to all."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from urllib.parse import unquote

from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tanger.service.api_keys import Keys, UnauthorizedError
from tanger.service.errors import Respond
from tanger.service.settings import SettingError

_PATTERN = re.compile(r"[{}*]")


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


# ------------------------------------------------------------------------------------------------
# Which paths need no API key, by the setting ``TANGER_PUBLIC_ROUTES``.


def template(route: Route) -> str:
    """A route's path as the documentation has it: ``/pronounce/{word}``."""
    return re.sub(r":\w+}", "}", route.path)


class PublicRoutes:
    """The paths that need no API key.

    Attributes:
        templates: the routes that need none for any of their paths, by `template`.
    """

    def __init__(
        self, setting: str, routes: Sequence[BaseRoute], *, besides: Iterable[str] = ()
    ) -> None:
        """Match the entries of the setting with the routes that there are.

        Args:
            setting: paths and templates such as ``/pronounce/{word}``, separated by commas.
            routes: of the application.
            besides: paths that are public, too.

        Raises:
            SettingError: for an entry that no route answers.
        """
        known = {template(route): route for route in routes if isinstance(route, Route)}
        self.templates: set[str] = set()
        self._paths = set(besides)
        self._patterns: list[re.Pattern[str]] = []
        for entry in filter(None, map(str.strip, setting.split(","))):
            if entry in known:
                self.templates.add(entry)
                if "{" in entry:
                    self._patterns.append(known[entry].path_regex)
                    continue
            elif _PATTERN.search(entry) or not any(
                route.path_regex.match(unquote(entry)) for route in known.values()
            ):
                raise SettingError(
                    f"public_routes: {entry!r} is none of the routes here: "
                    f"{', '.join(sorted(known))}"
                )
            self._paths.add(unquote(entry))

    def __contains__(self, path: object) -> bool:
        """Whether a request's path, percent-decoded, needs no key."""
        return path in self._paths or any(pattern.match(str(path)) for pattern in self._patterns)

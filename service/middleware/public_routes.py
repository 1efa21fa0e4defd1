"""Which paths need no API key, by the setting ``TANGER_PUBLIC_ROUTES``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from starlette.routing import BaseRoute, Route

from tanger.service.settings import SettingError

_PATTERN = re.compile(r"[{}*]")


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

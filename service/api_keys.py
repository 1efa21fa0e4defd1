"""API keys, and which routes need one."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import stat
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from tanger.model import TangerError
from tanger.service.errors import ForbiddenError
from tanger.service.metrics import Metrics
from tanger.service.settings import SettingError, Settings

log = logging.getLogger("tanger")

_FIT = re.compile(r"[\x21-\x2b\x2d-\x7e]{16,512}")
# ``mobile-app: KEY``; a key itself contains no space
_NAMED = re.compile(r"([\w.-]{1,64}):[ \t]+(.*)", re.ASCII)
# Seconds between two checks of the file for changes
_INTERVAL = 1.0


class KeysError(TangerError, ValueError):
    """The keys cannot be used; the message does not contain them."""


class UnauthorizedError(Exception):
    """The request has no valid API key."""

    def __init__(self, *, given: bool) -> None:
        super().__init__(
            ("this API key is not known here" if given else "an API key is needed")
            + ": send Authorization: Bearer KEY, or X-API-Key: KEY"
        )


class Keys:
    """The valid keys, each with a name for the log."""

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        """Store pairs of name and key; several keys may have the same name."""
        # Digests have equal lengths, so that comparing them does not reveal the length of a key
        self._digests = [(name, _digest(key)) for name, key in keys]

    @classmethod
    def read(cls, settings: Settings) -> Keys:
        """Read the keys of the settings and of their file, ``NAME: KEY`` or ``KEY`` per line.

        Raises:
            KeysError: if the file cannot be read or has no key, or a key is invalid.
        """
        path = settings.api_keys_file
        return cls.parse(settings, None if path is None else _content(path))

    @classmethod
    def parse(cls, settings: Settings, content: bytes | None) -> Keys:
        """Parse the keys of the settings and the content of their file, None if there is none.

        Raises:
            KeysError: see `read`.
        """
        texts = settings.api_keys.get_secret_value().split(",")
        found = [(f"api_keys:{n}", text) for n, text in enumerate(texts, 1)]
        if content is not None:
            path = settings.api_keys_file
            try:
                lines = content.decode("utf-8-sig").splitlines()
            except UnicodeDecodeError as e:
                raise KeysError(f"{path}: the API keys cannot be read: {e.reason}") from e
            listed = [(f"{path}:{n}", line) for n, line in enumerate(lines, 1)]
            listed = [(place, line) for place, line in listed if not line.startswith("#")]
            if not any(line.strip() for _, line in listed):
                raise KeysError(f"{path}: holds no API key: write one a line")
            found += listed
        return cls(_named(place, text.strip()) for place, text in found if text.strip())

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __len__(self) -> int:
        return len(self._digests)

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Check the key of a request, and return the key's name.

        It is sent as ``Authorization: Bearer`` (RFC 6750, 2.1), or as ``X-API-Key``.

        Args:
            headers: of the request, with names in lower case; the first field of a name counts.

        Raises:
            UnauthorizedError: if the key is missing or wrong.
        """
        fields: dict[bytes, bytes] = {}
        for name, value in headers:
            fields.setdefault(name, value)
        scheme, _, token = fields.get(b"authorization", b"").decode("latin-1").partition(" ")
        key = token
        if scheme.lower() != "bearer":
            key = fields.get(b"x-api-key", b"").decode("latin-1")
        given = _digest(key.strip())
        # Compare with all keys, so that the time does not depend on which one matches
        fitting = [name for name, digest in self._digests if hmac.compare_digest(given, digest)]
        if not fitting:
            raise UnauthorizedError(given=bool(key))
        return fitting[0]

    def require(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Like `check`, for features that are disabled unless keys are configured.

        Raises:
            ForbiddenError: if no keys are configured.
            UnauthorizedError: see `check`.
        """
        if not self:
            raise ForbiddenError("this is off: no API key is configured (TANGER_API_KEYS)")
        self.check(headers)


class KeyRing:
    """The keys in use, reloaded whenever their file changes.

    Attributes:
        keys: the valid keys.
        failure: why the current file cannot be used, so that the previous keys stay valid; or None.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Read the keys.

        Raises:
            KeysError: if they cannot be used.
        """
        self.failure: KeysError | None = None
        self._settings = settings
        self._metrics = metrics
        self._path = settings.api_keys_file
        self._content = None if self._path is None else _content(self._path)
        self._refreshing = asyncio.Lock()
        self.keys = Keys.parse(settings, self._content)

    async def refresh(self) -> None:
        """Reload the keys; the file is read in a thread.

        Raises:
            KeysError: if they cannot be used; the previous keys stay valid.
        """
        if self._path is None:
            return
        async with self._refreshing:
            content, failure = None, None
            try:
                content = await asyncio.to_thread(_content, self._path)
                if content == self._content:
                    keys = self.keys
                else:
                    keys = Keys.parse(self._settings, content)
            except KeysError as e:
                failure = e
            if failure is not None:
                if str(failure) != str(self.failure):
                    self._metrics.key_reloads.labels("refused").inc()
                    log.error("the old API keys stay: %s", failure)
                self.failure = failure
                raise failure
            if content != self._content or self.failure is not None:
                self._metrics.key_reloads.labels("done").inc()
                log.info("%d API keys loaded", len(keys))
            self._content, self.keys, self.failure = content, keys, None

    async def watch(self) -> None:
        """Reload the keys whenever their file changes, until cancelled."""
        # A pipe, for instance, can only be read once
        while self._path is not None and await asyncio.to_thread(_is_watchable, self._path):
            await asyncio.sleep(_INTERVAL)
            try:
                await self.refresh()
            except KeysError:
                continue  # already logged


def _named(place: str, text: str) -> tuple[str, str]:
    """Parse name and key; a key without a name is named after `place`.

    Raises:
        KeysError: if the key is invalid.
    """
    found = _NAMED.fullmatch(text)
    name, key = (found[1], found[2]) if found else (place, text)
    if not _FIT.fullmatch(key):
        raise KeysError(
            f"{place}: an API key is 16 to 512 visible ASCII characters without commas, "
            "with or without a name before it (NAME: KEY)"
        )
    return name, key


def _content(path: Path) -> bytes:
    """Read the file.

    Raises:
        KeysError: if it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as e:
        raise KeysError(f"{path}: the API keys cannot be read: {e}") from e


def _is_watchable(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # it existed a moment ago, and may reappear


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


# ------------------------------------------------------------------------------------------------
# Authorization of requests


_PATTERN = re.compile(r"[{}*]")


class KeyGate:
    """Require a key on all routes except the public ones, if any keys are configured."""

    def __init__(self, *, keys: Callable[[], Keys], public: Container[str]) -> None:
        """Configure the check.

        Args:
            keys: returns the valid keys.
            public: paths that need no key.
        """
        self.keys = keys
        self.public = public

    def admit(self, scope: Scope) -> None:
        """Authorize a request by its headers, before its body is read.

        Raises:
            UnauthorizedError: if it needs a key and has no valid one.
        """
        keys = self.keys()
        if not keys:
            return
        try:
            # The log has the name of the key, never the key
            scope.setdefault("state", {})["key"] = keys.check(scope["headers"])
        except UnauthorizedError:
            if scope["path"] not in self.public:
                raise


# ------------------------------------------------------------------------------------------------
# Paths that need no API key, from the setting ``TANGER_PUBLIC_ROUTES``


def template(route: Route) -> str:
    """Return a route's path as documented: ``/pronounce/{word}``."""
    return re.sub(r":\w+}", "}", route.path)


class PublicRoutes:
    """The paths that need no API key.

    Attributes:
        templates: the routes all of whose paths are public, by `template`.
    """

    def __init__(
        self, setting: str, routes: Sequence[BaseRoute], *, besides: Iterable[str] = ()
    ) -> None:
        """Match the entries of the setting with the routes of the application.

        Args:
            setting: paths and templates such as ``/pronounce/{word}``, separated by commas.
            routes: of the application.
            besides: further public paths.

        Raises:
            SettingError: for an entry that matches no route.
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
        """Return whether a percent-decoded path needs no key."""
        return path in self._paths or any(pattern.match(str(path)) for pattern in self._patterns)

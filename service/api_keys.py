"""API keys: who may send requests, where that is not everybody."""

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
# ``mobile-app: KEY``; a key itself has no space in it
_NAMED = re.compile(r"([\w.-]{1,64}):[ \t]+(.*)", re.ASCII)
# Seconds between two looks at the file
_INTERVAL = 1.0


class KeysError(TangerError, ValueError):
    """Keys that cannot be used; the message does not hold them."""


class UnauthorizedError(Exception):
    """A request without a key that is good here."""

    def __init__(self, *, known: bool) -> None:
        super().__init__(
            ("this API key is not known here" if known else "an API key is needed")
            + ": send Authorization: Bearer KEY, or X-API-Key: KEY"
        )


class Keys:
    """The keys that are good now, each with a name for the log."""

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        """Take names and keys; several keys may have one name."""
        # Digests have one length, so that comparing tells nothing of it
        self._digests = [(name, _digest(key)) for name, key in keys]

    @classmethod
    def read(cls, settings: Settings) -> Keys:
        """From the settings and the file that they name, a key a line, ``NAME: KEY`` or ``KEY``.

        Raises:
            KeysError: where the file cannot be read or holds none, or a key is not fit for one.
        """
        path = settings.api_keys_file
        return cls.parse(settings, None if path is None else _content(path))

    @classmethod
    def parse(cls, settings: Settings, content: bytes | None) -> Keys:
        """From the settings and the content of the file that they name, None where there is none.

        Raises:
            KeysError: as `read`.
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
        """Let a request pass that brings a key, and return the key's name.

        It comes as ``Authorization: Bearer`` (RFC 6750, 2.1), or as ``X-API-Key``.

        Args:
            headers: of the request, names in lower case; the first field of a name counts.

        Raises:
            UnauthorizedError: where it brings none, or a wrong one.
        """
        fields: dict[bytes, bytes] = {}
        for name, value in headers:
            fields.setdefault(name, value)
        scheme, _, token = fields.get(b"authorization", b"").decode("latin-1").partition(" ")
        key = token
        if scheme.lower() != "bearer":
            key = fields.get(b"x-api-key", b"").decode("latin-1")
        given = _digest(key.strip())
        # All of them, whichever fits
        fitting = [name for name, digest in self._digests if hmac.compare_digest(given, digest)]
        if not fitting:
            raise UnauthorizedError(known=bool(key))
        return fitting[0]

    def require(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Like `check`, for what is off unless there are keys.

        Raises:
            ForbiddenError: where there are none.
            UnauthorizedError: as `check`.
        """
        if not self:
            raise ForbiddenError("this is off: no API key is configured (TANGER_API_KEYS)")
        self.check(headers)


class KeyRing:
    """The keys in use, and their file, which is read again whenever it changes.

    Attributes:
        keys: those that are good now.
        failure: why the file as it is now cannot be used, so that older keys stay; else None.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Read the keys.

        Raises:
            KeysError: where they cannot be used.
        """
        self.failure: KeysError | None = None
        self._settings = settings
        self._metrics = metrics
        self._path = settings.api_keys_file
        self._content = None if self._path is None else _content(self._path)
        self._refreshing = asyncio.Lock()
        self.keys = Keys.parse(settings, self._content)

    async def refresh(self) -> None:
        """Take the keys of the file as it is now; its reading is off the event loop.

        Raises:
            KeysError: where they cannot be used; those from before stay.
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
                log.info("API keys read again: %d keys are good now", len(keys))
            self._content, self.keys, self.failure = content, keys, None

    async def watch(self) -> None:
        """Refresh the keys whenever their file changes, until cancelled."""
        # What is no file, such as a pipe, can be read once
        while self._path is not None and await asyncio.to_thread(_is_watchable, self._path):
            await asyncio.sleep(_INTERVAL)
            try:
                await self.refresh()
            except KeysError:
                continue  # the log has it


def _named(place: str, text: str) -> tuple[str, str]:
    """Name and key; a key without a name is called after its place.

    Raises:
        KeysError: where it is not fit for a key.
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
    """What the file holds.

    Raises:
        KeysError: where it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as e:
        raise KeysError(f"{path}: the API keys cannot be read: {e}") from e


def _is_watchable(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # it was there a moment ago, and may come back


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


# ------------------------------------------------------------------------------------------------
# Who may send requests, where that is not everybody; the paths that are open to all.


_PATTERN = re.compile(r"[{}*]")


class KeyGate:
    """Where there are keys, it lets nobody pass without one but to the public routes."""

    def __init__(self, *, keys: Callable[[], Keys], public: Container[str]) -> None:
        """Guard routes.

        Args:
            keys: those that are good at the moment.
            public: paths that need none.
        """
        self.keys = keys
        self.public = public

    def admit(self, scope: Scope) -> None:
        """Let a request pass, before its body is read.

        Raises:
            UnauthorizedError: where it may not.
        """
        keys = self.keys()
        if not keys:
            return
        try:
            # The log names the key, never holds it
            scope.setdefault("state", {})["key"] = keys.check(scope["headers"])
        except UnauthorizedError:
            if scope["path"] not in self.public:
                raise


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

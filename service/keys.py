"""API keys: who may ask, where that is not everybody."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from model.errors import TangerError
from service import problems
from service.problems import ForbiddenError, UnauthorizedError
from service.settings import Settings

_FIT = re.compile(r"[\x21-\x2b\x2d-\x7e]{16,512}")


class KeysError(TangerError, ValueError):
    """Keys that cannot be used; the message does not hold them."""


class Keys:
    """The keys that are good now."""

    def __init__(self, keys: Iterable[str]) -> None:
        # Digests have one length, so that comparing tells nothing of it
        self._digests = [_digest(key) for key in keys]

    @classmethod
    def read(cls, settings: Settings) -> Keys:
        """From the settings and the file that they name, a key a line.

        Raises:
            KeysError: where the file cannot be read or holds none, or a key is not fit for one.
        """
        found = [("api_keys", key) for key in settings.api_keys.get_secret_value().split(",")]
        if (path := settings.api_keys_file) is not None:
            try:
                lines = path.read_text("utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as e:
                raise KeysError(f"{path}: the API keys cannot be read: {e}") from e
            listed = [(f"{path}:{n}", line) for n, line in enumerate(lines, 1)]
            listed = [(place, line) for place, line in listed if not line.startswith("#")]
            if not any(line.strip() for _, line in listed):
                raise KeysError(f"{path}: holds no API key: write one a line")
            found += listed
        keys = [(place, key.strip()) for place, key in found if key.strip()]
        for place, key in keys:
            if not _FIT.fullmatch(key):
                raise KeysError(
                    f"{place}: an API key is 16 to 512 visible ASCII characters without commas"
                )
        return cls(key for _, key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def check(self, request: Request) -> None:
        """Let a request pass that brings a key.

        It comes as ``Authorization: Bearer`` (RFC 6750, 2.1), or as ``X-API-Key``.

        Raises:
            UnauthorizedError: where it brings none, or a wrong one.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
        given = _digest(key.strip())
        # All of them, whichever fits
        if not sum(hmac.compare_digest(given, digest) for digest in self._digests):
            raise UnauthorizedError(known=bool(key))

    def require(self, request: Request) -> None:
        """Like `check`, for what is off unless there are keys.

        Raises:
            ForbiddenError: where there are none.
            UnauthorizedError: as `check`.
        """
        if not self:
            raise ForbiddenError("this is off: no API key is configured (TANGER_API_KEYS)")
        self.check(request)


class KeyGate:
    """ASGI middleware: without a key nothing is answered but the public routes."""

    def __init__(self, app: ASGIApp, *, keys: Callable[[], Keys], public: Iterable[str]) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            keys: those that are good at the moment.
            public: paths that need none.
        """
        self.app = app
        self.keys = keys
        self.public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it before its body is read."""
        keys = self.keys()
        if scope["type"] == "http" and keys and scope["path"] not in self.public:
            request = Request(scope)
            try:
                keys.check(request)
            except UnauthorizedError as e:
                await (await problems.known(request, e))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()

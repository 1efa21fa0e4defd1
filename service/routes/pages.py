"""The page at ``/`` and its files under ``/page/``: plain HTML, CSS and JavaScript, as packaged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.resources import files

from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

_FOLDER = files("tanger.service") / "page"
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_INDEX, _FEATURES = "index.html", "/page/features.json"
# Nothing inline, nothing from elsewhere, and no string ever becomes markup (W3C Trusted Types)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# Modules of two versions must not meet: whoever keeps a file asks whether it is still good
_KEPT = "no-cache"


class Features(BaseModel):
    """What the page has to know before anybody gave it a key."""

    keys: bool = Field(description="An API key is needed, and with one words can be corrected.")
    stress: bool = Field(description="The artifact knows stress.")
    alignment: bool = Field(description="It can tell which letters made which phoneme.")


def _route(name: str) -> str:
    return "/" if name == _INDEX else f"/page/{name}"


_NAMES = tuple(
    sorted(f.name for f in _FOLDER.iterdir() if f.name.rpartition(".")[2] in _MEDIA_TYPES)
)
# All of it can be had without an API key: the page is where people type theirs
PATHS = frozenset({_FEATURES, *map(_route, _NAMES)})


def add_front_page(app: FastAPI, features: Callable[[], Features]) -> None:
    """Add the page and its files to `app`.

    Args:
        app: what answers.
        features: what is on at the moment.
    """
    for name in _NAMES:
        _add_file(app, name)

    @app.get(_FEATURES, include_in_schema=False)
    async def reported() -> Response:
        headers = {"Cache-Control": "no-store"}
        return Response(features().model_dump_json(), 200, headers, "application/json")


def _add_file(app: FastAPI, name: str) -> None:
    content = (_FOLDER / name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    fresh = {"ETag": tag, "Cache-Control": _KEPT, "Content-Security-Policy": _POLICY}
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]

    @app.api_route(_route(name), methods=["GET", "HEAD"], include_in_schema=False)
    async def file(request: Request) -> Response:
        if has(request.headers.get("If-None-Match"), tag):
            return Response(status_code=304, headers=fresh)
        return Response(content, headers=fresh, media_type=media_type)


# ------------------------------------------------------------------------------------------------
# Conditional requests (RFC 9110, 13): an answer that the other side has is not sent again.


def has(if_none_match: str | None, tag: str) -> bool:
    """Whether the header ``If-None-Match`` names this entity tag, by weak comparison (13.1.2)."""
    given = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return tag in given or given == ["*"]

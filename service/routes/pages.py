"""The page at ``/`` and its files under ``/page/``: plain HTML, CSS and JavaScript, as packaged."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tanger.service import representations
from tanger.service.routing import Manager, make_router

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
_FILES = {_route(name): name for name in _NAMES}
# All of it can be had without an API key: the page is where people type theirs
PATHS = frozenset({_FEATURES, *_FILES})
router = make_router()


class _File(NamedTuple):
    content: bytes
    media_type: str
    headers: dict[str, str]


@cache
def _load(name: str) -> _File:
    content = (_FOLDER / name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _KEPT, "Content-Security-Policy": _POLICY}
    return _File(content, _MEDIA_TYPES[name.rpartition(".")[2]], headers)


async def page_file(request: Request) -> Response:
    """The page, or a file of it."""
    file = _load(_FILES[request.scope["route"].path])
    if representations.matches(request.headers.get("If-None-Match"), file.headers["ETag"]):
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, headers=file.headers, media_type=file.media_type)


for _path in _FILES:
    router.add_api_route(_path, page_file, methods=["GET", "HEAD"], include_in_schema=False)


@router.get(_FEATURES, include_in_schema=False)
async def features(manager: Manager) -> Response:
    """What is on at the moment."""
    pronouncer = manager.current.pronouncer
    body = Features(
        keys=bool(manager.keys),
        stress=pronouncer.pipeline.knows_stress,
        alignment=pronouncer.pipeline.has_attention,
    )
    headers = {"Cache-Control": "no-store"}
    return Response(body.model_dump_json(), 200, headers, "application/json")

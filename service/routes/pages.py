"""The page at ``/`` with its files, and Swagger UI at ``/docs``: plain files, as packaged."""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from typing import NamedTuple

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, Response

from tanger.service import representations
from tanger.service.routing import Manager, json_response, make_router

router = make_router()
docs_router = make_router()

_FOLDER = files("tanger.service") / "page"
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_INDEX, _FEATURES = "index.html", "/page/features.json"
# No inline code, no other origins, and no string is parsed as markup (W3C Trusted Types)
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class Features(BaseModel):
    """Enabled features, which the page reads before it has an API key."""

    keys: bool = Field(description="An API key is required, and with one words can be corrected.")
    stress: bool = Field(description="The artifact predicts stress.")
    alignment: bool = Field(description="The engine returns alignments.")
    texts: bool = Field(description="Texts can be read in its language.")
    languages: int = Field(description="Number of languages, see `/languages`.")


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


_PAGE_FILES = {
    "/" if file.name == _INDEX else f"/page/{file.name}": file.name
    for file in sorted(_FOLDER.iterdir(), key=lambda file: file.name)
    if _suffix(file.name) in _MEDIA_TYPES
}
# Public paths: the page is where users enter their API key
PATHS = frozenset({_FEATURES, *_PAGE_FILES})


class _PageFile(NamedTuple):
    content: bytes
    media_type: str
    headers: dict[str, str]


@cache
def _page_file(name: str) -> _PageFile:
    content = (_FOLDER / name).read_bytes()
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        # Caches must revalidate, so that modules of two versions are never mixed
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _PAGE_POLICY,
    }
    return _PageFile(content, _MEDIA_TYPES[_suffix(name)], headers)


async def page_file(request: Request) -> Response:
    """Return the page, or one of its files."""
    file = _page_file(_PAGE_FILES[request.scope["route"].path])
    if representations.matches(request.headers.get("If-None-Match"), file.headers["ETag"]):
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, headers=file.headers, media_type=file.media_type)


for _path in _PAGE_FILES:
    router.add_api_route(_path, page_file, methods=["GET", "HEAD"], include_in_schema=False)


@router.get(_FEATURES, include_in_schema=False)
async def features(manager: Manager) -> Response:
    """Return the features that are enabled."""
    pipeline = manager.current.pronouncer.pipeline
    body = Features(
        keys=bool(manager.keys),
        stress=pipeline.knows_stress,
        alignment=pipeline.has_attention,
        texts=pipeline.resolver.reader.text is not None,
        languages=len(manager.current.languages.codes),
    )
    response = json_response(body)
    response.headers["Cache-Control"] = "no-store"
    return response


# ------------------------------------------------------------------------------------------------
# Swagger UI, served from here so that it works without internet access

_SWAGGER_UI = files("fastapi_swagger") / "resources"
_DOCS_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_START = """\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""
_DOCS = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# Swagger UI uses inline styles, and images in its style sheet
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Further files of the page at /docs
DOCS_PATHS = frozenset(
    {"/docs/start.js", "/openapi.json", *(f"/docs/{name}" for name in _DOCS_FILES)}
)


@docs_router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Return the page of the API documentation."""
    page = _DOCS.format(title=escape(request.app.title))
    return HTMLResponse(page, headers={"Content-Security-Policy": _DOCS_POLICY})


@docs_router.get("/docs/start.js", include_in_schema=False)
async def start() -> Response:
    """Return the script that starts Swagger UI."""
    return Response(_START, media_type="text/javascript")


@cache
def _docs_file(name: str) -> bytes:
    """Read a file of Swagger UI.

    It is cached: a megabyte for each slow client would add up.
    """
    return (_SWAGGER_UI / name).read_bytes()


async def docs_file(request: Request) -> Response:
    """Return a file of Swagger UI."""
    name = request.scope["route"].path.removeprefix("/docs/")
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_docs_file(name), headers=headers, media_type=_DOCS_FILES[name])


for _name in _DOCS_FILES:
    docs_router.add_api_route(f"/docs/{_name}", docs_file, include_in_schema=False)

"""The page at ``/docs``: Swagger UI, all of it from here, so that it works without the internet."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from tanger.service.routing import make_router

_FILES = {
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
_PAGE = """\
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
# Swagger UI styles its elements one by one, and has pictures in its style sheet
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_KEPT = "public, max-age=86400"
_ROUTES = {f"/docs/{name}": name for name in _FILES}
# What the page takes besides
PATHS = frozenset({*_ROUTES, "/docs/start.js", "/openapi.json"})
router = make_router()


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """The contract, to read and to try."""
    page = _PAGE.format(title=escape(request.app.title))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/start.js", include_in_schema=False)
async def start() -> Response:
    """What makes Swagger UI of the page."""
    return Response(_START, media_type="text/javascript")


@cache
def _load(name: str) -> bytes:
    """A file of Swagger UI's.

    Once for everybody: a megabyte for each who takes it slowly would add up.
    """
    return (files("fastapi_swagger") / "resources" / name).read_bytes()


async def docs_file(request: Request) -> Response:
    """A file of Swagger UI's."""
    name = _ROUTES[request.scope["route"].path]
    return Response(_load(name), headers={"Cache-Control": _KEPT}, media_type=_FILES[name])


for _path in _ROUTES:
    router.add_api_route(_path, docs_file, include_in_schema=False)

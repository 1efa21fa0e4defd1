"""The page at ``/docs``: Swagger UI, all of it from here, so that it works without the internet."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response

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
# What the page takes besides
PATHS = frozenset({*(f"/docs/{name}" for name in (*_FILES, "start.js")), "/openapi.json"})
_KEPT = "public, max-age=86400"


def add_docs_page(app: FastAPI) -> None:
    """Add the page and its files to `app`."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The contract, to read and to try."""
        page = _PAGE.format(title=escape(app.title))
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    @app.get("/docs/start.js", include_in_schema=False)
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    for name, media_type in _FILES.items():
        _add_file(app, name, media_type)


def _add_file(app: FastAPI, name: str, media_type: str) -> None:
    source = files("fastapi_swagger") / "resources" / name
    # Once for everybody: a megabyte for each who takes it slowly would add up
    content = cache(source.read_bytes)

    @app.get(f"/docs/{name}", include_in_schema=False)
    async def file() -> Response:
        headers = {"Cache-Control": _KEPT}
        return Response(content(), media_type=media_type, headers=headers)

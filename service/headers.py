"""One header of a request, without making a mapping of all of them."""

from __future__ import annotations

from starlette.requests import Request


def header(request: Request, name: bytes) -> str | None:
    """The first that is named so.

    Args:
        request: whose.
        name: in lower case.
    """
    for each, value in request.scope["headers"]:
        if each == name:
            return str(value.decode("latin-1"))
    return None

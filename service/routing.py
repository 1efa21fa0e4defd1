"""What the routes are made of: their routers, what they depend on, and who reads the request."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import request_response

from tanger.service.openapi import PROBLEMS
from tanger.service.request_body import RawRequest
from tanger.service.serving.manager import ModelManager

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class TextConvertor(PathConvertor):
    """The rest of a path, whatever it holds: Starlette's own stops at a line feed."""

    regex = "(?s:.*)"


register_url_convertor("text", TextConvertor())


class RawRoute(APIRoute):
    """A route of FastAPI's to the document, and of Starlette's to a request, which it reads itself.

    FastAPI, finding out that it has nothing to do, would take a sixth of the time of all.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)


def operation_id(route: APIRoute) -> str:
    """A route's name in the OpenAPI document: its function's."""
    return route.name


def make_router(*tags: str) -> APIRouter:
    """A router for routes that may answer with a problem.

    Args:
        tags: of its routes in the OpenAPI document.
    """
    return APIRouter(
        tags=[*tags],
        responses=PROBLEMS,
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
    )


# ------------------------------------------------------------------------------------------------
# What routes depend on. They are coroutines, since FastAPI calls anything else in a thread.


async def get_manager(request: Request) -> ModelManager:
    """All that the application serves."""
    manager: ModelManager = request.app.state.manager
    return manager


async def get_raw(request: Request) -> RawRequest:
    """The request, for a route that reads its body or some of its headers by itself."""
    return RawRequest(request.scope, request.receive)


Manager = Annotated[ModelManager, Depends(get_manager)]
Raw = Annotated[RawRequest, Depends(get_raw)]


async def require_key(request: Request, manager: Manager) -> None:
    """Let nobody pass without an API key, also where other routes need none.

    Raises:
        ForbiddenError: where no key is configured: the route is off then.
        UnauthorizedError: where the request brings none that is good.
    """
    manager.keys.require(request)


def json_response(body: BaseModel, status: int = 200) -> Response:
    """A model as JSON, which pydantic writes by itself, without a way over a dict."""
    return Response(body.model_dump_json(), status, media_type="application/json")

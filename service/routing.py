"""Building blocks of the routes: routers, dependencies, raw routes and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from functools import partial
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tanger.service import representations
from tanger.service.errors import PROBLEM_MEDIA_TYPE
from tanger.service.lexicon_schemas import EntryRequest
from tanger.service.middleware.response_chunks import send_parts, send_stream
from tanger.service.pronounce_handler import RawAnswer
from tanger.service.request_body import TIMEOUT, RawRequest
from tanger.service.schemas import Problem, PronounceRequest, PronounceResponse, TextRequest
from tanger.service.serving.manager import ModelManager
from tanger.service.settings import Settings

# Handles a request whose body has not been read
Handler = Callable[[ModelManager, RawRequest], Awaitable[RawAnswer]]


class TextConvertor(PathConvertor):
    """Match the rest of a path, including line feeds, at which Starlette's own stops."""

    regex = "(?s:.*)"


register_url_convertor("text", TextConvertor())


class RawRoute(APIRoute):
    """A route that FastAPI only documents; a raw handler processes its requests.

    `middleware.gateway` dispatches to it before the framework.

    Attributes:
        handler: handles the requests.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, handler: Handler, **options: Any
    ) -> None:
        """Create a route.

        Args:
            path: template of the path.
            endpoint: its signature and docstring document the route; it is never called.
            handler: handles the requests.
            **options: of `APIRoute`.
        """
        super().__init__(path, endpoint, **options)
        self.handler = handler
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = await self.handler(scope["app"].state.manager, RawRequest(scope, receive))
        if found.parts is None:
            await send({"type": "http.response.start", "status": 304, "headers": found.headers})
            await send({"type": "http.response.body"})
        else:
            media_type = (b"content-type", representations.CONTENT_TYPES[found.media_type])
            if found.more is not None:
                describe = partial(scope["app"].state.problem_line, Request(scope))
                headers = [*found.headers, media_type]
                await send_stream(send, headers, found.parts, found.more, describe)
                return
            await send_parts(send, found.headers, media_type, found.parts, found.reservation)


def add_raw_route(
    router: APIRouter, path: str, endpoint: Callable[..., Any], handler: Handler, **options: Any
) -> None:
    """Add a `RawRoute` to a router.

    Args:
        router: the router to add it to.
        path: see `RawRoute`.
        endpoint: see `RawRoute`.
        handler: see `RawRoute`.
        **options: see `RawRoute`.
    """
    # The router calls it with the arguments of any route class
    route_class = cast("type[APIRoute]", partial(RawRoute, handler=handler))
    router.add_api_route(path, endpoint, route_class_override=route_class, **options)


def operation_id(route: APIRoute) -> str:
    """Return the operation ID of a route: the name of its function."""
    return route.name


def make_router(*tags: str) -> APIRouter:
    """Create a router whose routes document problem responses.

    Args:
        tags: tags of its routes in the OpenAPI document.
    """
    return APIRouter(
        tags=[*tags],
        responses=PROBLEMS,
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
    )


# ------------------------------------------------------------------------------------------------
# Dependencies of routes: coroutines, since FastAPI would call plain functions in a thread


async def get_manager(request: Request) -> ModelManager:
    """Return the model manager of the application."""
    manager: ModelManager = request.app.state.manager
    return manager


async def get_raw(request: Request) -> RawRequest:
    """Return the raw request, for a route that reads its body or headers itself."""
    return RawRequest(request.scope, request.receive)


Manager = Annotated[ModelManager, Depends(get_manager)]
Raw = Annotated[RawRequest, Depends(get_raw)]


async def require_key(request: Request, manager: Manager) -> None:
    """Require an API key, even if other routes need none.

    Raises:
        ForbiddenError: if no key is configured, which disables the route.
        UnauthorizedError: if the request has no valid key.
    """
    manager.keys.require(request.scope["headers"])


def json_response(body: BaseModel, status: int = 200) -> Response:
    """Return a model as a JSON response, serialized by pydantic without an intermediate dict."""
    return Response(body.model_dump_json(), status, media_type="application/json")


# ------------------------------------------------------------------------------------------------
# The OpenAPI document beyond what FastAPI derives


# Models of bodies that routes read and write themselves, so that FastAPI does not find them
_MODELS = (PronounceRequest, TextRequest, EntryRequest, Problem)
_REFERENCE = "#/components/schemas/{model}"
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key (RFC 6750)."},
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key.",
    },
}


class DescribedApp(FastAPI):
    """FastAPI with a complete OpenAPI document: all schemas, limits, and security requirements.

    Its `state` holds the `settings`.

    Attributes:
        public: templates of the routes that need no API key; None if no route needs one.
    """

    public: Set[str] | None = None

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        _, own = models_json_schema(
            [(model, "validation") for model in _MODELS], ref_template=_REFERENCE
        )
        schemas = document["components"]["schemas"]
        schemas |= own["$defs"]
        # FastAPI drops nulls from examples
        schemas[PronounceResponse.__name__] |= PronounceResponse.model_config["json_schema_extra"]
        self._describe_timeouts(document)
        if self.public is not None:
            document["components"]["securitySchemes"] = _SCHEMES
            document["security"] = [{name: []} for name in _SCHEMES]
            for path in self.public & document["paths"].keys():
                for operation in document["paths"][path].values():
                    operation["security"] = []
        return document

    def _describe_timeouts(self, document: dict[str, Any]) -> None:
        settings: Settings = self.state.settings
        for operations in document["paths"].values():
            for operation in operations.values():
                for parameter in operation.get("parameters", ()):
                    if parameter["name"] == TIMEOUT:
                        parameter["description"] = (
                            f"Seconds that the request may take; {settings.timeout:g} by default."
                        )
                        parameter["schema"]["maximum"] = settings.max_timeout


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a body that the route reads itself."""
    content = {"application/json": {"schema": _reference(model)}}
    return {"requestBody": {"required": True, "content": content}}


# Describes a header that routes read themselves. `DescribedApp` fills in the limits from the
# settings.
TIMEOUT_HEADER: dict[str, Any] = {
    "parameters": [
        {
            "name": TIMEOUT,
            "in": "header",
            "required": False,
            "description": "",
            "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        }
    ]
}


def _problem(description: str) -> dict[str, Any]:
    content = {PROBLEM_MEDIA_TYPE: {"schema": _reference(Problem)}}
    return {"description": description, "content": content}


# Every failed request gets a problem response
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": _problem("A problem with the request"),
    "5XX": _problem("A problem of the service, or no time or room for the request"),
}

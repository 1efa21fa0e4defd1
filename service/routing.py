"""What the routes are made of: their routers, what they depend on, and who reads the request."""

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
from tanger.service.lexicon_schemas import Spoken
from tanger.service.middleware.answer_pieces import send_parts, send_stream
from tanger.service.pronounce_handler import RawAnswer
from tanger.service.request_body import TIMEOUT, RawRequest
from tanger.service.schemas import Problem, PronounceRequest, PronounceResponse, TextRequest
from tanger.service.serving.manager import ModelManager
from tanger.service.settings import Settings

# What answers a request, of which nothing has been read
Handler = Callable[[ModelManager, RawRequest], Awaitable[RawAnswer]]


class TextConvertor(PathConvertor):
    """The rest of a path, whatever it holds: Starlette's own stops at a line feed."""

    regex = "(?s:.*)"


register_url_convertor("text", TextConvertor())


class RawRoute(APIRoute):
    """A route that FastAPI describes, and that answers from a request's bytes without it.

    `middleware.gateway` finds it before the framework would.

    Attributes:
        handler: what answers.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, handler: Handler, **options: Any
    ) -> None:
        """Describe a route.

        Args:
            path: its template.
            endpoint: whose signature and docstring describe it; it is never called.
            handler: what answers.
            **options: FastAPI's.
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
        router: that it is added to.
        path: as `RawRoute`'s.
        endpoint: likewise.
        handler: likewise.
        **options: likewise.
    """
    # A router calls it with what it gives to any route's class
    route_class = cast("type[APIRoute]", partial(RawRoute, handler=handler))
    router.add_api_route(path, endpoint, route_class_override=route_class, **options)


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
    manager.keys.require(request.scope["headers"])


def json_response(body: BaseModel, status: int = 200) -> Response:
    """A model as JSON, which pydantic writes by itself, without a way over a dict."""
    return Response(body.model_dump_json(), status, media_type="application/json")


# ------------------------------------------------------------------------------------------------
# What the OpenAPI document says beyond what FastAPI finds out by itself.


# Bodies that the routes read and write by themselves, so that FastAPI does not know them
_MODELS = (PronounceRequest, TextRequest, Spoken, Problem)
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
    """FastAPI, its document whole: every schema by reference, limits, and who needs an API key.

    Its `state` holds the `settings`.

    Attributes:
        public: the templates of the routes that need no API key; None where no route does.
    """

    public: Set[str] | None = None

    def openapi(self) -> dict[str, Any]:
        """The document."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        _, own = models_json_schema(
            [(model, "validation") for model in _MODELS], ref_template=_REFERENCE
        )
        schemas = document["components"]["schemas"]
        schemas |= own["$defs"]
        # FastAPI leaves every null out of an example
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
    """The description of a body that the route reads by itself."""
    content = {"application/json": {"schema": _reference(model)}}
    return {"requestBody": {"required": True, "content": content}}


# The description of a header that routes read by themselves. Its limits are the service's own:
# `DescribedApp` fills them in.
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


# Every failed request is answered with a problem.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": _problem("A problem with the request"),
    "5XX": _problem("A problem of the service, or no time or room for the request"),
}

"""The application and its routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from model import __version__
from service import problems
from service.intake import read_json, unless_gone, unless_stopped
from service.request_id import RequestID
from service.running import Service
from service.schemas import Info, Options, Probe, Problem, PronounceRequest, PronounceResponse
from service.settings import Settings


class _TextConvertor(PathConvertor):
    """The rest of a path, whatever it holds: Starlette's own stops at a line feed."""

    regex = "(?s:.*)"


register_url_convertor("text", _TextConvertor())


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document, its examples whole: FastAPI leaves every null out of it."""
        document = super().openapi()
        schema = document["components"]["schemas"][PronounceResponse.__name__]
        schema |= PronounceResponse.model_config["json_schema_extra"]
        return document


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for `settings`, by default those of the environment.

    Raises:
        ArtifactError: where the artifact is damaged or missing.
    """
    settings = settings or Settings()
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workers = asyncio.create_task(service.run_workers())
        yield
        workers.cancel()
        with suppress(asyncio.CancelledError):
            await workers

    app = _App(
        title="tanger",
        summary="Words to phonemes.",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        responses=_PROBLEMS,
    )
    app.state.service = service
    app.add_middleware(RequestID)
    for exception in problems.TABLE:
        app.add_exception_handler(exception, problems.known)
    app.add_exception_handler(RequestValidationError, problems.invalid)
    app.add_exception_handler(HTTPException, problems.http)
    app.add_exception_handler(ClientDisconnect, problems.gone)
    app.add_exception_handler(Exception, problems.unknown)

    timeout_header = Header(
        None,
        alias="X-Request-Timeout",
        gt=0,
        le=settings.max_timeout,
        description=f"Seconds that the request may take; {settings.timeout:g} by default.",
    )

    @app.post(
        "/pronounce",
        response_model=PronounceResponse,
        openapi_extra=_json_body(PronounceRequest),
        tags=["pronounce"],
    )
    async def pronounce(request: Request, timeout: float | None = timeout_header) -> Response:
        """Pronounce words: a result for each, in their order, whatever becomes of the others."""
        with unless_stopped():
            asked = await read_json(request, PronounceRequest, limit=settings.max_body)
            work = service.pronounce(asked.words, asked, timeout=timeout)
            return _answer(await unless_gone(request, work))

    @app.get("/pronounce/{word:text}", response_model=PronounceResponse, tags=["pronounce"])
    async def pronounce_one(
        request: Request,
        word: str,
        options: Annotated[Options, Query()],
        timeout: float | None = timeout_header,
    ) -> Response:
        """Pronounce one word, percent-encoded."""
        with unless_stopped():
            work = service.pronounce([word], options, timeout=timeout)
            return _answer(await unless_gone(request, work))

    @app.get("/livez", response_model=Probe, tags=["probes"])
    async def livez() -> Response:
        """The HTTP process answers; there is nothing to restart."""
        return _answer(service.probe())

    @app.get("/startupz", response_model=Probe, tags=["probes"])
    async def startupz() -> Response:
        """The first worker has loaded and warmed up."""
        probe = service.probe()
        return _answer(probe, unavailable=probe.status == "starting")

    @app.get("/readyz", response_model=Probe, tags=["probes"])
    @app.get("/health", response_model=Probe, tags=["probes"])
    async def readyz() -> Response:
        """A request that comes now would be decoded."""
        probe = service.probe()
        return _answer(probe, unavailable=probe.status != "ok")

    @app.get("/info", response_model=Info, tags=["about"])
    async def info() -> Response:
        """What is being served, on what, and how good it is."""
        return _answer(service.info())

    return app


def _problem_schema() -> dict[str, Any]:
    """The schema of a problem, in one piece: inside another document `#/$defs` leads nowhere."""
    schema = Problem.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["ProblemError"]
    return schema


# Stated for OpenAPI alone: every failed request is answered with a problem.
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "A problem with the request",
        "content": {problems.MEDIA_TYPE: {"schema": _problem_schema()}},
    },
    "5XX": {
        "description": "A problem of the service, or no time or room for the request",
        "content": {problems.MEDIA_TYPE: {"schema": _problem_schema()}},
    },
}


def _json_body(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI's word for a body that the route reads by itself."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _answer(body: BaseModel, *, unavailable: bool = False) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.OK
    headers = {"Retry-After": f"{problems.RETRY_AFTER:.0f}"} if unavailable else None
    return Response(body.model_dump_json(), status, headers, "application/json")

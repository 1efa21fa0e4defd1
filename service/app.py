"""The application and its routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

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
from service.openapi import PROBLEMS, DescribedApp, json_body
from service.request_id import RequestID
from service.running import Service
from service.schemas import Info, NoOptions, Options, Probe, PronounceRequest, PronounceResponse
from service.settings import Settings


class _TextConvertor(PathConvertor):
    """The rest of a path, whatever it holds: Starlette's own stops at a line feed."""

    regex = "(?s:.*)"


register_url_convertor("text", _TextConvertor())


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

    app = DescribedApp(
        title="tanger",
        summary="Words to phonemes.",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        responses=PROBLEMS,
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
        openapi_extra=json_body(PronounceRequest),
        tags=["pronounce"],
    )
    async def pronounce(
        request: Request,
        _: Annotated[NoOptions, Query()],
        timeout: float | None = timeout_header,
    ) -> Response:
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
        return _answer(service.started())

    @app.get("/readyz", response_model=Probe, tags=["probes"])
    @app.get("/health", response_model=Probe, tags=["probes"])
    async def readyz() -> Response:
        """A request that comes now would be decoded."""
        return _answer(service.ready())

    @app.get("/info", response_model=Info, tags=["about"])
    async def info() -> Response:
        """What is being served, on what, and how good it is."""
        return _answer(service.info())

    return app


def _answer(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json")

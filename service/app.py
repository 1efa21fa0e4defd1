"""The application and its routes."""

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import request_response

from tanger import __version__
from tanger.service import metrics, problems, representations
from tanger.service.connections.buffers import AnswerPieces
from tanger.service.connections.limits import Connections
from tanger.service.middleware.api_keys import KeyGate
from tanger.service.middleware.cross_origin import CrossOrigin
from tanger.service.middleware.head_limits import HeadLimits
from tanger.service.middleware.public_routes import PublicRoutes
from tanger.service.middleware.request_log import RequestLog
from tanger.service.middleware.security_headers import HeadRequests, SecurityHeaders
from tanger.service.middleware.telemetry import Telemetry
from tanger.service.openapi import PROBLEMS, DescribedApp, json_body, timeout_header
from tanger.service.representations import MediaType
from tanger.service.request_body import (
    cancel_on_disconnect,
    read_json,
    read_no_query,
    read_timeout,
    shutdown_as_503,
)
from tanger.service.responses import PiecewiseResponse
from tanger.service.routes import docs, pages
from tanger.service.routes.lexicon import add_lexicon_routes
from tanger.service.schemas import (
    Info,
    ModelName,
    Options,
    Probe,
    PronounceRequest,
    PronounceResponse,
)
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.pronouncer import PronounceJob
from tanger.service.settings import Settings, parse_origins

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


# New objects after which the collector looks for those that refer to one another in circles.
# Requests leave none; it would walk over what the larger ones are made of, time and again.
_GC_THRESHOLD = 20_000


class _TextConvertor(PathConvertor):
    """The rest of a path, whatever it holds: Starlette's own stops at a line feed."""

    regex = "(?s:.*)"


register_url_convertor("text", _TextConvertor())


class _RawRoute(APIRoute):
    """A route of FastAPI's to the document, and of Starlette's to a request, which it reads itself.

    FastAPI, finding out that it has nothing to do, would take a sixth of the time of all.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for `settings`, by default those of the environment.

    Raises:
        ArtifactError: where the artifact is damaged or missing.
    """
    settings = settings or Settings()
    service = ModelManager(settings)
    logged = settings.log_requests and settings.log_level in ("debug", "info")
    requests = RequestLog() if logged else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(service.run())
        service.reload_on(signal.SIGHUP)
        gc.freeze()  # what is loaded stays: the collector need not walk over it time and again
        thresholds = gc.get_threshold()
        gc.set_threshold(_GC_THRESHOLD, *thresholds[1:])
        yield
        gc.set_threshold(*thresholds)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        if requests is not None:
            requests.flush()

    app = DescribedApp(
        title="tanger",
        summary="Words to phonemes.",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
        generate_unique_id_function=lambda route: route.name,
        # FastAPI would look for OpenTelemetry, which does not come with this service, each time
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.service = service
    buffers = service.buffers
    app.state.connections = connections = Connections(
        limit=settings.max_connections,
        budget=buffers,
        send_timeout=settings.send_timeout,
        min_send_rate=settings.min_send_rate,
    )
    service.metrics.watch_server(connections)

    def refused(status: HTTPStatus, request_id: str) -> None:
        """Note what was no request, and got its answer before there was one."""
        service.metrics.request("unmatched", "", status, 0.0)
        if requests is not None:
            requests.note(
                client=None,
                key=None,
                method="",
                route="unmatched",
                status=status,
                request_id=request_id,
            )

    app.state.refused = refused
    for exception in problems.TABLE:
        app.add_exception_handler(exception, problems.known)
    app.add_exception_handler(RequestValidationError, problems.invalid)
    app.add_exception_handler(HTTPException, problems.http)
    app.add_exception_handler(ClientDisconnect, problems.gone)
    app.add_exception_handler(Exception, problems.unknown)

    limits = {"default": settings.timeout, "maximum": settings.max_timeout}

    def shared() -> str:
        """Whether caches that several people share may keep an answer (RFC 9111, 5.2.2)."""
        return "private" if service.keys else "public"

    async def pronounce(request: Request) -> Response:
        """Pronounce words: a result for each, in their order, whatever becomes of the others."""
        with shutdown_as_503():
            read_no_query(request)
            media_type = representations.choose(request)
            timeout = read_timeout(request, **limits)
            due = time.monotonic() + timeout
            requested = await read_json(
                request,
                PronounceRequest,
                limit=settings.max_body,
                seconds=settings.body_timeout,
                budget=buffers,
            )
            options = representations.needed(requested, media_type)
            # The body may have been long in coming
            work = await service.begin(requested.words, options, max(0.0, due - time.monotonic()))
            return await respond(request, work, media_type, due)

    async def respond(
        request: Request,
        work: PronounceJob,
        media_type: MediaType,
        due: float,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer to an admitted request; what is reserved for it is free once it is sent."""
        try:
            if work.missing:
                left = max(0.0, due - time.monotonic())
                await cancel_on_disconnect(request, service.decode(work, timeout=left))
            return await _pronounced(work, media_type, headers)
        except BaseException:
            work.reservations.close()
            raise
        finally:
            service.metrics.count_errors(work.error_codes)

    app.router.add_api_route(
        "/pronounce",
        pronounce,
        methods=["POST"],
        route_class_override=_RawRoute,
        response_model=PronounceResponse,
        responses=representations.DESCRIBED,
        openapi_extra=json_body(PronounceRequest) | timeout_header(**limits),
        tags=["pronounce"],
    )

    @app.get(
        "/pronounce/{word:text}",
        response_model=PronounceResponse,
        responses=representations.DESCRIBED
        | {304: {"description": "What is kept is still right."}},
        openapi_extra=timeout_header(**limits),
        tags=["pronounce"],
    )
    async def pronounce_word(
        request: Request,
        word: str,
        options: Annotated[Options, Query()],
    ) -> Response:
        """Pronounce one word, percent-encoded. `If-None-Match` spares an answer that is known."""
        media_type = representations.choose(request)
        timeout = read_timeout(request, **limits)
        due = time.monotonic() + timeout
        tag = await service.etag(word, options, timeout=timeout)
        tag = representations.tagged(tag, media_type)
        # What somebody's next correction may change has to be asked for each time
        seconds = 0 if service.corrigible(options) else settings.cache_seconds
        caching = f"{shared()}, max-age={seconds}"
        fresh = {"ETag": tag, "Cache-Control": caching, "Vary": "Accept"}
        if pages.has(request.headers.get("If-None-Match"), tag):
            headers = {**fresh, "X-Model-Version": service.current.pronouncer.model.version}
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        with shutdown_as_503():
            left = max(0.0, due - time.monotonic())
            work = await service.begin([word], representations.needed(options, media_type), left)
            return await respond(request, work, media_type, due, fresh)

    @app.get("/livez", response_model=Probe, tags=["probes"])
    async def livez() -> Response:
        """The HTTP process answers; there is nothing to restart."""
        return _answer(service.probe())

    @app.get("/startupz", response_model=Probe, tags=["probes"])
    async def startupz() -> Response:
        """The first worker has loaded and warmed up."""
        return _answer(service.started())

    @app.get("/readyz", response_model=Probe, tags=["probes"])
    @app.get("/health", response_model=Probe, operation_id="health", tags=["probes"])
    async def readyz() -> Response:
        """A request that comes now would be decoded."""
        return _answer(service.ready())

    @app.get("/info", response_model=Info, tags=["about"])
    async def info() -> Response:
        """What is being served, on what, and how good it is."""
        return _answer(service.info())

    @app.post("/admin/reload", response_model=ModelName, tags=["admin"])
    async def reload(request: Request) -> Response:
        """Serve artifact and lexicons as they are now on disk, if they answer; else the old ones.

        Needs an API key; without any configured it is off. SIGHUP does the same.
        """
        service.keys.require(request)
        return _answer(await service.reload())

    add_lexicon_routes(app, service)
    docs.add_docs_page(app)
    if settings.page:
        pages.add_front_page(app, service.features)
    if settings.metrics:

        @app.get("/metrics", include_in_schema=False)
        async def prometheus() -> Response:
            """What Prometheus reads."""
            return Response(service.metrics.render(), media_type=metrics.MEDIA_TYPE)

    _add_middleware(app, service, requests)
    return app


def _add_middleware(app: DescribedApp, service: ModelManager, requests: RequestLog | None) -> None:
    """Wrap the routes, which are all there by now; what comes last is the outermost.

    Raises:
        SettingError: where a public route is none.
    """
    settings = service.settings
    besides = pages.PATHS if settings.page else frozenset()
    public = PublicRoutes(settings.public_routes, app.routes, besides=besides)
    if "/docs" in public.templates:
        public = PublicRoutes(settings.public_routes, app.routes, besides=besides | docs.PATHS)
    app.public = public.templates if service.keys else None
    app.add_middleware(AnswerPieces, budget=service.buffers)
    app.add_middleware(HeadRequests)
    app.add_middleware(KeyGate, keys=lambda: service.keys, public=public)
    app.add_middleware(HeadLimits)
    if origins := parse_origins(settings.cors_origins):
        # Outside of keys and limits: a preflight brings no key, and refusals are to be readable
        app.add_middleware(CrossOrigin, origins=origins)
    app.add_middleware(SecurityHeaders)
    # Who is refused is counted, too
    app.add_middleware(Telemetry, metrics=service.metrics, log=requests)


def _answer(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json")


async def _pronounced(
    work: PronounceJob, media_type: MediaType, headers: Mapping[str, str] | None
) -> Response:
    """The answer, with what it took (W3C Server Timing, milliseconds) and what made it."""
    reported = {
        "Server-Timing": _timing(work),
        "X-Model-Version": work.model.version,
        "Vary": "Accept",
    }
    if not work.decoding_failed:
        reported |= headers or {}
    results = await work.results(representations.form_of(media_type))
    return PiecewiseResponse(
        representations.parts(work.model, results, media_type),
        headers=reported,
        media_type=media_type,
        reservations=work.reservations,
    )


def _timing(work: PronounceJob) -> str:
    took = work.answered
    if took.batch:
        return (
            f"queue;dur={1e3 * took.queued:.3f}, decode;dur={1e3 * took.decoding:.3f}, "
            f'batch;desc="{took.batch}"'
        )
    if work.known:
        return "cache"
    return "lexicon" if work.looked_up else "rules"

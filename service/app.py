"""The application: its state, its routes, what becomes of exceptions, and the middleware."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tanger import __version__
from tanger.service import problems
from tanger.service.api_keys import KeyGate, PublicRoutes
from tanger.service.connections.limits import Connections
from tanger.service.middleware.browsers import CrossOrigin
from tanger.service.middleware.gateway import Gateway
from tanger.service.middleware.telemetry import RequestLog, Telemetry, note_refusal
from tanger.service.routes import lexicon, operations, pages, pronounce, text
from tanger.service.routing import PROBLEMS, DescribedApp, RawRoute, operation_id
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.supervisor import Backend
from tanger.service.settings import Settings, parse_origins

# New objects after which the collector looks for those that refer to one another in circles.
# Requests leave none; it would walk over what the larger ones are made of, time and again.
GC_THRESHOLD = 20_000


def create_app(settings: Settings | None = None, backend: Backend | None = None) -> FastAPI:
    """The application for `settings`, by default those of the environment.

    Args:
        settings: of the service.
        backend: where its workers are; by default in the care of this process.

    Raises:
        ArtifactError: where the artifact is damaged or missing.
        SettingError: where a public route is none.
    """
    settings = settings or Settings()
    app = DescribedApp(
        title="tanger",
        summary="Words to phonemes.",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
        generate_unique_id_function=operation_id,
        # FastAPI would look for OpenTelemetry, which does not come with this service, each time
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    _set_state(app, settings, backend)
    _add_routes(app, settings)
    for exception in problems.TABLE:
        app.add_exception_handler(exception, problems.known)
    app.add_exception_handler(RequestValidationError, problems.invalid)
    app.add_exception_handler(HTTPException, problems.http)
    app.add_exception_handler(ClientDisconnect, problems.gone)
    app.add_exception_handler(Exception, problems.unknown)
    _add_middleware(app)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run what the application serves, and end it."""
    manager: ModelManager = app.state.manager
    running = asyncio.create_task(manager.run())
    manager.reload_on(signal.SIGHUP)
    gc.freeze()  # what is loaded stays: the collector need not walk over it time and again
    thresholds = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *thresholds[1:])
    yield
    gc.set_threshold(*thresholds)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    if app.state.request_log is not None:
        app.state.request_log.flush()


def _set_state(app: FastAPI, settings: Settings, backend: Backend | None) -> None:
    """Read what is served, and lay it where routes, middleware and server find it.

    Raises:
        ArtifactError: where the artifact is damaged or missing.
    """
    manager = ModelManager(settings, backend)
    logged = settings.log_requests and settings.log_level in ("debug", "info")
    request_log = RequestLog() if logged else None
    connections = Connections(
        limit=settings.max_connections,
        budget=manager.buffers,
        head_timeout=settings.head_timeout,
        send_timeout=settings.send_timeout,
        min_send_rate=settings.min_send_rate,
        on_refusal=partial(note_refusal, manager.metrics, request_log),
    )
    manager.metrics.watch_server(connections)
    state = app.state
    state.settings, state.manager = settings, manager
    state.connections, state.request_log = connections, request_log
    state.problem_line = problems.line


def _add_routes(app: FastAPI, settings: Settings) -> None:
    """Add the routers' routes to the application's own.

    Not by `include_router`, which keeps each router whole: it would match a request twice over,
    take a `RawRoute` for any other, and keep the routes from whoever goes through them.
    """
    routers = [pronounce.router, text.router, operations.router, lexicon.router, pages.docs_router]
    if settings.page:
        routers.append(pages.router)
    if settings.metrics:
        routers.append(operations.metrics_router)
    for router in routers:
        app.router.routes.extend(router.routes)


def _add_middleware(app: DescribedApp) -> None:
    """Wrap the routes, which are all there by now; what comes last is the outermost.

    Raises:
        SettingError: where a public route is none.
    """
    settings: Settings = app.state.settings
    manager: ModelManager = app.state.manager
    besides = pages.PATHS if settings.page else frozenset()
    public = PublicRoutes(settings.public_routes, app.routes, besides=besides)
    if "/docs" in public.templates:
        public = PublicRoutes(
            settings.public_routes, app.routes, besides=besides | pages.DOCS_PATHS
        )
    app.public = public.templates if manager.keys else None
    app.add_middleware(
        Gateway,
        gate=KeyGate(keys=lambda: manager.keys, public=public),
        routes=[route for route in app.routes if isinstance(route, RawRoute)],
        budget=manager.buffers,
        respond=problems.known,
    )
    if origins := parse_origins(settings.cors_origins):
        # Outside of keys and limits: a preflight brings no key, and refusals are to be readable
        app.add_middleware(CrossOrigin, origins=origins, respond=problems.known)
    # Who is refused is counted, too
    app.add_middleware(
        Telemetry,
        metrics=manager.metrics,
        log=app.state.request_log,
        draining=lambda: manager.draining,
    )

"""Create the FastAPI application: state, routes, exception handlers and middleware."""

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
from tanger.service.middleware.telemetry import RequestLog, Telemetry, record_refusal
from tanger.service.routes import lexicon, operations, pages, pronounce
from tanger.service.routing import PROBLEMS, DescribedApp, RawRoute, operation_id
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.supervisor import Backend
from tanger.service.settings import Settings, parse_origins

# Thresholds of the garbage collector. Requests leave no reference cycles, but the collector would
# traverse the objects of large ones repeatedly: 4,000 take 1 to 2 ms, and all those of a long text
# about 10, which happens once in ten such texts (benchmarks/text_slices.py).
GC_THRESHOLDS = (4_000, 100, 10)


def create_app(settings: Settings | None = None, backend: Backend | None = None) -> FastAPI:
    """Create the application for `settings`, by default those of the environment.

    Args:
        settings: of the service.
        backend: manages the workers; by default this process does.

    Raises:
        ArtifactError: if the artifact is damaged or missing.
        SettingError: if an entry of the public routes matches no route.
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
        # FastAPI would look for OpenTelemetry, which is not installed, with each request
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    _set_state(app, settings, backend)
    _add_routes(app, settings)
    for exception in problems.TABLE:
        app.add_exception_handler(exception, problems.handle_error)
    app.add_exception_handler(RequestValidationError, problems.handle_validation_error)
    app.add_exception_handler(HTTPException, problems.handle_http_exception)
    app.add_exception_handler(ClientDisconnect, problems.handle_disconnect)
    app.add_exception_handler(Exception, problems.handle_internal_error)
    _add_middleware(app)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the model manager, and stop it at the end."""
    manager: ModelManager = app.state.manager
    running = asyncio.create_task(manager.run())
    manager.reload_on(signal.SIGHUP)
    gc.freeze()  # loaded objects are permanent: exclude them from garbage collection
    thresholds = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    yield
    gc.set_threshold(*thresholds)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    if app.state.request_log is not None:
        app.state.request_log.flush()


def _set_state(app: FastAPI, settings: Settings, backend: Backend | None) -> None:
    """Create the model manager, and store it in the application's state.

    Raises:
        ArtifactError: if the artifact is damaged or missing.
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
        on_refusal=partial(record_refusal, manager.metrics, request_log),
    )
    manager.metrics.watch_server(connections)
    state = app.state
    state.settings, state.manager = settings, manager
    state.connections, state.request_log = connections, request_log
    state.problem_line = problems.last_line


def _add_routes(app: FastAPI, settings: Settings) -> None:
    """Add the routers' routes to the application's own.

    `include_router` is not used because it keeps each router as one: a request would be matched
    twice, a `RawRoute` would become a plain route, and the routes could not be enumerated.
    """
    routers = [
        pronounce.router,
        pronounce.text_router,
        operations.router,
        lexicon.router,
        pages.docs_router,
    ]
    if settings.page:
        routers.append(pages.router)
    if settings.metrics:
        routers.append(operations.metrics_router)
    for router in routers:
        app.router.routes.extend(router.routes)


def _add_middleware(app: DescribedApp) -> None:
    """Add the middleware, once all routes exist; the last one added is the outermost.

    Raises:
        SettingError: if an entry of the public routes matches no route.
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
        respond=problems.handle_error,
    )
    if origins := parse_origins(settings.cors_origins):
        # Outside of keys and limits: preflights have no key, and scripts have to read refusals
        app.add_middleware(CrossOrigin, origins=origins, respond=problems.handle_error)
    # Outermost, so that refused requests are counted too
    app.add_middleware(
        Telemetry,
        metrics=manager.metrics,
        log=app.state.request_log,
        draining=lambda: manager.draining,
    )

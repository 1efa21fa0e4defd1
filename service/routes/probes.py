"""How the service stands, for whoever starts, restarts, routes to or watches it."""

from __future__ import annotations

from starlette.responses import Response

from tanger.service import metrics
from tanger.service.routing import Manager, json_response, make_router
from tanger.service.schemas import Probe

router = make_router("probes")
metrics_router = make_router()


@router.get("/livez", response_model=Probe)
async def livez(manager: Manager) -> Response:
    """The HTTP process answers; there is nothing to restart."""
    return json_response(manager.probe())


@router.get("/startupz", response_model=Probe)
async def startupz(manager: Manager) -> Response:
    """The first worker has loaded and warmed up."""
    return json_response(manager.started())


@router.get("/readyz", response_model=Probe)
@router.get("/health", response_model=Probe, operation_id="health")
async def readyz(manager: Manager) -> Response:
    """A request that comes now would be decoded."""
    return json_response(manager.ready())


@metrics_router.get("/metrics", include_in_schema=False)
async def prometheus(manager: Manager) -> Response:
    """What Prometheus reads."""
    return Response(manager.metrics.render(), media_type=metrics.MEDIA_TYPE)

"""Operational routes: probes, metrics, info and reload."""

from __future__ import annotations

from fastapi import Depends
from starlette.responses import Response

from tanger.service import metrics
from tanger.service.routing import Manager, json_response, make_router, require_key
from tanger.service.schemas import Info, ModelName, Probe

router = make_router()
metrics_router = make_router()


@router.get("/livez", response_model=Probe, tags=["probes"])
async def livez(manager: Manager) -> Response:
    """The HTTP process answers; there is nothing to restart."""
    return json_response(manager.probe())


@router.get("/startupz", response_model=Probe, tags=["probes"])
async def startupz(manager: Manager) -> Response:
    """The first worker has loaded and warmed up."""
    return json_response(manager.started())


@router.get("/readyz", response_model=Probe, tags=["probes"])
@router.get("/health", response_model=Probe, tags=["probes"], operation_id="health")
async def readyz(manager: Manager) -> Response:
    """A request that comes now would be decoded."""
    return json_response(manager.ready())


@metrics_router.get("/metrics", include_in_schema=False)
async def prometheus(manager: Manager) -> Response:
    """What Prometheus reads."""
    return Response(await manager.backend.render_metrics(), media_type=metrics.MEDIA_TYPE)


@router.get("/info", response_model=Info, tags=["about"])
async def info(manager: Manager) -> Response:
    """What is being served, on what, and how good it is."""
    return json_response(manager.info())


@router.post(
    "/admin/reload",
    response_model=ModelName,
    dependencies=[Depends(require_key)],
    tags=["admin"],
)
async def reload(manager: Manager) -> Response:
    """Serve artifact and lexicons as they are now on disk, if they answer; else the old ones.

    Needs an API key; without any configured it is off. SIGHUP does the same.
    """
    return json_response(await manager.reload())

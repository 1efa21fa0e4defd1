"""Operational routes: probes, metrics, info and reload."""

from __future__ import annotations

from fastapi import Depends
from starlette.responses import Response

from tanger.service import metrics
from tanger.service.info_schemas import Info, LanguageList
from tanger.service.routing import Manager, json_response, make_router, require_key
from tanger.service.schemas import ModelName, Probe

router = make_router()
metrics_router = make_router()


@router.get("/livez", response_model=Probe, tags=["probes"])
async def livez(manager: Manager) -> Response:
    """Liveness probe: succeeds if the HTTP process responds."""
    return json_response(manager.probe())


@router.get("/startupz", response_model=Probe, tags=["probes"])
async def startupz(manager: Manager) -> Response:
    """Startup probe: succeeds once the first worker has loaded and warmed up."""
    return json_response(manager.started())


@router.get("/readyz", response_model=Probe, tags=["probes"])
@router.get("/health", response_model=Probe, tags=["probes"], operation_id="health")
async def readyz(manager: Manager) -> Response:
    """Readiness probe: succeeds if a request would be decoded now."""
    return json_response(manager.ready())


@metrics_router.get("/metrics", include_in_schema=False)
async def prometheus(manager: Manager) -> Response:
    """Return the metrics in the Prometheus text format."""
    return Response(await manager.backend.render_metrics(), media_type=metrics.MEDIA_TYPE)


@router.get("/info", response_model=Info, tags=["about"])
async def info(manager: Manager) -> Response:
    """Return the model, its devices, settings and measured error rates."""
    return json_response(manager.info())


@router.get("/languages", response_model=LanguageList, tags=["about"])
async def languages(manager: Manager) -> Response:
    """Return the languages: phonemes, notations, measured error rates, licence, attribution."""
    return json_response(manager.languages())


@router.post(
    "/admin/reload",
    response_model=ModelName,
    dependencies=[Depends(require_key)],
    tags=["admin"],
)
async def reload(manager: Manager) -> Response:
    """Reload artifacts and lexicons from disk; if a self-check fails, the old ones stay in use.

    Needs an API key; disabled if none is configured. SIGHUP does the same.
    """
    return json_response(await manager.reload())

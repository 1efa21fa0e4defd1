"""What is being served, and how it is replaced while the service runs."""

from __future__ import annotations

from fastapi import Depends
from starlette.responses import Response

from tanger.service.routing import Manager, json_response, make_router, require_key
from tanger.service.schemas import Info, ModelName

router = make_router()


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

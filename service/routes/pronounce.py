"""The routes /pronounce and /pronounce/{word}; what they do stands in `pronounce_handler`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from tanger.service import pronounce_handler, representations
from tanger.service.middleware.answer_pieces import PiecewiseResponse
from tanger.service.pronounce_handler import RawAnswer
from tanger.service.request_body import RawRequest
from tanger.service.routing import TIMEOUT_HEADER, Manager, Raw, RawRoute, json_body, make_router
from tanger.service.schemas import Options, PronounceRequest, PronounceResponse

router = make_router("pronounce")
_NOT_MODIFIED = {"description": "What is kept is still right."}


async def pronounce(request: Request) -> Response:
    """Pronounce words: a result for each, in their order, whatever becomes of the others."""
    raw = RawRequest(request.scope, request.receive)
    return _response(await pronounce_handler.pronounce(request.app.state.manager, raw))


router.add_api_route(
    "/pronounce",
    pronounce,
    methods=["POST"],
    route_class_override=RawRoute,
    response_model=PronounceResponse,
    responses=representations.DESCRIBED,
    openapi_extra=json_body(PronounceRequest) | TIMEOUT_HEADER,
)


@router.get(
    "/pronounce/{word:text}",
    response_model=PronounceResponse,
    responses=representations.DESCRIBED | {304: _NOT_MODIFIED},
    openapi_extra=TIMEOUT_HEADER,
)
async def pronounce_word(
    manager: Manager, raw: Raw, word: str, options: Annotated[Options, Query()]
) -> Response:
    """Pronounce one word, percent-encoded. `If-None-Match` spares an answer that is known."""
    return _response(await pronounce_handler.pronounce_word(manager, raw, word, options))


def _response(answer: RawAnswer) -> Response:
    if answer.parts is None:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=answer.headers)
    return PiecewiseResponse(
        answer.parts,
        headers=answer.headers,
        media_type=answer.media_type,
        reservations=answer.reservations,
    )

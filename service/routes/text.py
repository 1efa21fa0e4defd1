"""The route /text; what it does stands in `text_handler`."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from tanger.service import text_handler
from tanger.service.middleware.answer_pieces import PiecewiseResponse
from tanger.service.request_body import RawRequest
from tanger.service.routing import TIMEOUT_HEADER, RawRoute, json_body, make_router
from tanger.service.schemas import TextRequest, TextResponse

router = make_router("text")

_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/jsonl": {
                "schema": {"type": "string", "description": "A line a sentence, as in JSON."}
            },
            "text/tab-separated-values": {
                "schema": {
                    "type": "string",
                    "description": "A line a word: the word, its pronunciation, the kind of its "
                    "token, and the token.",
                }
            },
            "text/plain": {"schema": {"type": "string", "description": "The pronunciation alone."}},
        }
    }
}


async def text(request: Request) -> Response:
    """Read a text and pronounce its words: numbers, abbreviations, acronyms and all."""
    raw = RawRequest(request.scope, request.receive)
    answer = await text_handler.text(request.app.state.manager, raw)
    return PiecewiseResponse(
        answer.parts or (),
        headers=answer.headers,
        media_type=answer.media_type,
        reservations=answer.reservations,
    )


router.add_api_route(
    "/text",
    text,
    methods=["POST"],
    route_class_override=RawRoute,
    response_model=TextResponse,
    responses=_DESCRIBED,
    openapi_extra=json_body(TextRequest) | TIMEOUT_HEADER,
)

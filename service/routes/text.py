"""The route /text, handled by `text_handler`."""

from __future__ import annotations

from typing import Any

from tanger.service import text_handler
from tanger.service.routing import TIMEOUT_HEADER, add_raw_route, json_body, make_router
from tanger.service.schemas import TextRequest, TextResponse

router = make_router("text")

_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/jsonl": {
                "schema": {
                    "type": "string",
                    "description": "A JSON object per line, one for each sentence.",
                }
            },
            "text/tab-separated-values": {
                "schema": {
                    "type": "string",
                    "description": "A line per word: the word, its pronunciation, the kind of its "
                    "token, and the token.",
                }
            },
            "text/plain": {"schema": {"type": "string", "description": "The pronunciation only."}},
        }
    }
}


def text() -> None:
    """Pronounce the words of a text, including numbers, abbreviations and acronyms."""


add_raw_route(
    router,
    "/text",
    text,
    text_handler.text,
    methods=["POST"],
    response_model=TextResponse,
    responses=_DESCRIBED,
    openapi_extra=json_body(TextRequest) | TIMEOUT_HEADER,
)

"""The routes /pronounce, /pronounce/{word} and /text: what the OpenAPI document says of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from tanger.service import pronounce_handler, representations, text_handler
from tanger.service.routing import TIMEOUT_HEADER, add_raw_route, json_body, make_router
from tanger.service.schemas import (
    Options,
    PronounceRequest,
    PronounceResponse,
    TextRequest,
    TextResponse,
)

router = make_router("pronounce")
text_router = make_router("text")
_NOT_MODIFIED = {"description": "The stored response is still valid."}
_TEXT_RESPONSE: dict[int | str, dict[str, Any]] = {
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


def pronounce() -> None:
    """Pronounce words: a result for each, in order; an error for one does not affect others."""


def pronounce_word(word: str, options: Annotated[Options, Query()]) -> None:
    """Pronounce one percent-encoded word. With `If-None-Match`, a known response is not resent."""


add_raw_route(
    router,
    "/pronounce",
    pronounce,
    pronounce_handler.pronounce,
    methods=["POST"],
    response_model=PronounceResponse,
    responses=representations.DESCRIBED,
    openapi_extra=json_body(PronounceRequest) | TIMEOUT_HEADER,
)
add_raw_route(
    router,
    "/pronounce/{word:text}",
    pronounce_word,
    pronounce_handler.pronounce_word,
    methods=["GET"],
    response_model=PronounceResponse,
    responses=representations.DESCRIBED | {304: _NOT_MODIFIED},
    openapi_extra=TIMEOUT_HEADER,
)


def text() -> None:
    """Pronounce the words of a text, including numbers, abbreviations and acronyms."""


add_raw_route(
    text_router,
    "/text",
    text,
    text_handler.text,
    methods=["POST"],
    response_model=TextResponse,
    responses=_TEXT_RESPONSE,
    openapi_extra=json_body(TextRequest) | TIMEOUT_HEADER,
)

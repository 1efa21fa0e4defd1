"""The routes /pronounce and /pronounce/{word}, handled by `pronounce_handler`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from tanger.service import pronounce_handler, representations
from tanger.service.routing import TIMEOUT_HEADER, add_raw_route, json_body, make_router
from tanger.service.schemas import Options, PronounceRequest, PronounceResponse

router = make_router("pronounce")
_NOT_MODIFIED = {"description": "The stored response is still valid."}


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

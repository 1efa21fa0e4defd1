r"""Content negotiation (RFC 9110, 12.5.1), and responses in the negotiated media type.

- JSON: the whole response; the default.
- JSON Lines: one result per line, in the order of the request.
- Tab-separated: one pronunciation per line, in three fields: the word as it was sent, the
  pronunciation in the requested alphabet, and a note on the word, which is mostly empty. A word
  without a pronunciation has one line, with an empty second field and the error as third. A tab, a
  line end or a backslash within a field is written ``\t``, ``\n``, ``\r``, ``\\``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import mimeparse

from tanger.model import lexicon
from tanger.service.request_body import RawRequest
from tanger.service.schemas import ModelName, Options
from tanger.service.serving import rendering

MediaType = Literal[
    "application/json", "application/jsonl", "text/tab-separated-values", "text/plain"
]
JSON: MediaType = "application/json"
_OFFERED: tuple[MediaType, ...] = (JSON, "application/jsonl", "text/tab-separated-values")

# Content-Type of each media type in responses
CONTENT_TYPES: Mapping[MediaType, bytes] = {
    JSON: b"application/json",
    "application/jsonl": b"application/jsonl",
    "text/tab-separated-values": b"text/tab-separated-values; charset=utf-8",
    "text/plain": b"text/plain; charset=utf-8",
}

# Descriptions of the media types other than JSON in the OpenAPI document
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/jsonl": {
                "schema": {
                    "type": "string",
                    "description": "A JSON object per line, one for each word.",
                }
            },
            "text/tab-separated-values": {
                "schema": {
                    "type": "string",
                    "description": "A line per pronunciation: the word as sent, the "
                    "pronunciation (empty if there is none), and errors or warnings.",
                }
            },
        }
    }
}


class NotAcceptableError(Exception):
    """The request accepts none of the media types that are available."""

    def __init__(self, accept: str, offered: Sequence[str]) -> None:
        super().__init__(f"Accept: {accept[:80]} takes none of {', '.join(offered)}")


def choose(request: RawRequest, offered: tuple[MediaType, ...] = _OFFERED) -> MediaType:
    """Return the media type that the request's ``Accept`` prefers; the first among equals.

    Args:
        request: the request.
        offered: the available media types, the default first.

    Raises:
        NotAcceptableError: if it accepts none of them.
    """
    accept = request.header(b"accept")
    if accept is None or accept == "*/*":
        return offered[0]
    accept = ", ".join(request.fields(b"accept"))
    chosen = _chosen(accept, offered)
    if chosen is None:
        raise NotAcceptableError(accept, offered)
    return chosen


def needed(options: Options, media_type: MediaType) -> Options:
    """Return the options without alignments, which are large, if the media type omits them."""
    if options.alignment and media_type == "text/tab-separated-values":
        return options.model_copy(update={"alignment": False})
    return options


@lru_cache(maxsize=256)
def _chosen(accept: str, offered: tuple[MediaType, ...]) -> MediaType | None:
    """Return the media type for an ``Accept`` (short: see `middleware.request_head`), or None."""
    if not accept.strip(" \t,"):
        return offered[0]
    try:
        # `best_match` prefers the last among equals
        best = mimeparse.best_match(offered[::-1], accept.lower())
    except mimeparse.MimeTypeParseException:
        return None
    return next((media_type for media_type in offered if media_type == best), None)


def tagged(tag: str, media_type: MediaType) -> str:
    """Return the entity tag of a response in this media type, from that of its content."""
    return tag if media_type == JSON else f'{tag[:-1]}-{media_type.rpartition("/")[2]}"'


def form_of(media_type: MediaType) -> Callable[[str], bytes]:
    """Return the function that encodes a result (see `schemas`) in this media type."""
    return _FORMS[media_type]


def parts(model: ModelName, results: Sequence[bytes], media_type: MediaType) -> Sequence[bytes]:
    """Return the parts of the response body, in order.

    Args:
        model: the model that produced the results.
        results: encoded by the function of `form_of`.
        media_type: of the response.
    """
    return rendering.response(model, results) if media_type == JSON else results


def _line(result: str) -> bytes:
    return f"{result}\n".encode()


def _rows(result: str) -> bytes:
    found = json.loads(result)
    notes = list(found["warnings"])
    if (error := found["error"]) is not None:
        notes = [f"{error['code']}: {error['message']}", *notes]
    texts = [pronunciation["text"] for pronunciation in found["pronunciations"]] or [""]
    rows = ((found["word"], text, "; ".join(notes)) for text in texts)
    return "".join(map(lexicon.tsv_line, rows)).encode()


_FORMS: Mapping[MediaType, Callable[[str], bytes]] = {
    JSON: str.encode,
    "application/jsonl": _line,
    "text/tab-separated-values": _rows,
}


# ------------------------------------------------------------------------------------------------
# Conditional requests (RFC 9110, 13)


def matches(if_none_match: str | None, tag: str) -> bool:
    """Return whether the header ``If-None-Match`` matches a tag, by weak comparison (13.1.2)."""
    given = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return tag in given or given == ["*"]

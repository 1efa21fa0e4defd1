r"""In which form a request wants its answer (RFC 9110, 12.5.1), and the answer in that form.

- JSON: the whole answer, for whoever does not say.
- JSON Lines: the whole result of a word a line, in the order of the request.
- Tab-separated: a line a pronunciation, of three fields: the word as it was sent, the pronunciation
  in the alphabet that was asked for, and what is to be told of the word, which is mostly nothing. A
  word without a pronunciation has one line, its second field empty, its third the error. A tab, a
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

# As answers name them
CONTENT_TYPES: Mapping[MediaType, bytes] = {
    JSON: b"application/json",
    "application/jsonl": b"application/jsonl",
    "text/tab-separated-values": b"text/tab-separated-values; charset=utf-8",
    "text/plain": b"text/plain; charset=utf-8",
}

# What the OpenAPI document says of them beside JSON
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/jsonl": {
                "schema": {"type": "string", "description": "A line a word: its whole result."}
            },
            "text/tab-separated-values": {
                "schema": {
                    "type": "string",
                    "description": "A line a pronunciation: the word as it was sent, the "
                    "pronunciation (empty where there is none), and errors or warnings.",
                }
            },
        }
    }
}


class NotAcceptableError(Exception):
    """A request for an answer in a form that there is not."""

    def __init__(self, accept: str, offered: Sequence[str]) -> None:
        super().__init__(f"Accept: {accept[:80]} takes none of {', '.join(offered)}")


def choose(request: RawRequest, offered: tuple[MediaType, ...] = _OFFERED) -> MediaType:
    """The form that the request's ``Accept`` likes best; the first among equals.

    Args:
        request: which says what it accepts.
        offered: the forms that there are, the default first.

    Raises:
        NotAcceptableError: where it takes none of them.
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
    """The options, without what this form does not show: alignments fill most of an answer."""
    if options.alignment and media_type == "text/tab-separated-values":
        return options.model_copy(update={"alignment": False})
    return options


@lru_cache(maxsize=256)
def _chosen(accept: str, offered: tuple[MediaType, ...]) -> MediaType | None:
    """The form for an ``Accept``, which is short (see `middleware.request_head`); None of ours."""
    if not accept.strip(" \t,"):
        return offered[0]
    try:
        # The last of equals wins
        best = mimeparse.best_match(offered[::-1], accept.lower())
    except mimeparse.MimeTypeParseException:
        return None
    return next((media_type for media_type in offered if media_type == best), None)


def tagged(tag: str, media_type: MediaType) -> str:
    """The entity tag of an answer in this form, from that of the answer."""
    return tag if media_type == JSON else f'{tag[:-1]}-{media_type.rpartition("/")[2]}"'


def form_of(media_type: MediaType) -> Callable[[str], bytes]:
    """What makes a result (see `schemas`) part of a body in this form."""
    return _FORMS[media_type]


def parts(model: ModelName, results: Sequence[bytes], media_type: MediaType) -> Sequence[bytes]:
    """The parts of the body, in order.

    Args:
        model: which answers.
        results: as `form_of` makes them.
        media_type: the form.
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
    return "".join("\t".join(map(lexicon.escape_tsv, fields)) + "\n" for fields in rows).encode()


_FORMS: Mapping[MediaType, Callable[[str], bytes]] = {
    JSON: str.encode,
    "application/jsonl": _line,
    "text/tab-separated-values": _rows,
}


# ------------------------------------------------------------------------------------------------
# Conditional requests (RFC 9110, 13): an answer that the other side has is not sent again.


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the header ``If-None-Match`` names this entity tag, by weak comparison (13.1.2)."""
    given = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return tag in given or given == ["*"]

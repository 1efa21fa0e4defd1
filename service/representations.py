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
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import mimeparse
from starlette.requests import Request

from model.lexicon import tsv
from service import told
from service.headers import header
from service.problems import NotAcceptableError
from service.schemas import ModelName

MediaType = Literal["application/json", "application/jsonl", "text/tab-separated-values"]
JSON: MediaType = "application/json"
_LINES: tuple[MediaType, ...] = ("application/jsonl", "text/tab-separated-values")

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


def choose(request: Request) -> MediaType:
    """The form that the request's ``Accept`` likes best; JSON among equals.

    Raises:
        NotAcceptableError: where it takes none of them.
    """
    accept = header(request, b"accept")
    if accept is None or accept == "*/*":
        return JSON
    return _chosen(", ".join(request.headers.getlist("Accept")))


@lru_cache(maxsize=256)
def _chosen(accept: str) -> MediaType:
    if not accept.strip(" \t,"):
        return JSON
    try:
        # The last of equals wins
        best = mimeparse.best_match([*reversed(_LINES), JSON], accept.lower())
    except mimeparse.MimeTypeParseException:
        best = ""
    for media_type in (JSON, *_LINES):
        if media_type == best:
            return media_type
    raise NotAcceptableError(accept, (JSON, *_LINES))


def tagged(tag: str, media_type: MediaType) -> str:
    """The entity tag of an answer in this form, from that of the answer."""
    return tag if media_type == JSON else f'{tag[:-1]}-{media_type.rpartition("/")[2]}"'


def render(model: ModelName, results: Sequence[str], media_type: MediaType) -> str:
    """The body.

    Args:
        model: which answers.
        results: as `service.told` has them.
        media_type: the form.
    """
    if media_type == "application/json":
        return told.response(model, results)
    if media_type == "application/jsonl":
        return "".join(f"{result}\n" for result in results)
    return "".join(line for result in results for line in _rows(json.loads(result)))


def _rows(result: Mapping[str, Any]) -> Iterator[str]:
    notes = list(result["warnings"])
    if (error := result["error"]) is not None:
        notes = [f"{error['code']}: {error['message']}", *notes]
    for text in [said["text"] for said in result["pronunciations"]] or [""]:
        fields = (result["word"], text, "; ".join(notes))
        yield "\t".join(map(tsv.escape, fields)) + "\n"

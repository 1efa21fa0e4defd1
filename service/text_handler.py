"""What answers /text: from a request's head and body to the parts of its answer.

Like `pronounce_handler`, it needs no web framework.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from tanger.model import lexicon
from tanger.model.text import texts
from tanger.model.text.texts import PronouncedToken
from tanger.service import representations
from tanger.service.pronounce_handler import RawAnswer, left, read_body, timeout_of, timing
from tanger.service.representations import MediaType
from tanger.service.request_body import (
    RawRequest,
    cancel_on_disconnect,
    read_no_query,
    shutdown_as_503,
)
from tanger.service.schemas import TextRequest
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.text_job import TextJob, Tokens

_PLAIN: MediaType = "text/plain"
_OFFERED: tuple[MediaType, ...] = (
    representations.JSON, "application/jsonl", "text/tab-separated-values", _PLAIN,
)  # fmt: skip


async def text(manager: ModelManager, request: RawRequest) -> RawAnswer:
    """Read and pronounce the text of a body.

    Args:
        manager: what answers.
        request: of which nothing has been read.

    Raises:
        Exception: what `problems.TABLE` lists, and ClientDisconnect.
    """
    with shutdown_as_503():
        read_no_query(request)
        media_type = representations.choose(request, _OFFERED)
        due = time.monotonic() + timeout_of(manager, request)
        requested = await read_body(manager, request, TextRequest)
        job = await manager.begin_text(requested.text, requested, left(due))
        try:
            if job.words.missing:
                decoding = manager.decode(job.words, timeout=left(due))
                await cancel_on_disconnect(request, decoding)
            headers = {
                "Server-Timing": timing(job.words),
                "X-Model-Version": job.words.model.version,
                "Vary": "Accept",
            }
            parts = await _FORMS[media_type](job, await job.pronounced())
            return RawAnswer(headers, media_type, parts, job.words.reservations)
        except BaseException:
            job.words.reservations.close()
            raise
        finally:
            manager.metrics.count_errors(job.words.error_codes)


# ------------------------------------------------------------------------------------------------
# The answer in each form: its parts, in order.


async def _json(job: TextJob, tokens: Sequence[Tokens]) -> list[bytes]:
    line = await job.line(tokens)
    warnings: dict[str, None] = {}

    def render(some: Tokens) -> bytes:
        for each in some:
            warnings.update(dict.fromkeys(each.warnings))
        shown = [texts.token_dict(each, job.alphabet) for each in some]
        some.clear()  # piece by piece: to free all at once would take long
        return msgspec.json.encode(shown)[1:-1]

    pieces = await job.render(render, tokens)
    head = msgspec.json.encode(
        {
            "model": job.words.model.model_dump(),
            "text": job.text,
            "spoken": line.spoken,
            "pronunciation": line.pronunciation,
        }
    )
    parts = [head[:-1] + b',"tokens":[']
    parts += [piece if number == 0 else b"," + piece for number, piece in enumerate(pieces)]
    return [*parts, b'],"warnings":' + msgspec.json.encode(list(warnings)) + b"}"]


async def _lines(job: TextJob, tokens: Sequence[Tokens]) -> list[bytes]:
    """A sentence a line."""

    def render(sentence: Tokens) -> bytes:
        line = texts.PronouncedLine(job.alphabet, punctuation=job.punctuation)
        line.add(sentence)
        text = "".join(each.token.text for each in sentence)
        found = texts.PronouncedText(text, line.spoken, line.pronunciation, tuple(sentence))
        sentence.clear()
        return msgspec.json.encode(found.to_dict(job.alphabet)) + b"\n"

    return await job.render(render, tokens)


def _drained(tokens: Iterable[Tokens]) -> Iterator[PronouncedToken]:
    """All tokens; what was taken is let go, so that it is not freed all at once."""
    for some in tokens:
        yield from some
        some.clear()


async def _rows(job: TextJob, tokens: Sequence[Tokens]) -> list[bytes]:
    """A word a line."""
    return await job.render(partial(_rows_of, job), tokens)


def _rows_of(job: TextJob, tokens: Tokens) -> bytes:
    rows = (row for each in _drained([tokens]) for row in texts.rows(each, job.alphabet))
    return "".join("\t".join(map(lexicon.escape_tsv, row)) + "\n" for row in rows).encode()


async def _plain(job: TextJob, tokens: Sequence[Tokens]) -> list[bytes]:
    """The pronunciation alone."""
    line = await job.line(tokens)
    await job.render(_let_go, tokens)
    return [f"{line.pronunciation}\n".encode()]


def _let_go(tokens: Tokens) -> bytes:
    tokens.clear()
    return b""


_FORMS: Mapping[MediaType, Callable[[TextJob, Sequence[Tokens]], Awaitable[list[bytes]]]] = {
    "application/json": _json,
    "application/jsonl": _lines,
    "text/tab-separated-values": _rows,
    "text/plain": _plain,
}

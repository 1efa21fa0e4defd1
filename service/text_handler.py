"""Handler of /text: from a request's head and body to the parts of the response.

Like `pronounce_handler`, it is independent of the web framework.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

import msgspec

from tanger.model import lexicon
from tanger.model.phonology.notation import Alphabet
from tanger.model.text import texts
from tanger.service import representations
from tanger.service.pronounce_handler import (
    RawAnswer,
    job_headers,
    left,
    model_headers,
    read_body,
    timeout_of,
)
from tanger.service.representations import MediaType
from tanger.service.request_body import (
    RawRequest,
    cancel_on_disconnect,
    read_no_query,
    shutdown_as_503,
)
from tanger.service.schemas import TextRequest
from tanger.service.serving import text_pricing
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.text_job import Price, TextJob, Tokens

_PLAIN: MediaType = "text/plain"
_OFFERED: tuple[MediaType, ...] = (
    representations.JSON, "application/jsonl", "text/tab-separated-values", _PLAIN,
)  # fmt: skip


async def text(manager: ModelManager, request: RawRequest) -> RawAnswer:
    """Read and pronounce the text of a request body.

    Args:
        manager: of the models.
        request: whose body has not been read.

    Raises:
        Exception: those in `problems.TABLE`, and ClientDisconnect.
    """
    with shutdown_as_503():
        read_no_query(request)
        media_type = representations.choose(request, _OFFERED)
        due = time.monotonic() + timeout_of(manager, request)
        requested = await read_body(manager, request, TextRequest)
    if media_type == "application/jsonl":
        return await _stream(manager, request, requested, due)
    form = _FORMS[media_type]
    with shutdown_as_503():
        options = requested if form.aligned else requested.model_copy(update={"alignment": False})
        price = text_pricing.aligned_json_bytes if options.alignment else form.price
        job = await manager.begin_text(requested.text, options, price, left(due))
        headers = model_headers(request, options.language, job.words.model)
        try:
            await _decode(manager, request, job, left(due))
            parts = await form.render(job)
            await asyncio.sleep(0)  # freeing the job and sending take a turn, too
            headers += job_headers(job.words)
            return RawAnswer(headers, media_type, parts, job.words.reservation)
        except BaseException:
            job.words.release()
            raise
        finally:
            manager.metrics.count_errors(job.words.error_codes)


async def _decode(
    manager: ModelManager,
    request: RawRequest,
    job: TextJob,
    timeout: float,
    *,
    patient: bool = False,
) -> None:
    """Decode the missing words of a job, unless the client disconnects (see `decode`)."""
    if job.words.missing:
        decoding = manager.decode(job.words, timeout=timeout, patient=patient)
        await cancel_on_disconnect(request, decoding)


# ------------------------------------------------------------------------------------------------
# Streaming: one sentence per line, passage by passage


class _Clock:
    """The time that is left for the work on a streamed response.

    It stands while the client reads: how slowly it may do that, the connections decide.
    """

    def __init__(self, due: float) -> None:
        """Start it.

        Args:
            due: deadline of the work, by `time.monotonic`.
        """
        self._due = due

    def left(self) -> float:
        """Return the seconds that are left."""
        return left(self._due)

    def extend(self, seconds: float) -> None:
        """Add time during which it stood."""
        self._due += seconds


async def _stream(
    manager: ModelManager, request: RawRequest, requested: TextRequest, due: float
) -> RawAnswer:
    """Start a streamed response with the first passage; errors before it get their own status."""
    with shutdown_as_503():
        language = await manager.language(requested.language, timeout=left(due))
    lines = _lines(manager, request, requested, _Clock(due))
    first = await anext(lines, b"")
    headers = [
        *model_headers(request, requested.language, language.pronouncer.model),
        (b"vary", b"Accept"),
    ]
    return RawAnswer(headers, "application/jsonl", [first], None, lines)


async def _lines(
    manager: ModelManager, request: RawRequest, requested: TextRequest, clock: _Clock
) -> AsyncGenerator[bytes]:
    """Yield the lines of one passage after another.

    Later passages wait while queue or buffers are full: what came before would be lost on the
    client.
    """
    begun = False
    price = text_pricing.aligned_json_bytes if requested.alignment else text_pricing.json_bytes
    with shutdown_as_503():
        passages = manager.passages(requested.text, requested, price, clock.left)
        async with aclosing(passages):
            async for job in passages:
                try:
                    await asyncio.sleep(0)  # freeing the passage before took time of this turn
                    await _decode(manager, request, job, clock.left(), patient=begun)
                    begun = True
                    lines = await job.render(partial(_line, job))
                    handed_over = time.monotonic()
                    yield b"".join(lines)
                    clock.extend(time.monotonic() - handed_over)
                finally:
                    job.words.release()
                    manager.metrics.count_errors(job.words.error_codes)


def _line(job: TextJob, sentence: Tokens) -> bytes:
    line = texts.PronouncedLine(job.alphabet, punctuation=job.punctuation)
    line.add(sentence)
    text = "".join(each.token.text for each in sentence)
    found = texts.PronouncedText(text, line.spoken, line.pronunciation, tuple(sentence))
    return msgspec.json.encode(found.to_dict(job.alphabet)) + b"\n"


# ------------------------------------------------------------------------------------------------
# The parts of an unstreamed response in each media type


async def _json(job: TextJob) -> list[bytes]:
    line = texts.PronouncedLine(job.alphabet, punctuation=job.punctuation)
    warnings: dict[str, None] = {}

    def render(tokens: Tokens) -> bytes:
        line.add(tokens)
        warnings.update(dict.fromkeys(note for each in tokens for note in each.warnings))
        listed = msgspec.json.encode([texts.token_dict(each, job.alphabet) for each in tokens])
        return b"," + listed[1:-1]

    pieces = await job.render(render)
    head = msgspec.json.encode(
        {
            "model": job.words.model.model_dump(),
            "text": job.text,
            "spoken": line.spoken,
            "pronunciation": line.pronunciation,
        }
    )
    first = head[:-1] + b',"tokens":[' + b"".join(pieces[:1])[1:]
    return [first, *pieces[1:], b'],"warnings":' + msgspec.json.encode(list(warnings)) + b"}"]


async def _rows(job: TextJob) -> list[bytes]:
    """Return one row per word."""
    return await job.render(partial(_rows_of, job.alphabet))


def _rows_of(alphabet: Alphabet, tokens: Tokens) -> bytes:
    rows = (row for each in tokens for row in texts.rows(each, alphabet))
    return "".join(map(lexicon.tsv_line, rows)).encode()


async def _plain(job: TextJob) -> list[bytes]:
    """Return the pronunciation only."""
    line = texts.PronouncedLine(job.alphabet, punctuation=job.punctuation)

    def render(tokens: Tokens) -> bytes:
        line.add(tokens)
        return b""

    await job.render(render)
    return [f"{line.pronunciation}\n".encode()]


class _Form(NamedTuple):
    """A media type of unstreamed responses.

    Attributes:
        render: makes the parts of the response, in order.
        price: estimates the bytes of a token.
        aligned: whether it includes alignments.
    """

    render: Callable[[TextJob], Awaitable[list[bytes]]]
    price: Price
    aligned: bool = False


_FORMS: Mapping[MediaType, _Form] = {
    "application/json": _Form(_json, text_pricing.json_bytes, aligned=True),
    "text/tab-separated-values": _Form(_rows, text_pricing.row_bytes),
    "text/plain": _Form(_plain, text_pricing.line_bytes),
}

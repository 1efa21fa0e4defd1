"""What answers /pronounce: from a request's head and body to the parts of its answer.

No web framework is needed here: a route mounts this, and so can any other ASGI application.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from tanger.service import representations
from tanger.service.connections.limits import Hold
from tanger.service.representations import MediaType
from tanger.service.request_body import (
    M,
    RawRequest,
    cancel_on_disconnect,
    read_json,
    read_no_query,
    read_query,
    read_timeout,
    shutdown_as_503,
)
from tanger.service.schemas import Options, PronounceRequest
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.pronouncer import PronounceJob

Headers = list[tuple[bytes, bytes]]

_FROM_CACHE = (b"server-timing", b"cache")
_VARY = (b"vary", b"Accept")
_DEFAULTS = Options()


@dataclass(slots=True)
class RawAnswer:
    """An answer with status 200, and its body in parts; or with status 304, and none.

    Attributes:
        headers: besides the type and the length of its body; names in lower case.
        media_type: of the body.
        parts: of the body, in order; None where the client has the answer already.
        reservation: room that is kept for it; to be released when it is sent, or cannot be.
        more: what comes after the parts, as it is ready; with it, the length is not known before.
    """

    headers: Headers
    media_type: MediaType
    parts: Sequence[bytes] | None
    reservation: Hold | None
    more: AsyncGenerator[bytes] | None = None


async def pronounce(manager: ModelManager, request: RawRequest) -> RawAnswer:
    """Pronounce the words of a body: a result for each, in their order.

    Args:
        manager: what answers.
        request: of which nothing has been read.

    Raises:
        Exception: what `problems.TABLE` lists, and ClientDisconnect.
    """
    with shutdown_as_503():
        read_no_query(request)
        media_type = representations.choose(request)
        due = time.monotonic() + timeout_of(manager, request)
        requested = await read_body(manager, request, PronounceRequest)
        options = representations.needed(requested, media_type)
        if (known := manager.known(requested.words, options)) is not None:
            return _known(manager, known, media_type, ())
        # The body may have been long in coming
        job = await manager.begin(requested.words, options, left(due))
        return await _finish(manager, request, job, media_type, due, ())


async def pronounce_word(manager: ModelManager, request: RawRequest) -> RawAnswer:
    """Pronounce the word in the path, unless the client has the answer already (RFC 9110, 13).

    Args:
        manager: what answers.
        request: without a body; its options are query parameters.

    Raises:
        Exception: what `problems.TABLE` lists, and ClientDisconnect.
    """
    word = request.path_params["word"]
    options = read_query(request, Options) if request.query else _DEFAULTS
    media_type = representations.choose(request)
    timeout = timeout_of(manager, request)
    due = time.monotonic() + timeout
    tag = await manager.etag(word, options, timeout=timeout)
    tag = representations.tagged(tag, media_type)
    # What somebody's next correction may change has to be requested each time
    seconds = 0 if manager.corrigible(options) else manager.settings.cache_seconds
    # Whether caches that several people share may keep it (RFC 9111, 5.2.2)
    shared = "private" if manager.keys else "public"
    fresh = (
        (b"etag", tag.encode()),
        (b"cache-control", f"{shared}, max-age={seconds}".encode()),
    )
    if representations.matches(request.header(b"if-none-match"), tag):
        version = manager.current.pronouncer.model.version
        headers = [*fresh, _VARY, (b"x-model-version", version.encode())]
        return RawAnswer(headers, media_type, None, None)
    options = representations.needed(options, media_type)
    if (known := manager.known([word], options)) is not None:
        return _known(manager, known, media_type, fresh)
    with shutdown_as_503():
        job = await manager.begin([word], options, left(due))
        return await _finish(manager, request, job, media_type, due, fresh)


async def read_body(manager: ModelManager, request: RawRequest, model: type[M]) -> M:
    """The body of a request within the settings' limits.

    Raises:
        Exception: as `request_body.read_json`.
    """
    settings = manager.settings
    return await read_json(
        request,
        model,
        limit=settings.max_body,
        seconds=settings.body_timeout,
        budget=manager.buffers,
    )


def timeout_of(manager: ModelManager, request: RawRequest) -> float:
    """Seconds that a request may take.

    Raises:
        InvalidRequestError: as `read_timeout`.
    """
    settings = manager.settings
    return read_timeout(request, default=settings.timeout, limit=settings.max_timeout)


def left(due: float) -> float:
    """Seconds until the time `due`, by `time.monotonic`."""
    return max(0.0, due - time.monotonic())


async def _finish(
    manager: ModelManager,
    request: RawRequest,
    job: PronounceJob,
    media_type: MediaType,
    due: float,
    fresh: Sequence[tuple[bytes, bytes]],
) -> RawAnswer:
    """The answer to an admitted request; what is reserved for it is free once it is sent.

    Args:
        manager: what answers.
        request: whose body is read.
        job: what it takes.
        media_type: of the answer.
        due: when it has to be there, by `time.monotonic`.
        fresh: headers of an answer that may be kept, for where none of it has failed.
    """
    try:
        if job.missing:
            await cancel_on_disconnect(request, manager.decode(job, timeout=left(due)))
        headers = job_headers(job)
        if not job.decoding_failed:
            headers += fresh
        results = await job.results(representations.form_of(media_type))
        parts = representations.parts(job.model, results, media_type)
        return RawAnswer(headers, media_type, parts, job.reservation)
    except BaseException:
        job.release()
        raise
    finally:
        manager.metrics.count_errors(job.error_codes)


def _known(
    manager: ModelManager,
    results: Sequence[str],
    media_type: MediaType,
    fresh: Sequence[tuple[bytes, bytes]],
) -> RawAnswer:
    """The answer of results that were in the cache."""
    model = manager.current.pronouncer.model
    headers = [_FROM_CACHE, (b"x-model-version", model.version.encode()), _VARY, *fresh]
    form = representations.form_of(media_type)
    parts = representations.parts(model, [form(result) for result in results], media_type)
    return RawAnswer(headers, media_type, parts, None)


def job_headers(job: PronounceJob) -> Headers:
    """The headers of every answer that words were pronounced for."""
    return [
        (b"server-timing", timing(job).encode()),
        (b"x-model-version", job.model.version.encode()),
        _VARY,
    ]


def timing(job: PronounceJob) -> str:
    """What the answer took (W3C Server Timing, milliseconds)."""
    took = job.answered
    if took.batch:
        return (
            f"queue;dur={1e3 * took.queued:.3f}, decode;dur={1e3 * took.decoding:.3f}, "
            f'batch;desc="{took.batch}"'
        )
    if job.known:
        return "cache"
    return "lexicon" if job.looked_up else "rules"

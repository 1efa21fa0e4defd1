"""Handler of /pronounce: from a request's head and body to the parts of the response.

It is independent of the web framework: any ASGI application can use it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from tanger.service import representations
from tanger.service.connections.limits import Reservation
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
from tanger.service.schemas import ModelName, Options, PronounceRequest
from tanger.service.serving.manager import ModelManager
from tanger.service.serving.pronouncer import PronounceJob

Headers = list[tuple[bytes, bytes]]

_FROM_CACHE = (b"server-timing", b"cache")
_VARY = (b"vary", b"Accept")
_DEFAULTS = Options()


@dataclass(slots=True)
class RawAnswer:
    """A response with status 200 and a body in parts, or with status 304 and no body.

    Attributes:
        headers: other than Content-Type and Content-Length; names in lower case.
        media_type: of the body.
        parts: of the body, in order; None for 304, if the client has the response already.
        reservation: its share of the budget; released when it was sent, or cannot be sent.
        more: yields further parts as they are ready; the length is unknown then.
    """

    headers: Headers
    media_type: MediaType
    parts: Sequence[bytes] | None
    reservation: Reservation | None
    more: AsyncGenerator[bytes] | None = None


async def pronounce(manager: ModelManager, request: RawRequest) -> RawAnswer:
    """Pronounce the words of a request body; the response has a result for each, in order.

    Args:
        manager: of the models.
        request: whose body has not been read.

    Raises:
        Exception: those in `problems.TABLE`, and ClientDisconnect.
    """
    with shutdown_as_503():
        read_no_query(request)
        media_type = representations.choose(request)
        due = time.monotonic() + timeout_of(manager, request)
        requested = await read_body(manager, request, PronounceRequest)
        options = representations.needed(requested, media_type)
        if (known := manager.known(requested.words, options)) is not None:
            return _known(request, options, *known, media_type, ())
        # Reading the body may have taken some of the time
        job = await manager.begin(requested.words, options, left(due))
        headers = model_headers(request, options.language, job.model)
        return await _finish(manager, request, job, media_type, due, headers, ())


async def pronounce_word(manager: ModelManager, request: RawRequest) -> RawAnswer:
    """Pronounce the word in the path, unless the client has a valid response (RFC 9110, 13).

    Args:
        manager: of the models.
        request: without a body; its options are query parameters.

    Raises:
        Exception: those in `problems.TABLE`, and ClientDisconnect.
    """
    word = request.path_params["word"]
    options = read_query(request, Options) if request.query else _DEFAULTS
    media_type = representations.choose(request)
    timeout = timeout_of(manager, request)
    due = time.monotonic() + timeout
    with shutdown_as_503():
        tag, model, corrigible = await manager.etag(word, options, timeout=timeout)
    headers = model_headers(request, options.language, model)
    tag = representations.tagged(tag, media_type)
    # A response that the next change of the user lexicon may affect has to be revalidated
    seconds = 0 if corrigible else manager.settings.cache_seconds
    # Whether shared caches may store it (RFC 9111, 5.2.2)
    shared = "private" if manager.keys else "public"
    fresh = (
        (b"etag", tag.encode()),
        (b"cache-control", f"{shared}, max-age={seconds}".encode()),
    )
    if representations.matches(request.header(b"if-none-match"), tag):
        return RawAnswer([*fresh, _VARY, *headers], media_type, None, None)
    options = representations.needed(options, media_type)
    if (known := manager.known([word], options)) is not None:
        return _known(request, options, *known, media_type, fresh)
    with shutdown_as_503():
        job = await manager.begin([word], options, left(due))
        headers = model_headers(request, options.language, job.model)
        return await _finish(manager, request, job, media_type, due, headers, fresh)


async def read_body(manager: ModelManager, request: RawRequest, model: type[M]) -> M:
    """Read the body of a request within the limits of the settings.

    Raises:
        Exception: see `request_body.read_json`.
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
    """Return the seconds that a request may take.

    Raises:
        InvalidRequestError: see `read_timeout`.
    """
    settings = manager.settings
    return read_timeout(request, default=settings.timeout, limit=settings.max_timeout)


def left(due: float) -> float:
    """Return the seconds until the time `due` of `time.monotonic`."""
    return max(0.0, due - time.monotonic())


async def _finish(
    manager: ModelManager,
    request: RawRequest,
    job: PronounceJob,
    media_type: MediaType,
    due: float,
    named: Headers,
    fresh: Sequence[tuple[bytes, bytes]],
) -> RawAnswer:
    """Complete an admitted request; its reservation is released once the response is sent.

    Args:
        manager: of the models.
        request: whose body has been read.
        job: the work for it.
        media_type: of the response.
        due: deadline, by `time.monotonic`.
        named: the result of `model_headers`.
        fresh: headers of a cacheable response, which are added if no word failed.
    """
    try:
        if job.missing:
            await cancel_on_disconnect(request, manager.decode(job, timeout=left(due)))
        headers = [*named, *job_headers(job)]
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
    request: RawRequest,
    options: Options,
    model: ModelName,
    results: Sequence[str],
    media_type: MediaType,
    fresh: Sequence[tuple[bytes, bytes]],
) -> RawAnswer:
    """Return the response for results from the cache."""
    headers = [_FROM_CACHE, *model_headers(request, options.language, model), _VARY, *fresh]
    form = representations.form_of(media_type)
    parts = representations.parts(model, [form(result) for result in results], media_type)
    return RawAnswer(headers, media_type, parts, None)


def job_headers(job: PronounceJob) -> Headers:
    """Return further headers of every response with pronunciations."""
    return [(b"server-timing", timing(job).encode()), _VARY]


def model_headers(request: RawRequest, requested: str | None, model: ModelName) -> Headers:
    """Return the headers that name the model, and the language if one was requested.

    The log line of the request names the language, too.

    Args:
        request: the request.
        requested: the language that it names.
        model: the one that answers.
    """
    version = (b"x-model-version", model.version.encode())
    if requested is None:
        return [version]
    request.state["language"] = model.language
    return [version, (b"content-language", model.language.encode())]


def timing(job: PronounceJob) -> str:
    """Return the header value of Server-Timing (W3C; milliseconds)."""
    took = job.answered
    if took.batch:
        return (
            f"queue;dur={1e3 * took.queued:.3f}, decode;dur={1e3 * took.decoding:.3f}, "
            f'batch;desc="{took.batch}"'
        )
    if job.known:
        return "cache"
    return "lexicon" if job.looked_up else "rules"

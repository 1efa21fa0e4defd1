"""Problem details (RFC 9457) of failed requests, and the table from exceptions to statuses."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from tanger.model import artifact_folders
from tanger.model.artifact_checks import ArtifactError
from tanger.model.artifact_folders import INSTALLED
from tanger.model.language_tags import LanguageError, lookup
from tanger.model.lexicon import EntryError
from tanger.model.phonology.alignment import AlignmentError
from tanger.model.phonology.notation import AlphabetError, StressError
from tanger.model.text.resolution import TextError
from tanger.model.text.ssml import SSMLError
from tanger.service.api_keys import UnauthorizedError
from tanger.service.connections.limits import BuffersFullError
from tanger.service.errors import (
    PROBLEM_MEDIA_TYPE,
    REQUEST_ID,
    RETRY_AFTER,
    ForbiddenError,
    InvalidRequestError,
    UnavailableError,
)
from tanger.service.middleware.browsers import CrossOriginError
from tanger.service.middleware.request_head import HeaderTooLargeError, QueryTooLongError
from tanger.service.representations import NotAcceptableError
from tanger.service.request_body import (
    BodyTooLargeError,
    ContentCodingError,
    NotJSONError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from tanger.service.schemas import Problem, ProblemError
from tanger.service.serving.pool import WorkerLostError
from tanger.service.serving.queue_items import DeadlineError, QueueFullError
from tanger.service.serving.reloading import ReloadError
from tanger.service.user_lexicon.errors import (
    NoEntryError,
    UserLexiconBusyError,
    UserLexiconError,
    UserLexiconStorageError,
)
from tanger.service.user_lexicon.read_only import ReadOnlyLexiconError
from tanger.service.user_lexicon.store import FullEntryError

log = logging.getLogger("tanger")

# Not an HTTP status: nginx's code in logs for a client that closed the connection
_CLIENT_CLOSED_REQUEST = 499


@dataclass(frozen=True)
class Kind:
    """The problem type of an exception."""

    status: HTTPStatus
    code: str
    retry: bool = False


TABLE: Mapping[type[Exception], Kind] = {
    NotJSONError: Kind(HTTPStatus.BAD_REQUEST, "not_json"),
    CrossOriginError: Kind(HTTPStatus.BAD_REQUEST, "cross_origin"),
    UnauthorizedError: Kind(HTTPStatus.UNAUTHORIZED, "unauthorized"),
    ForbiddenError: Kind(HTTPStatus.FORBIDDEN, "off"),
    NotAcceptableError: Kind(HTTPStatus.NOT_ACCEPTABLE, "not_acceptable"),
    RequestTimeoutError: Kind(HTTPStatus.REQUEST_TIMEOUT, "body_too_slow"),
    BodyTooLargeError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large"),
    HeaderTooLargeError: Kind(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "header_too_large"),
    QueryTooLongError: Kind(HTTPStatus.REQUEST_URI_TOO_LONG, "query_too_long"),
    UnsupportedMediaTypeError: Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json_type"),
    ContentCodingError: Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed"),
    InvalidRequestError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    AlphabetError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    AlignmentError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    LanguageError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    TextError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    SSMLError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    StressError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    QueueFullError: Kind(HTTPStatus.TOO_MANY_REQUESTS, "queue_full", retry=True),
    UnavailableError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", retry=True),
    BuffersFullError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "buffers_full", retry=True),
    WorkerLostError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "worker_lost", retry=True),
    DeadlineError: Kind(HTTPStatus.GATEWAY_TIMEOUT, "deadline_missed", retry=True),
    NoEntryError: Kind(HTTPStatus.NOT_FOUND, "no_entry"),
    EntryError: Kind(HTTPStatus.CONFLICT, "format_cannot_hold"),
    FullEntryError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "entry_full"),
    UserLexiconError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "user_lexicon_failed", retry=True),
    UserLexiconBusyError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "user_lexicon_busy", retry=True),
    UserLexiconStorageError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "user_lexicon_storage", retry=True
    ),
    ReadOnlyLexiconError: Kind(HTTPStatus.CONFLICT, "user_lexicon_read_only"),
    ReloadError: Kind(HTTPStatus.CONFLICT, "reload_failed"),
}


async def handle_error(request: Request, error: Exception) -> Response:
    """Return the problem response for an exception in the table, or a subclass of one.

    Raises:
        Exception: the error itself, if it is neither.
    """
    if isinstance(error, ClientDisconnect):
        return await handle_disconnect(request, error)
    kind = next((TABLE[each] for each in type(error).__mro__ if each in TABLE), None)
    if kind is None:
        raise error
    headers = {}
    if kind.retry:
        seconds = getattr(error, "retry_after", RETRY_AFTER)
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ContentCodingError):
        headers["Accept-Encoding"] = "identity"  # RFC 9110, 12.5.3
    if isinstance(error, BodyTooLargeError | BuffersFullError | RequestTimeoutError):
        headers["Connection"] = "close"  # the rest of the body is not read
    errors = error.errors if isinstance(error, InvalidRequestError) else ()
    detail = str(error)
    if isinstance(error, LanguageError) and _is_installed(error.requested):
        detail += "; tanger comes with it: name its artifact in TANGER_ARTIFACTS of the service"
    return _problem(request, kind.status, kind.code, detail, errors, headers)


def _is_installed(language: str) -> bool:
    """Return whether an artifact that comes with tanger speaks a language."""
    return lookup(language, _installed_codes()) is not None


@lru_cache(maxsize=1)
def _installed_codes() -> tuple[str, ...]:
    """Return the tags of the installed artifacts; none if they cannot be read."""
    try:
        found = map(artifact_folders.language_of, artifact_folders.folders(INSTALLED))
        return tuple(code for each in found for code in artifact_folders.codes(each))
    except (OSError, ArtifactError):
        return ()


async def last_line(request: Request, error: Exception) -> bytes:
    """Return the problem as the last line of a JSON Lines response that began with status 200."""
    try:
        response = await handle_error(request, error)
    except Exception as e:
        # Nobody raises it again, so its traceback is logged here
        log.error("request %s failed in its stream", request.state.request_id, exc_info=e)
        response = await handle_internal_error(request, e)
    return bytes(response.body) + b"\n" if response.body else b""


async def handle_validation_error(request: Request, error: Exception) -> Response:
    """Return the problem for query parameters and headers that FastAPI found invalid."""
    assert isinstance(error, RequestValidationError)
    return await handle_error(request, InvalidRequestError.of(error.errors()))


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Return the problem for an error of the router: unknown route or method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "_")
    path = request.scope["path"][:200]
    detail = f"no {request.method} {path} here; /openapi.json lists what there is"
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return _problem(request, status, code, detail, (), headers)


def _methods(request: Request) -> set[str]:
    """Return the methods of all routes for the path; the router only reports those of the first."""
    methods = set[str]()
    for route in request.app.routes:
        matched, _ = route.matches(request.scope)
        if matched is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return methods | ({"HEAD"} if "GET" in methods else set())


async def handle_disconnect(request: Request, error: Exception) -> Response:
    """Return a response for a client that has disconnected; it is neither received nor logged."""
    del request, error
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def handle_internal_error(request: Request, error: Exception) -> Response:
    """Return the problem for an internal error; its cause is logged, not sent to the client."""
    log.error("request %s failed: %r", request.state.request_id, error)
    detail = "this is a fault of the service, not of the request; its log says more"
    # Starlette sends this one outside of all middleware
    headers = {REQUEST_ID: request.state.request_id}
    return _problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail, (), headers)


def _problem(
    request: Request,
    status: HTTPStatus,
    code: str,
    detail: str,
    errors: tuple[ProblemError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    problem = Problem(
        title=status.phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=request.state.request_id,
        errors=errors,
    )
    return Response(problem.model_dump_json(), status, headers, PROBLEM_MEDIA_TYPE)

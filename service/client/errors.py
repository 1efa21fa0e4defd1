"""Exceptions of the client, made from the service's problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

import httpx
from pydantic import ValidationError

from tanger.model import TangerError
from tanger.service.schemas import Problem, ProblemError


class ClientError(TangerError):
    """Base class of errors of the client.

    Attributes:
        request_id: ID of the request in the service's log, the same for every attempt.
        attempts: how often the request was sent.
    """

    def __init__(self, message: str, *, request_id: str, attempts: int = 1) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.attempts = attempts


class NoAnswerError(ClientError):
    """No response: the connection failed or broke, or the time ran out.

    The httpx exception is its ``__cause__``.
    """


class BadAnswerError(ClientError):
    """The response is not valid: it is from another server, or from another version."""


class StatusError(ClientError):
    """The service refused a request.

    Attributes:
        status: HTTP status.
        code: machine-readable reason, such as ``queue_full``; empty if a proxy responded.
        detail: what is wrong, and what to do.
        errors: the faults in the request, with their locations.
        retry_after: seconds of the Retry-After header, if there was one.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str,
        errors: tuple[ProblemError, ...],
        retry_after: float | None,
        request_id: str,
    ) -> None:
        faults = "; ".join(f"{error.where}: {error.message}" for error in errors)
        # For an invalid request, the service's detail already lists the faults
        text = detail if faults in detail else f"{detail}: {faults}"
        super().__init__(f"{status} {text}".strip(), request_id=request_id)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class InvalidRequestError(StatusError):
    """400 or 422: options, words or headers are invalid; see `errors`."""


class UnauthorizedError(StatusError):
    """401: the API key is missing or wrong."""


class ForbiddenError(StatusError):
    """403: the feature is disabled in this service."""


class NotFoundError(StatusError):
    """404: there is no such entry, or no such route."""


class TooLargeError(StatusError):
    """413: the request has too many bytes."""


class QueueFullError(StatusError):
    """429: the queue was full until the retries were used up."""


class UnavailableError(StatusError):
    """503: the service was starting, draining or without a worker until retries were used up."""


class TimedOutError(StatusError):
    """504: the request would have exceeded its timeout."""


_BY_STATUS: dict[int, type[StatusError]] = {
    HTTPStatus.BAD_REQUEST: InvalidRequestError,
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLargeError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidRequestError,
    HTTPStatus.TOO_MANY_REQUESTS: QueueFullError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
    HTTPStatus.GATEWAY_TIMEOUT: TimedOutError,
}


def of_answer(answer: httpx.Response, *, request_id: str, retry_after: float | None) -> StatusError:
    """Return the exception for an error response; `code` is empty if a proxy responded."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return _BY_STATUS.get(answer.status_code, StatusError)(
            status=answer.status_code,
            code="",
            detail=f"{answer.reason_phrase}: {answer.text[:200]}",
            errors=(),
            retry_after=retry_after,
            request_id=request_id,
        )
    return of_problem(problem, answer.status_code, retry_after=retry_after)


def of_problem(problem: Problem, status: int, *, retry_after: float | None = None) -> StatusError:
    """Return the exception for a problem of the service."""
    return _BY_STATUS.get(status, StatusError)(
        status=status,
        code=problem.code,
        detail=problem.detail,
        errors=problem.errors,
        retry_after=retry_after,
        request_id=problem.request_id,
    )

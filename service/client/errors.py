"""What the client raises: the service's problem details (RFC 9457) as exceptions."""

from __future__ import annotations

from http import HTTPStatus

import httpx
from pydantic import ValidationError

from tanger.model import TangerError
from tanger.service.schemas import Problem, ProblemError


class ClientError(TangerError):
    """A request that was not answered as it should have been.

    Attributes:
        request_id: what the service's log calls it, the same for every attempt.
        attempts: how often it was sent.
    """

    def __init__(self, message: str, *, request_id: str, attempts: int = 1) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.attempts = attempts


class NoAnswerError(ClientError):
    """No answer came: no connection, one that broke, or none in time.

    What httpx met with is the cause.
    """


class BadAnswerError(ClientError):
    """An answer came that tanger's service does not give: another server, or another version."""


class StatusError(ClientError):
    """The service refused.

    Attributes:
        status: of HTTP.
        code: why, for programs: ``queue_full``; empty where something in between answered.
        detail: what is wrong, and what to do.
        errors: the faults in the request, with their places.
        retry_after: seconds after which the service wants to be asked again, where it said so.
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
        attempts: int = 1,
    ) -> None:
        faults = "; ".join(f"{error.where}: {error.message}" for error in errors)
        # The service's own detail of an invalid request is the list of its faults
        text = detail if faults in detail else f"{detail}: {faults}"
        super().__init__(f"{status} {text}".strip(), request_id=request_id, attempts=attempts)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class InvalidRequestError(StatusError):
    """400 or 422: options, words or headers that the service does not take; see `errors`."""


class UnauthorizedError(StatusError):
    """401: the API key is missing or wrong."""


class ForbiddenError(StatusError):
    """403: what was asked for is off here."""


class NotFoundError(StatusError):
    """404: there is no such entry, or no such route."""


class TooLargeError(StatusError):
    """413: more bytes than a request may have."""


class QueueFullError(StatusError):
    """429: too much is waiting, to the end of the request's patience."""


class UnavailableError(StatusError):
    """503: starting, draining or without a worker, to the end of the request's patience."""


class TimedOutError(StatusError):
    """504: it would have taken longer than the request's timeout."""


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


def of_answer(
    answer: httpx.Response, *, request_id: str, retry_after: float | None, attempts: int
) -> StatusError:
    """The exception for an answer that is no success; proxies' own pages have no code."""
    kind = _BY_STATUS.get(answer.status_code, StatusError)
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        problem = None
    return kind(
        status=answer.status_code,
        code=problem.code if problem else "",
        detail=problem.detail if problem else f"{answer.reason_phrase}: {answer.text[:200]}",
        errors=problem.errors if problem else (),
        retry_after=retry_after,
        request_id=problem.request_id if problem else request_id,
        attempts=attempts,
    )

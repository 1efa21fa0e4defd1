"""Decide when a request is retried, and when it is given up."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from tanger.service.client import errors
from tanger.service.client.errors import ClientError, NoAnswerError, StatusError

# Statuses that are retried, except for a word that crashed two decoding processes: it would crash
# two more.
_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_DEADLY = "worker_lost"
# Without a connection, nothing can have arrived
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Errors that a retry would meet again
_HOPELESS = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Retries:
    """When and how often to retry.

    Attributes:
        deadline: seconds for one request, including all attempts and waits.
        attempts: most times that it is sent.
        first_wait: most seconds of the first wait if the service sends no Retry-After; the limit
            doubles with each further wait.
        longest_wait: upper limit of these waits, in seconds.
    """

    deadline: float = 60.0
    attempts: int = 6
    first_wait: float = 0.2
    longest_wait: float = 10.0


class Attempts:
    """The attempts of one request."""

    def __init__(self, retries: Retries, request_id: str, *, deletes: bool = False) -> None:
        """Start the clock.

        Args:
            retries: when to retry.
            request_id: ID of the request. It must be idempotent, since it is sent again if it is
                unknown whether it has arrived.
            deletes: whether it is a DELETE.
        """
        self.request_id = request_id
        self._retries = retries
        self._deletes = deletes
        self._attempts = 0
        self._lost = False
        self._end = time.monotonic() + retries.deadline

    @property
    def time_left(self) -> float:
        """Return the seconds left until the deadline."""
        return max(0.001, self._end - time.monotonic())

    def is_done(self, answer: httpx.Response) -> bool:
        """Return whether the response is a success.

        A 404 for a DELETE is one if the response to an earlier attempt was lost.
        """
        gone = self._deletes and self._lost and answer.status_code == HTTPStatus.NOT_FOUND
        return answer.is_success or gone

    def refusal(self, answer: httpx.Response) -> StatusError:
        """Return the exception for an error response."""
        seconds = retry_after(answer.headers)
        return errors.of_answer(answer, request_id=self.request_id, retry_after=seconds)

    def after_refusal(self, error: StatusError) -> float:
        """Return the seconds to wait before the next attempt after the service has refused one.

        Raises:
            StatusError: if the request is given up.
        """
        self._attempts += 1
        error.attempts = self._attempts
        # A stopping service may still carry out a request that it answers with 503
        self._lost = self._lost or error.status == HTTPStatus.SERVICE_UNAVAILABLE
        if error.status not in _AGAIN or error.code == _DEADLY:
            raise error
        return self._wait(error, error.retry_after or 0.0)

    def after_failure(self, failure: httpx.RequestError) -> float:
        """Return the seconds to wait before the next attempt after a connection error.

        Raises:
            NoAnswerError: if the request is given up.
        """
        self._attempts += 1
        error = NoAnswerError(
            f"no answer from the service: {failure or type(failure).__name__}",
            request_id=self.request_id,
            attempts=self._attempts,
        )
        error.__cause__ = failure
        self._lost = self._lost or not isinstance(failure, _NOT_SENT)
        if isinstance(failure, _HOPELESS):
            raise error
        return self._wait(error, 0.0)

    def _wait(self, error: ClientError, least: float) -> float:
        """Return a wait of at least `least` seconds plus random jitter."""
        retries = self._retries
        ceiling = min(retries.longest_wait, retries.first_wait * 2 ** (self._attempts - 1))
        wait = least + random.uniform(0, ceiling)
        if self._attempts >= retries.attempts or wait >= self._end - time.monotonic():
            raise error
        return wait


def retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds of a Retry-After header, in either of its forms (RFC 9110, 10.2.3).

    A date is relative to the response's Date header, if it has one. Returns None if the header is
    missing or invalid.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        then = parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None
    try:
        now = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except ValueError:
        now = time.time()
    return max(0.0, then - now)

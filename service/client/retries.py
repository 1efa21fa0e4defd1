"""When a request is sent again, and when it is given up."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from tanger.service.client import errors
from tanger.service.client.errors import ClientError, NoAnswerError

# What may be otherwise the next time, but for a word that two decoding processes died of: it would
# have two more of them die.
_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_DEADLY = "worker_lost"
# Nothing can have arrived where there was no connection.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# What would go wrong the next time, too.
_HOPELESS = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Retries:
    """How patient a client is.

    Attributes:
        deadline: seconds for one request, all its attempts and waits included.
        attempts: how often it is sent at most.
        first_wait: seconds that the first wait takes at most, where the service does not say
            Retry-After; each further one may take twice as long as the one before.
        longest_wait: seconds that none of these goes beyond.
    """

    deadline: float = 60.0
    attempts: int = 6
    first_wait: float = 0.2
    longest_wait: float = 10.0


class Pursuit:
    """One request on its way through its attempts."""

    def __init__(self, retries: Retries, request_id: str, *, deletes: bool = False) -> None:
        """Start the clock.

        Args:
            retries: how patient to be.
            request_id: of the request, which sent twice does what it does when sent once: it may be
                sent again where nobody knows whether it has arrived.
            deletes: it does away with something.
        """
        self.request_id = request_id
        self._retries = retries
        self._deletes = deletes
        self._attempts = 0
        self._lost = False
        self._end = time.monotonic() + retries.deadline

    @property
    def time_left(self) -> float:
        """Seconds."""
        return max(0.001, self._end - time.monotonic())

    def is_done(self, answer: httpx.Response) -> bool:
        """Whether the answer says that all went well.

        What is not there was done away with where an earlier answer has been lost.
        """
        gone = self._deletes and self._lost and answer.status_code == HTTPStatus.NOT_FOUND
        return answer.is_success or gone

    def after_refusal(self, answer: httpx.Response) -> float:
        """Seconds to wait before the next attempt, when the answer was no success.

        Raises:
            StatusError: where there is to be none.
        """
        self._attempts += 1
        seconds = retry_after(answer.headers)
        error = errors.of_answer(
            answer, request_id=self.request_id, retry_after=seconds, attempts=self._attempts
        )
        # A service that stops may yet do what it does not answer for any more
        self._lost = self._lost or answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        if answer.status_code not in _AGAIN or error.code == _DEADLY:
            raise error
        return self._wait(error, seconds or 0.0)

    def after_failure(self, failure: httpx.RequestError) -> float:
        """Seconds to wait before the next attempt, when no answer came.

        Raises:
            NoAnswerError: where there is to be none.
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
        """At least what the service asked for; on top of it, chance keeps clients apart."""
        retries = self._retries
        ceiling = min(retries.longest_wait, retries.first_wait * 2 ** (self._attempts - 1))
        wait = least + random.uniform(0, ceiling)
        if self._attempts >= retries.attempts or wait >= self._end - time.monotonic():
            raise error
        return wait


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that a Retry-After asks for, in either of its forms (RFC 9110, 10.2.3).

    A date is measured by the answer's own clock, where it has one. None where there is no such
    header, or none that can be read.
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

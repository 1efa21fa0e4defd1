"""What several parts of the service raise about a request, and what all their answers share.

Other exceptions stand in the module that raises them; `problems` has the table from each to a
status.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from starlette.requests import Request
from starlette.responses import Response

from tanger.service.schemas import ProblemError

# Of a problem (RFC 9457)
PROBLEM_MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "X-Request-ID"
# How soon a client should come back where nothing better is known, in seconds.
RETRY_AFTER = 1.0
# A body can hold a fault in every other byte; the first few say what is wrong.
MAX_FAULTS = 20
# Messages in place of pydantic's, which do not tell what to do.
_MESSAGES = {"extra_forbidden": "not known here; /openapi.json lists what there is"}

# The problem for an exception, as middleware answers it before there is a route: `problems.known`
Respond = Callable[[Request, Exception], Awaitable[Response]]


class ForbiddenError(Exception):
    """A request for what is off here."""


class UnavailableError(Exception):
    """No worker can take a request now.

    Attributes:
        state: why: starting, draining, no worker, or stopping.
    """

    def __init__(self, state: str) -> None:
        super().__init__(f"the service cannot answer now: {state}")
        self.state = state


class InvalidRequestError(Exception):
    """A request of the wrong shape or with values that are not known.

    Attributes:
        errors: the faults, with their places.
    """

    def __init__(self, *errors: ProblemError) -> None:
        super().__init__("; ".join(f"{error.where}: {error.message}" for error in errors))
        self.errors = errors

    @classmethod
    def of(cls, faults: Sequence[Mapping[str, Any]], *place: str) -> Self:
        """For the first faults that pydantic found in what stands at `place`."""
        return cls(
            *(
                ProblemError(
                    where=".".join(map(str, (*place, *fault["loc"]))),
                    message=_MESSAGES.get(fault["type"], fault["msg"]),
                )
                for fault in faults[:MAX_FAULTS]
            )
        )

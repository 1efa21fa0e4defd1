"""Exceptions that several modules of the service raise, and constants of problem responses.

Other exceptions are defined in the modules that raise them; `problems` maps each to a status.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from starlette.requests import Request
from starlette.responses import Response

from tanger.service.schemas import ProblemError

# Media type of problem details (RFC 9457)
PROBLEM_MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "X-Request-ID"
# Default of Retry-After, in seconds
RETRY_AFTER = 1.0
# Most faults in a response: a body can have one in every other byte, and the first few suffice
MAX_FAULTS = 20
# Replacements of pydantic messages that do not tell what to do
_MESSAGES = {"extra_forbidden": "not known here; /openapi.json lists what there is"}

# Makes the problem response to an exception, before routing too; see `problems.handle_error`
Respond = Callable[[Request, Exception], Awaitable[Response]]


class ForbiddenError(Exception):
    """The requested feature is disabled in this service."""


class UnavailableError(Exception):
    """No worker can accept a request now.

    Attributes:
        state: the reason: starting, draining, no worker, or stopping.
    """

    def __init__(self, state: str) -> None:
        super().__init__(f"the service cannot answer now: {state}")
        self.state = state


class InvalidRequestError(Exception):
    """A request has a wrong structure or invalid values.

    Attributes:
        errors: the faults, with their locations.
    """

    def __init__(self, *errors: ProblemError) -> None:
        super().__init__("; ".join(f"{error.where}: {error.message}" for error in errors))
        self.errors = errors

    @classmethod
    def of(cls, faults: Sequence[Mapping[str, Any]], *place: str) -> Self:
        """Create an error from the first faults that pydantic found at the location `place`."""
        return cls(
            *(
                ProblemError(
                    where=".".join(map(str, (*place, *fault["loc"]))),
                    message=_MESSAGES.get(fault["type"], fault["msg"]),
                )
                for fault in faults[:MAX_FAULTS]
            )
        )

"""Limits of requests: one that exceeds them by itself is refused (422), not told to try again."""

from __future__ import annotations

from collections.abc import Sequence

from tanger.service.errors import InvalidRequestError
from tanger.service.info_schemas import Limits
from tanger.service.schemas import ProblemError
from tanger.service.serving.pricing import RequestCost
from tanger.service.settings import Settings


def check_words(words: Sequence[str], settings: Settings) -> None:
    """Refuse too many words.

    Raises:
        InvalidRequestError: if there are more than a request may have.
    """
    if len(words) > settings.max_words:
        fault = f"at most {settings.max_words} words a request, not {len(words)}"
        raise InvalidRequestError(ProblemError(where="body.words", message=fault))


def check_text(text: str, settings: Settings) -> None:
    """Refuse a text that is too long.

    Raises:
        InvalidRequestError: if it has more characters than a text may have.
    """
    if len(text) > settings.max_text:
        fault = f"at most {settings.max_text:,} characters, not {len(text):,}"
        raise InvalidRequestError(ProblemError(where="body.text", message=fault))


def check_cost(cost: RequestCost, settings: Settings, where: str, less: str) -> None:
    """Refuse a request that costs more than any may.

    Args:
        cost: of the request.
        settings: of the service.
        where: the field of the request that causes the cost.
        less: advice on how to reduce the cost.

    Raises:
        InvalidRequestError: if it exceeds a limit.
    """
    if cost.letters > settings.queue_letters:
        fault = (
            f"this request is as much work as decoding {cost.letters:,} letters, and one may "
            f"be {settings.queue_letters:,} (limits.queue_letters of /info): {less}"
        )
        raise InvalidRequestError(ProblemError(where=where, message=fault))
    if cost.response_bytes > settings.max_response:
        fault = (
            f"the answer would have about {cost.response_bytes:,} bytes, and one may have "
            f"{settings.max_response:,} (limits.response_bytes of /info): {less}"
        )
        raise InvalidRequestError(ProblemError(where=where, message=fault))


def limits(settings: Settings) -> Limits:
    """Return the limits of requests for `/info`."""
    return Limits(
        words=settings.max_words,
        letters=settings.max_letters,
        text=settings.max_text,
        body_bytes=settings.max_body,
        queue_letters=settings.queue_letters,
        response_bytes=settings.max_response,
        timeout_seconds=settings.timeout,
        max_timeout_seconds=settings.max_timeout,
    )

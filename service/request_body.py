"""Read a request's head and body within limits, and detect that the client has disconnected.

This works on plain ASGI messages, so that FastAPI's routes and raw routes can both use it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    MutableMapping,
)
from contextlib import contextmanager
from functools import cache
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from tanger.service.connections.limits import BODY_RECEIVED, ByteBudget, Reservation
from tanger.service.errors import MAX_FAULTS, InvalidRequestError, UnavailableError
from tanger.service.schemas import ProblemError

TIMEOUT = "X-Request-Timeout"
_TIMEOUT = TIMEOUT.lower().encode()
_JSON = "application/json"
# Bodies of this many bytes or more are checked before pydantic parses them
_LARGE_BODY = 1 << 14
# Seconds after which the first check is made whether the client is still connected
_FIRST_LOOK = 0.01
_NO_PARAMS: Mapping[str, str] = {}

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class RequestTimeoutError(Exception):
    """The request body did not arrive in time."""


class NotJSONError(Exception):
    """The request body is not JSON."""


class BodyTooLargeError(Exception):
    """The request body exceeds the limit; the rest was not read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a request's body may have at most {limit:,} bytes: send less at a time")


class UnsupportedMediaTypeError(Exception):
    """The Content-Type of the request body is not JSON."""


class ContentCodingError(Exception):
    """The request body is compressed, which is not supported."""

    def __init__(self, coding: str) -> None:
        super().__init__(f"send the body as it is, without Content-Encoding: {coding[:80]}")


class RawRequest:
    """An ASGI request.

    Attributes:
        headers: names in lower case and values, in order of arrival.
        query: the query string as it was sent.
        path_params: values of the parameters in the route's template.
        received: whether the whole body has arrived.
        state: of the request, with what its log line tells.
        receive: returns the next message: a part of the body, or a disconnect.
    """

    __slots__ = ("_first", "headers", "path_params", "query", "receive", "received", "state")

    def __init__(
        self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> None:
        """Wrap a request whose body has not been read.

        Args:
            scope: of ASGI.
            receive: of ASGI.
        """
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.query: bytes = scope["query_string"]
        self.path_params: Mapping[str, str] = scope.get("path_params", _NO_PARAMS)
        self.state: MutableMapping[str, Any] = scope.get("state") or {}
        self.received: bool = self.state.get(BODY_RECEIVED, False)
        self.receive = receive
        # Reversed, so that the first of several fields of a name wins
        self._first = dict(reversed(self.headers))

    def header(self, name: bytes) -> str | None:
        """Return the value of the first field of this name (in lower case), or None."""
        value = self._first.get(name)
        return None if value is None else value.decode("latin-1")

    def fields(self, name: bytes) -> list[str]:
        """Return the values of all fields of this name (in lower case)."""
        return [value.decode("latin-1") for each, value in self.headers if each == name]


async def read_json(
    request: RawRequest, model: type[M], *, limit: int, seconds: float, budget: ByteBudget
) -> M:
    """Read and validate the body of `request` as JSON of `model`.

    Args:
        request: whose body has not been read.
        model: the expected model.
        limit: most bytes.
        seconds: time within which it has to arrive.
        budget: limits the bytes of bodies that are buffered until they are parsed.

    Raises:
        RequestTimeoutError: if it does not arrive in time.
        BuffersFullError: if it is large and the budget is used up.
        UnsupportedMediaTypeError: if its Content-Type is not JSON.
        ContentCodingError: if it is compressed.
        BodyTooLargeError: if it exceeds `limit`; before reading if it has a Content-Length.
        NotJSONError: if it is not JSON.
        InvalidRequestError: if it is not a valid `model`.
    """
    given = request.header(b"content-type") or ""
    if given != _JSON and (media_type := given.partition(";")[0].strip().lower()) != _JSON:
        raise UnsupportedMediaTypeError(f"send Content-Type: {_JSON}, not {media_type or 'none'}")
    _check_head(request, limit)
    body = await _read_body(request, limit=limit, seconds=seconds, budget=budget)
    if len(body) > _LARGE_BODY:
        try:
            fault = first_fault(body, model)
        except ValueError as e:
            raise NotJSONError(str(e)) from e
        if fault is not None:
            raise InvalidRequestError(ProblemError(where="body", message=fault))
    try:
        # Strict: 1 and "yes" are not accepted as booleans
        return model.model_validate_json(body, strict=True)
    except ValidationError as e:
        raise _refusal(e) from e


async def _read_body(
    request: RawRequest, *, limit: int, seconds: float, budget: ByteBudget
) -> bytes:
    try:
        with budget.reserve() as reservation:
            if request.received:
                return await _collect(request, limit, reservation)
            async with asyncio.timeout(seconds):
                return await _collect(request, limit, reservation)
    except TimeoutError as e:
        raise RequestTimeoutError(f"the body did not come within {seconds:g} s") from e


async def _collect(request: RawRequest, limit: int, reservation: Reservation) -> bytes:
    """Read the whole body, counting its bytes against the budget."""
    piece, more = await _next_piece(request)
    _count(len(piece), limit, reservation)
    if not more:
        return piece
    body = bytearray(piece)
    while more:
        piece, more = await _next_piece(request)
        body += piece
        _count(len(body), limit, reservation)
    return bytes(body)


def _count(size: int, limit: int, reservation: Reservation) -> None:
    if size > limit:
        raise BodyTooLargeError(limit)
    reservation.resize(size)


async def _next_piece(request: RawRequest) -> tuple[bytes, bool]:
    """Return the next part of the body, and whether there are more.

    Raises:
        ClientDisconnect: if the client has disconnected.
    """
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


async def read_pieces(request: RawRequest, *, limit: int, seconds: float) -> AsyncIterator[bytes]:
    """Yield the body of `request` in parts.

    Args:
        request: whose body has not been read.
        limit: most bytes.
        seconds: time within which each part has to arrive.

    Raises:
        RequestTimeoutError: if a part does not arrive in time.
        ContentCodingError: if the body is compressed.
        BodyTooLargeError: if it exceeds `limit`; before reading if it has a Content-Length.
    """
    _check_head(request, limit)
    read, more = 0, True
    while more:
        try:
            async with asyncio.timeout(seconds):
                piece, more = await _next_piece(request)
        except TimeoutError as e:
            raise RequestTimeoutError(f"the body's next piece took over {seconds:g} s") from e
        read += len(piece)
        if read > limit:
            raise BodyTooLargeError(limit)
        yield piece


def _check_head(request: RawRequest, limit: int) -> None:
    """Refuse a body by its headers, before any of it is read."""
    coding = request.header(b"content-encoding")
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        raise ContentCodingError(coding)
    length = request.header(b"content-length") or ""
    if length.isdigit() and int(length) > limit:
        raise BodyTooLargeError(limit)


def read_timeout(request: RawRequest, *, default: float, limit: float) -> float:
    """Return the seconds that the request may take, from its header ``X-Request-Timeout``.

    Raises:
        InvalidRequestError: if it is not a number of seconds, or exceeds `limit`.
    """
    text = request.header(_TIMEOUT)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= limit:
        message = f"seconds, more than 0 and at most {limit:g}, not {text!r}"
        raise InvalidRequestError(ProblemError(where=f"header.{TIMEOUT}", message=message))
    return seconds


def read_query(request: RawRequest, model: type[M]) -> M:
    """Parse the query parameters as a `model`; of several with one name, the last counts.

    Raises:
        InvalidRequestError: if they are invalid.
    """
    values = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))
    try:
        return model.model_validate(values)
    except ValidationError as e:
        raise InvalidRequestError.of(e.errors(include_url=False), "query") from e


def read_no_query(request: RawRequest) -> None:
    """Check that there are no query parameters.

    Raises:
        InvalidRequestError: if there are any.
    """
    if not request.query:
        return
    names = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))
    if names:
        message = "this route takes its options in the body"
        raise InvalidRequestError(
            *(
                ProblemError(where=f"query.{name}", message=message)
                for name in islice(names, MAX_FAULTS)
            )
        )


def _refusal(error: ValidationError) -> Exception:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return NotJSONError(f"the body is not JSON: {faults[0]['msg']}")
    return InvalidRequestError.of(faults, "body")


async def cancel_on_disconnect(request: RawRequest, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` for a request whose body has been read; cancel it if the client disconnects.

    Raises:
        ClientDisconnect: if the client disconnects.
    """
    loop = asyncio.get_running_loop()
    disconnected = loop.create_future()
    watching: list[asyncio.Task[None]] = []
    # Most work is done before a check would be worth its cost
    look = loop.call_later(
        _FIRST_LOOK,
        lambda: watching.append(loop.create_task(_wait_for_disconnect(request, disconnected))),
    )
    try:
        with interrupted_by(disconnected):
            return await work
    except InterruptedWaitError as e:
        raise ClientDisconnect from e
    finally:
        look.cancel()
        for task in watching:
            task.cancel()


class shutdown_as_503:  # noqa: N801  # it reads as `contextlib.suppress` does
    """Context manager that turns a cancellation by the stopping server into a 503.

    Raises:
        UnavailableError: if the server cancelled the request.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Enter the context."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Replace the cancellation."""
        if isinstance(error, asyncio.CancelledError):
            raise UnavailableError("stopping") from error


async def _wait_for_disconnect(request: RawRequest, disconnected: asyncio.Future[None]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    if not disconnected.done():
        disconnected.set_result(None)


# ------------------------------------------------------------------------------------------------
# Waiting for one of two events without creating tasks


class InterruptedWaitError(Exception):
    """The other event came before the one that was waited for."""


@contextmanager
def interrupted_by(event: asyncio.Future[Any]) -> Iterator[None]:
    """Interrupt the body as soon as `event` is done, as `asyncio.timeout` does after a time.

    `asyncio.wait` for two tasks does the same at several times the cost.

    Raises:
        InterruptedWaitError: if the body was interrupted.
    """
    task = asyncio.current_task()
    assert task is not None
    others = task.cancelling()
    inside, came = True, False

    def interrupt(_: asyncio.Future[Any]) -> None:
        nonlocal came
        if inside:
            came = True
            task.cancel()

    event.add_done_callback(interrupt)
    try:
        yield
    except asyncio.CancelledError as e:
        # It may have been cancelled from elsewhere, too
        if came and task.uncancel() <= others:
            raise InterruptedWaitError from e
        raise
    finally:
        inside = False
        event.remove_done_callback(interrupt)


# ------------------------------------------------------------------------------------------------
# A check of large JSON bodies, whose cost does not depend on what is wrong with them


# Most bytes of a field other than a list of strings: numbers, flags and names
_FIELD_BYTES = 1024


def first_fault(body: bytes, model: type[BaseModel]) -> str | None:
    """Return what is wrong with the structure of a JSON `body`; None if pydantic may parse it.

    Raises:
        ValueError: if it is not JSON.
    """
    try:
        found = msgspec.json.decode(body, type=_shape(model))
    except msgspec.ValidationError as e:
        _check_syntax(body)
        return str(e)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise _not_json(e) from e
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, msgspec.Raw) and len(bytes(value)) > _FIELD_BYTES:
            return f"{name} has more than {_FIELD_BYTES:,} bytes"
    return None


def _check_syntax(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as e:
        raise _not_json(e) from e


def _not_json(error: Exception) -> ValueError:
    return ValueError(f"the body is not JSON: {error}")


@cache
def _shape(model: type[BaseModel]) -> type[msgspec.Struct]:
    """Return a struct with the strings and string lists of `model`, other fields as raw JSON."""
    fields: list[tuple[str, Any, Any]] = [
        (
            name,
            field.annotation if field.annotation in (str, list[str]) else msgspec.Raw,
            msgspec.UNSET,
        )
        for name, field in model.model_fields.items()
    ]
    return msgspec.defstruct(f"{model.__name__}Shape", fields, forbid_unknown_fields=True)

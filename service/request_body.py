"""A request, read with care: its head, its body, and whether its sender is still there.

It takes what ASGI gives to any application, so that it serves FastAPI's routes and whatever is
mounted in front of them alike.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from tanger.service.connections.limits import BODY_RECEIVED, ByteBudget, Hold
from tanger.service.errors import MAX_FAULTS, InvalidRequestError, UnavailableError
from tanger.service.schemas import ProblemError

TIMEOUT = "X-Request-Timeout"
_TIMEOUT = TIMEOUT.lower().encode()
_JSON = "application/json"
# Bytes from which on a body is looked at before pydantic reads it.
_LARGE_BODY = 1 << 14
# Seconds after which it is looked whether who asked is still there.
_FIRST_LOOK = 0.01
_NO_PARAMS: Mapping[str, str] = {}

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class RequestTimeoutError(Exception):
    """A request body that did not come in time."""


class NotJSONError(Exception):
    """A request body that is not JSON."""


class BodyTooLargeError(Exception):
    """A request body beyond the limit; it was read no further."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a request's body may have at most {limit:,} bytes: send less at a time")


class UnsupportedMediaTypeError(Exception):
    """A request body that does not say that it is JSON."""


class ContentCodingError(Exception):
    """A request body that is compressed."""

    def __init__(self, coding: str) -> None:
        super().__init__(f"send the body as it is, without Content-Encoding: {coding[:80]}")


class RawRequest:
    """A request as ASGI hands it over.

    Attributes:
        headers: names in lower case, and values, in the order in which they came.
        query: as it was sent.
        path_params: what the route's template names of the path.
        received: whether the whole body is here, so that nobody has to be waited for.
        receive: the next message: a piece of the body, or that the client has hung up.
    """

    __slots__ = ("_first", "headers", "path_params", "query", "receive", "received")

    def __init__(
        self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> None:
        """Take a request of which nothing has been read.

        Args:
            scope: ASGI's.
            receive: ASGI's.
        """
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.query: bytes = scope["query_string"]
        self.path_params: Mapping[str, str] = scope.get("path_params", _NO_PARAMS)
        self.received: bool = scope.get("state", _NO_PARAMS).get(BODY_RECEIVED, False)
        self.receive = receive
        # Of several fields of a name, the first is the last to get here
        self._first = dict(reversed(self.headers))

    def header(self, name: bytes) -> str | None:
        """The first field of this name, in lower case."""
        value = self._first.get(name)
        return None if value is None else value.decode("latin-1")

    def fields(self, name: bytes) -> list[str]:
        """All fields of this name, in lower case."""
        return [value.decode("latin-1") for each, value in self.headers if each == name]


async def read_json(
    request: RawRequest, model: type[M], *, limit: int, seconds: float, budget: ByteBudget
) -> M:
    """The body of `request` as a `model`.

    Args:
        request: of which nothing has been read.
        model: what it should be.
        limit: the most bytes.
        seconds: until it has to be here.
        budget: what it is counted against until it is read.

    Raises:
        RequestTimeoutError: where it is not.
        BuffersFullError: where it is large and the budget is spent.
        UnsupportedMediaTypeError, ContentCodingError: where it does not say that it is JSON, or
            that it is compressed.
        BodyTooLargeError: beyond `limit` bytes, before it is read where its length is told.
        NotJSONError, InvalidRequestError: as they say.
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
        # Strictly: what the document calls a boolean is no 1 and no "yes"
        return model.model_validate_json(body, strict=True)
    except ValidationError as e:
        raise _refusal(e) from e


async def _read_body(
    request: RawRequest, *, limit: int, seconds: float, budget: ByteBudget
) -> bytes:
    try:
        with budget.hold() as hold:
            if request.received:
                return await _collect(request, limit, hold)
            async with asyncio.timeout(seconds):
                return await _collect(request, limit, hold)
    except TimeoutError as e:
        raise RequestTimeoutError(f"the body did not come within {seconds:g} s") from e


async def _collect(request: RawRequest, limit: int, hold: Hold) -> bytes:
    """The whole body, counted against what all clients may have buffered."""
    piece, more = await _next_piece(request)
    _count(len(piece), limit, hold)
    if not more:
        return piece
    body = bytearray(piece)
    while more:
        piece, more = await _next_piece(request)
        body += piece
        _count(len(body), limit, hold)
    return bytes(body)


def _count(size: int, limit: int, hold: Hold) -> None:
    if size > limit:
        raise BodyTooLargeError(limit)
    hold.resize(size)


async def _next_piece(request: RawRequest) -> tuple[bytes, bool]:
    """The next piece of the body, and whether more come after it.

    Raises:
        ClientDisconnect: where the client has hung up.
    """
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


async def read_pieces(request: RawRequest, *, limit: int, seconds: float) -> AsyncIterator[bytes]:
    """The body of `request`, piece by piece.

    Args:
        request: of which nothing has been read.
        limit: the most bytes.
        seconds: until each piece has to be here.

    Raises:
        RequestTimeoutError: where one is not.
        ContentCodingError: where it is compressed.
        BodyTooLargeError: beyond `limit` bytes, before any is read where their number is told.
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
    """Refuse a body that the head says is of no use, before any of it is read."""
    coding = request.header(b"content-encoding")
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        raise ContentCodingError(coding)
    length = request.header(b"content-length") or ""
    if length.isdigit() and int(length) > limit:
        raise BodyTooLargeError(limit)


def read_timeout(request: RawRequest, *, default: float, limit: float) -> float:
    """Seconds that the request may take, by its header ``X-Request-Timeout``.

    Raises:
        InvalidRequestError: where it is no number of seconds, or beyond `limit`.
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
    """The query parameters as a `model`; of several with one name, the last.

    Raises:
        InvalidRequestError: where they are none.
    """
    values = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))
    try:
        return model.model_validate(values)
    except ValidationError as e:
        raise InvalidRequestError.of(e.errors(include_url=False), "query") from e


def read_no_query(request: RawRequest) -> None:
    """Take no query parameters.

    Raises:
        InvalidRequestError: where there are some.
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
    """Do `work` for a request whose body is read, and drop it when the client hangs up.

    Raises:
        ClientDisconnect: where it did; the work is cancelled.
    """
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    watching: list[asyncio.Task[None]] = []
    # Most work is done before a look would be worth its while
    look = loop.call_later(
        _FIRST_LOOK, lambda: watching.append(loop.create_task(_hang_up(request, gone)))
    )
    try:
        with interrupted_by(gone):
            return await work
    except InterruptedWaitError as e:
        raise ClientDisconnect from e
    finally:
        look.cancel()
        for task in watching:
            task.cancel()


class shutdown_as_503:  # noqa: N801  # it reads as `contextlib.suppress` does
    """Do what is inside for a request unless the server, out of patience, cancels it.

    Raises:
        UnavailableError: where it did, so that this request too gets a proper answer.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise the other error."""
        if isinstance(error, asyncio.CancelledError):
            raise UnavailableError("stopping") from error


async def _hang_up(request: RawRequest, gone: asyncio.Future[None]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    if not gone.done():
        gone.set_result(None)


# ------------------------------------------------------------------------------------------------
# Waiting for one thing unless another comes first, without a task for either.


class InterruptedWaitError(Exception):
    """What was waited for did not come before something else did."""


@contextmanager
def interrupted_by(event: asyncio.Future[Any]) -> Iterator[None]:
    """Leave what is inside as soon as `event` is done, as `asyncio.timeout` does when time is up.

    `asyncio.wait` for two tasks does the same at several times the price.

    Raises:
        InterruptedWaitError: where it was left so.
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
        # Somebody else may have cancelled it, too
        if came and task.uncancel() <= others:
            raise InterruptedWaitError from e
        raise
    finally:
        inside = False
        event.remove_done_callback(interrupt)


# ------------------------------------------------------------------------------------------------
# A first look at a large JSON body, at a cost that does not hang on what is wrong with it.


# Bytes that a field other than a list of texts may have: all of them are numbers, flags and names.
_FIELD_BYTES = 1024


def first_fault(body: bytes, model: type[BaseModel]) -> str | None:
    """What is wrong with the shape of `body` as JSON of `model`; None where pydantic may read it.

    Raises:
        ValueError: where it is not JSON.
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
    """The texts and lists of texts of `model` as such, its other fields as JSON not read."""
    fields: list[tuple[str, Any, Any]] = [
        (
            name,
            field.annotation if field.annotation in (str, list[str]) else msgspec.Raw,
            msgspec.UNSET,
        )
        for name, field in model.model_fields.items()
    ]
    return msgspec.defstruct(f"{model.__name__}Shape", fields, forbid_unknown_fields=True)

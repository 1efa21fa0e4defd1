"""Where a request begins and ends in what a client sends, and what is refused before it is one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from http import HTTPStatus

import httptools

from tanger.service.errors import PROBLEM_MEDIA_TYPE, REQUEST_ID, RETRY_AFTER
from tanger.service.schemas import Problem

# Longest request target, path and query as they are sent, in bytes: twice what RFC 9110, 4.1 asks
# for. To decode a path takes a millisecond for every 20,000 bytes, in which nobody else is heard.
MAX_TARGET = 1 << 14
# Most bytes of header fields, and most of them: proxies and browsers stay far below.
MAX_FIELDS_SIZE = 1 << 15
MAX_FIELDS = 256
# Longest request line and headers together
LONGEST_HEAD = MAX_TARGET + MAX_FIELDS_SIZE

# A request line without its target has fewer bytes
_REQUEST_LINE = 64
_LINE_END = b"\r\n"
_HEAD_END = 2 * _LINE_END
# A chunk's size, and extensions that nobody knows
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
# Most bytes of such a line, or of a trailer
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Refusal:
    """What a request is answered in place of the application."""

    status: HTTPStatus
    code: str
    detail: str
    retry: bool = False

    def render(self) -> tuple[str, bytes]:
        """The request's ID and the whole answer, which ends the connection."""
        problem = Problem(
            title=self.status.phrase,
            status=self.status,
            detail=self.detail,
            code=self.code,
            request_id=os.urandom(16).hex(),
        )
        body = problem.model_dump_json().encode()
        headers = {
            "Connection": "close",
            "Content-Type": PROBLEM_MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "X-Content-Type-Options": "nosniff",
            REQUEST_ID: problem.request_id,
        }
        if self.retry:
            headers["Retry-After"] = f"{RETRY_AFTER:.0f}"
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {self.status} {self.status.phrase}\r\n{''.join(lines)}\r\n"
        return problem.request_id, head.encode() + body


NOT_HTTP = Refusal(
    HTTPStatus.BAD_REQUEST,
    "not_http",
    "this is no HTTP/1.1: look at the request line (a known method in capitals; other characters "
    "than ASCII's percent-encoded) and at the headers (one Host among them)",
)
TARGET_TOO_LONG = Refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "target_too_long",
    f"a request's path and query have at most {MAX_TARGET:,} bytes, as they are sent: send longer "
    "texts in the body of POST /pronounce",
)
FIELDS_TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers_too_large",
    f"a request has at most {MAX_FIELDS} header fields, of {MAX_FIELDS_SIZE:,} bytes in all: send "
    "fewer or shorter ones",
)


def too_many_connections(limit: int) -> Refusal:
    """For a connection beyond the limit."""
    detail = f"{limit:,} connections are open already, and there may be no more: try again later"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", detail, retry=True)


def head_too_slow(seconds: float) -> Refusal:
    """For a head that did not come in time."""
    detail = f"the request's head did not come within {seconds:g} s"
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "head_too_slow", detail)


class RefusedError(Exception):
    """What a client sends is no request that may be handed on.

    Attributes:
        refusal: its answer.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Body:
    """A request's body, of the length that its head says (RFC 9112, 6.2)."""

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def complete(self) -> bool:
        """Whether all of it was taken."""
        return not self._left

    def take(self, data: bytearray) -> bytes:
        """Take from `data` what is this body's, and return what it says.

        Raises:
            RefusedError: where it cannot be a body.
        """
        piece = bytes(data[: self._left])
        self._left -= len(piece)
        del data[: len(piece)]
        return piece


class ChunkedBody(Body):
    """A body in chunks (RFC 9112, 7.1). Extensions and trailers are left out."""

    def __init__(self) -> None:
        super().__init__(0)  # of a chunk
        self._complete = False
        # Whether a chunk's line end comes next
        self._at_end = False
        # Bytes of the trailers, once the last chunk was taken
        self._trailers: int | None = None

    @property
    def complete(self) -> bool:
        """Whether the last chunk and the trailers were taken."""
        return self._complete

    def take(self, data: bytearray) -> bytes:
        """As `Body.take`. A part of a line is not taken."""
        pieces: list[bytes] = []
        while data and not self._complete:
            if self._left:
                pieces.append(super().take(data))
                self._at_end = not self._left
            elif not self._take_line(data):
                break
        return b"".join(pieces)

    def _take_line(self, data: bytearray) -> bool:
        """Take what stands between chunks, or after them; false where it has to go on."""
        if self._at_end:
            if not _LINE_END.startswith(bytes(data[: len(_LINE_END)])):
                raise RefusedError(NOT_HTTP)
            self._at_end = len(data) < len(_LINE_END)
            if not self._at_end:
                del data[: len(_LINE_END)]
            return not self._at_end
        if self._trailers is None:
            if (found := _CHUNK.match(data)) is None:
                return self._incomplete(data)
            self._left = int(found[1], 16)
            if not self._left:
                self._trailers = 0
            del data[: found.end()]
            return True
        end = data.find(b"\n") + 1
        if not end:
            return self._incomplete(data)
        self._trailers += end
        if self._trailers > LONGEST_HEAD:
            raise RefusedError(NOT_HTTP)
        self._complete = not data[:end].strip()
        del data[:end]
        return True

    def _incomplete(self, data: bytearray) -> bool:
        """See that a line that begins in `data` may go on."""
        if len(data) > _LONGEST_LINE or b"\n" in data:
            raise RefusedError(NOT_HTTP)
        return False


class HeadReader:
    """A request's head as it comes in: parsed, and checked.

    Attributes:
        method: of the request.
        target: path and query, as they were sent.
        version: of HTTP: 1.0 or 1.1.
        headers: names in lower case, and values. Offers to go on in another protocol are not among
            them (RFC 9110, 7.8): nobody takes them.
        keep_alive: whether the client will go on with the connection.
        expects_continue: whether it waits for leave to send the body (RFC 9110, 10.1.1).
        size: bytes that were read.
    """

    # One is made for each request: these are here so that it takes no time
    method = version = ""
    target = b""
    keep_alive = expects_continue = False
    size = 0
    _complete = _chunked = False
    _fields_size = _hosts = _length = 0
    _refusal = NOT_HTTP

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self._parser = httptools.HttpRequestParser(self)

    def read(self, data: bytearray) -> bool:
        """Read on; whether the head ends in `data`, at `size`.

        Args:
            data: all that came so far, from the head's beginning.

        Raises:
            RefusedError: where it is none, or beyond the limits.
        """
        while not self._complete and self.size < len(data):
            end = data.find(_HEAD_END, max(0, self.size - len(_HEAD_END) + 1))
            end = len(data) if end < 0 else end + len(_HEAD_END)
            self._feed(data[self.size : end])
            self.size = end
            if not self._complete:
                self._check_size()
        if self._complete:
            del self._parser  # which refers to this one in turn
        return self._complete

    def body(self) -> Body | None:
        """The body that follows a head that was read, if any does."""
        if self._chunked:
            return ChunkedBody()
        return Body(self._length) if self._length else None

    def _feed(self, data: bytearray) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Java's client offers one with each of its requests
            self.headers = [field for field in self.headers if field[0] != b"upgrade"]
        except httptools.HttpParserError as e:
            raise RefusedError(self._refusal) from e

    def location(self) -> tuple[bytes, bytes]:
        """Path and query of the target, as they were sent.

        Raises:
            RefusedError: where it has none.
        """
        try:
            found = httptools.parse_url(self.target)
        except httptools.HttpParserError as e:
            raise RefusedError(NOT_HTTP) from e
        if found.path is None or not found.path.isascii():
            raise RefusedError(NOT_HTTP)
        return found.path, found.query or b""

    def _check_size(self) -> None:
        """Refuse what goes on and on without an end that the parser could tell."""
        if self.target and self.size - len(self.target) > MAX_FIELDS_SIZE + _REQUEST_LINE:
            raise RefusedError(FIELDS_TOO_LARGE)
        if self.size > LONGEST_HEAD:
            raise RefusedError(NOT_HTTP)

    # The parser's callbacks. What they raise ends it.

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self.target += url
        if len(self.target) > MAX_TARGET:
            self._refusal = TARGET_TOO_LONG
            raise ValueError(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field."""
        self._fields_size += len(name) + len(value) + 4  # ": " and the line's end
        if self._fields_size > MAX_FIELDS_SIZE or len(self.headers) >= MAX_FIELDS:
            self._refusal = FIELDS_TOO_LARGE
            raise ValueError(name)
        name = name.lower()
        self.headers.append((name, value))
        if name == b"host":
            self._hosts += 1
        elif name == b"content-length":
            self._length = int(value)  # the parser has checked it
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise ValueError(value)  # of all codings only this is undone: RFC 9112, 6.1
            self._chunked = True
        elif name == b"expect":
            self.expects_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """See that the head means something here (RFC 9112, 3.2)."""
        parser = self._parser
        self.version = parser.get_http_version()
        self.method = parser.get_method().decode("ascii")
        if self.version == "1.0":
            self.headers = [field for field in self.headers if field[0] != b"expect"]
            self.expects_continue = False
            self._hosts = self._hosts or 1
        else:
            self.keep_alive = parser.should_keep_alive()
        if self._hosts != 1 or self.version not in ("1.0", "1.1") or self.method == "CONNECT":
            raise ValueError(self.target)
        self._complete = True

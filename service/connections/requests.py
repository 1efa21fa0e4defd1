"""Find the beginning and end of requests in a byte stream, and refuse invalid ones."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from http import HTTPStatus

import httptools

from tanger.service.errors import PROBLEM_MEDIA_TYPE, REQUEST_ID, RETRY_AFTER
from tanger.service.schemas import Problem

# Longest request target (encoded path and query) in bytes: twice what RFC 9110, 4.1 requires.
# Decoding a path blocks the event loop for a millisecond per 20,000 bytes.
MAX_TARGET = 1 << 14
# Largest total size and number of header fields; proxies and browsers stay far below
MAX_FIELDS_SIZE = 1 << 15
MAX_FIELDS = 256
# Most bytes of request line and headers together
LONGEST_HEAD = MAX_TARGET + MAX_FIELDS_SIZE

# More bytes than a request line has without its target
_REQUEST_LINE = 64
_LINE_END = b"\r\n"
_HEAD_END = 2 * _LINE_END
# The common form of heads, which is valid without parsing; quantifiers are possessive, so that the
# time for other heads is linear in their length
_PLAIN_HEAD = re.compile(
    rb"(?:GET|POST|HEAD|PUT|DELETE|OPTIONS) (/[!-~]*+) HTTP/1\.1"
    rb"((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~]*+)*+)\r\n\r\n"
)
_LONGEST_PLAIN_HEAD = 4096
_PLAIN_LENGTH = re.compile(rb"\ncontent-length: ?([0-9]{1,15})(?:\r|$)")
# Fields that a plain head must not contain, since they need the parser
_NOT_PLAIN = (b"\ntransfer-encoding:", b"\nupgrade:")
# A chunk's size and its extensions, which are ignored
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
# Most bytes of a chunk's size line, or of a trailer
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Refusal:
    """A response that is sent in place of the application's."""

    status: HTTPStatus
    code: str
    detail: str
    retry: bool = False

    def render(self) -> tuple[str, bytes]:
        """Return a request ID and the encoded response, which closes the connection."""
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
    """Return the refusal of a connection beyond the limit."""
    detail = f"{limit:,} connections are open already, and there may be no more: try again later"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", detail, retry=True)


def head_too_slow(seconds: float) -> Refusal:
    """Return the refusal of a head that did not arrive in time."""
    detail = f"the request's head did not come within {seconds:g} s"
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "head_too_slow", detail)


class RefusedError(Exception):
    """The bytes of a client are not a request that may be forwarded.

    Attributes:
        refusal: the response to it.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Body:
    """A request body with a Content-Length (RFC 9112, 6.2)."""

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def complete(self) -> bool:
        """Return whether the whole body was received."""
        return not self._left

    def take(self, data: bytearray, start: int) -> int:
        """Return the end of the part of `data` from `start` on that belongs to this body.

        The part may be forwarded; it is empty if more bytes are needed first.

        Raises:
            RefusedError: if the bytes are not a valid body.
        """
        size = min(self._left, len(data) - start)
        self._left -= size
        return start + size


class ChunkedBody(Body):
    """A body in chunks (RFC 9112, 7.1), which is scanned for its end.

    Trailers are removed, since uvicorn would treat them as headers. The line ends of chunks are
    checked by uvicorn's parser.
    """

    def __init__(self) -> None:
        super().__init__(0)  # bytes left of a chunk and its line end
        self._complete = False
        # Bytes of the trailers so far; None before the last chunk
        self._trailers: int | None = None

    @property
    def complete(self) -> bool:
        """Return whether the last chunk and the trailers were received."""
        return self._complete

    def take(self, data: bytearray, start: int) -> int:
        """Like `Body.take`; trailers are deleted from `data`, and incomplete lines left."""
        while start < len(data) and not self._complete:
            if self._left:
                start = super().take(data, start)
            elif self._trailers is not None:
                end = data.find(b"\n", start) + 1
                if not end:
                    return self._incomplete(data, start)
                self._take_trailer(data, start, end)
                start += len(_LINE_END) * self._complete
            elif (found := _CHUNK.match(data, start)) is None:
                return self._incomplete(data, start)
            else:
                start, size = found.end(), int(found[1], 16)
                if size:
                    self._left = size + len(_LINE_END)
                else:
                    self._trailers = 0
        return start

    def _incomplete(self, data: bytearray, start: int) -> int:
        """Return `start`, of an incomplete line; raise if the line is already too long."""
        if len(data) - start > _LONGEST_LINE or data.find(b"\n", start) >= 0:
            raise RefusedError(NOT_HTTP)
        return start

    def _take_trailer(self, data: bytearray, start: int, end: int) -> None:
        """Delete a trailer; of the empty line after the trailers, keep the line end."""
        assert self._trailers is not None
        self._trailers += end - start
        if self._trailers > LONGEST_HEAD:
            raise RefusedError(NOT_HTTP)
        self._complete = not data[start:end].strip()
        data[start:end] = _LINE_END if self._complete else b""


class HeadReader:
    """Read and validate a request's head incrementally; only unusual heads need a parser.

    The parser is the same as uvicorn's. uvicorn never sees a head that is refused here.

    Attributes:
        target: the request target as it was sent.
        size: bytes that were read.
    """

    # Class attributes, since an instance is created for each request
    _parser: httptools.HttpRequestParser | None = None
    target = b""
    size = 0
    _complete = _chunked = False
    _fields = _fields_size = _hosts = _length = 0
    # Header fields that are not forwarded
    _dropped: tuple[bytes, ...] = ()
    _refusal = NOT_HTTP

    def read(self, data: bytearray) -> bool:
        """Read new bytes; return whether the head is complete, with its end at `size`.

        Args:
            data: all bytes so far, from the beginning of the head.

        Raises:
            RefusedError: if the head is invalid or exceeds a limit.
        """
        if self._parser is None:
            if self._read_plain(data):
                return True
            self._parser = httptools.HttpRequestParser(self)
        while not self._complete and self.size < len(data):
            end = data.find(_HEAD_END, max(0, self.size - len(_HEAD_END) + 1))
            end = len(data) if end < 0 else end + len(_HEAD_END)
            self._feed(data[self.size : end])
            self.size = end
            if not self._complete:
                self._check_size()
        if self._complete:
            self._parser = None  # breaks a reference cycle
        return self._complete

    def _read_plain(self, data: bytearray) -> bool:
        """Read a head of the common form, without the parser; return False if it is another."""
        found = _PLAIN_HEAD.match(data, 0, _LONGEST_PLAIN_HEAD)
        if found is None:
            return False
        fields = found[2].lower()
        if fields.count(b"\nhost:") != 1 or fields.count(b"\n") > MAX_FIELDS:
            return False
        if any(name in fields for name in _NOT_PLAIN):
            return False
        if lengths := fields.count(b"\ncontent-length:"):
            length = _PLAIN_LENGTH.search(fields)
            if length is None or lengths > 1:
                return False
            self._length = int(length[1])
        self.target, self.size = bytes(found[1]), found.end()
        return True

    def body(self) -> Body | None:
        """Return the body that follows the head, or None."""
        if self._chunked:
            return ChunkedBody()
        return Body(self._length) if self._length else None

    def rewrite(self, data: bytearray, *, last: bool) -> int:
        """Rewrite the head at the beginning of `data` for uvicorn.

        Upgrade fields (RFC 9110, 7.8) are removed: Java's client sends one with each request, and
        the parser would treat the body as data of the other protocol (Kludex/uvicorn#2722).

        Args:
            data: changed in place.
            last: whether to add ``Connection: close``.

        Returns:
            the new size of the head.
        """
        if not (self._dropped or last):
            return self.size
        head = data[: self.size]
        for name in self._dropped:
            head = bytearray(re.sub(rb"(?im)^%s:.*\r\n" % name, b"", head))
        if last:
            head = head[: -len(_LINE_END)] + b"Connection: close\r\n\r\n"
        data[: self.size] = head
        return len(head)

    def _feed(self, data: bytearray) -> None:
        assert self._parser is not None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._dropped += (b"upgrade",)
        except httptools.HttpParserError as e:
            raise RefusedError(self._refusal) from e

    def _check_size(self) -> None:
        """Refuse a head that exceeds the limits before the parser has found its end."""
        if self.target and self.size - len(self.target) > MAX_FIELDS_SIZE + _REQUEST_LINE:
            raise RefusedError(FIELDS_TOO_LARGE)
        if self.size > LONGEST_HEAD:
            raise RefusedError(NOT_HTTP)

    # Callbacks of the parser; an exception stops it

    def on_url(self, url: bytes) -> None:
        """Append a part of the target."""
        self.target += url
        if len(self.target) > MAX_TARGET:
            self._refusal = TARGET_TOO_LONG
            raise ValueError(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Check a header field."""
        self._fields += 1
        self._fields_size += len(name) + len(value) + 4  # ": " and the line's end
        if self._fields_size > MAX_FIELDS_SIZE or self._fields > MAX_FIELDS:
            self._refusal = FIELDS_TOO_LARGE
            raise ValueError(name)
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"content-length":
            self._length = int(value)  # validated by the parser
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise ValueError(value)  # no other coding is supported: RFC 9112, 6.1
            self._chunked = True

    def on_headers_complete(self) -> None:
        """Check the head as a whole (RFC 9112, 3.2)."""
        assert self._parser is not None
        version = self._parser.get_http_version()
        if version == "1.0":
            self._dropped += (b"expect",)  # RFC 9110, 10.1.1
            self._hosts = self._hosts or 1
        if self._hosts != 1 or version not in ("1.0", "1.1"):
            raise ValueError(version)
        if self._parser.get_method() == b"CONNECT":
            raise ValueError(self.target)
        self._complete = True

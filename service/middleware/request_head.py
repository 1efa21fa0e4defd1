"""Limits on the query and on header fields, checked before a route sees the request.

The limit of the whole head allows for a long word in the path. Fields that are parsed further are
much shorter in legitimate requests, and the time of some parsers grows faster than their input.
"""

from __future__ import annotations

from collections.abc import Iterable

# Most bytes of all fields of a name together
FIELD_BYTES = {
    b"accept": 1024,
    b"accept-encoding": 1024,
    b"authorization": 1024,
    b"content-encoding": 256,
    b"content-length": 64,
    b"content-type": 256,
    b"if-none-match": 8192,
    b"origin": 1024,
    b"x-api-key": 1024,
    b"x-request-timeout": 64,
}
QUERY_BYTES = 4096


class HeaderTooLargeError(Exception):
    """A header field exceeds its limit.

    Attributes:
        name: of the field.
        limit: most bytes of all fields of this name.
    """

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"the header {name} may have at most {limit:,} bytes here")
        self.name = name
        self.limit = limit


class QueryTooLongError(Exception):
    """The query string exceeds the limit.

    Attributes:
        limit: most bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"the query of a URL may have at most {limit:,} bytes here")
        self.limit = limit


def check_head(query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a query or a header field beyond its limit (RFC 6585, 5).

    Raises:
        QueryTooLongError, HeaderTooLargeError: if one exceeds its limit.
    """
    if len(query) > QUERY_BYTES:
        raise QueryTooLongError(QUERY_BYTES)
    sizes: dict[bytes, int] = {}
    for name, value in headers:
        limit = FIELD_BYTES.get(name)
        if limit is not None:
            sizes[name] = size = sizes.get(name, 0) + len(value)
            if size > limit:
                raise HeaderTooLargeError(name.decode().title(), limit)

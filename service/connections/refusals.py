"""Requests that are answered in place of the application, and the limits of a request's head."""

from __future__ import annotations

import os
from dataclasses import dataclass
from http import HTTPStatus

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

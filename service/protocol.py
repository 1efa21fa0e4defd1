"""HTTP/1.1 that does not wait for ever for slow clients, and takes leave of the others politely."""

from __future__ import annotations

import asyncio
import os
import socket
from http import HTTPStatus

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.problems import MEDIA_TYPE
from service.schemas import Problem
from service.telemetry import REQUEST_ID

_CLOSE = (b"connection", b"close")
# Seconds that the next request on an idle connection may have been on its way as the service stops.
_LAST_CALL = 0.5


def announce_end(server: uvicorn.Server) -> None:
    """Have every answer say from now on that it is the last on its connection (RFC 9112, 9.6)."""
    if _CLOSE not in server.config.encoded_headers:
        server.config.encoded_headers.append(_CLOSE)
        server.server_state.default_headers.append(_CLOSE)


def patient_for(*, head: float, send: float) -> type[H11Protocol]:
    """Uvicorn's protocol over h11, with time limits for a request's head and for its answer.

    uvicorn itself limits how long a connection may be idle between two requests, and nothing else.
    How long a body may take is the affair of whoever reads it.

    Args:
        head: seconds for the whole of it, from the first of its bytes, or from the connection's
            beginning.
        send: seconds in which a client has to take something of what is sent. Linux alone watches
            over it (RFC 5482; tcp(7), TCP_USER_TIMEOUT).
    """

    class PatientProtocol(H11Protocol):
        """h11, watching the clock."""

        _limit: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Wait for a first request."""
            super().connection_made(transport)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                connection = transport.get_extra_info("socket")
                milliseconds = max(1, round(1e3 * send))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            self._watch()

        def data_received(self, data: bytes) -> None:
            """Take bytes; where they do not end a head, it is being waited for."""
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._unwatch()
            elif self._limit is None and not self.transport.is_closing():
                self._watch()

        def shutdown(self) -> None:
            """End with the answer that is due, or with the next, either of which says so.

            uvicorn itself closes a connection without a word, and what was sent on it meanwhile
            is lost.
            """
            if self.cycle is None or self.cycle.response_complete:
                self.loop.call_later(_LAST_CALL, self._shut)
            else:
                self.cycle.default_headers = self.server_state.default_headers
                super().shutdown()

        def _shut(self) -> None:
            if not self.transport.is_closing():
                super().shutdown()

        def on_response_complete(self) -> None:
            """What was sent behind a request is the beginning of the next."""
            super().on_response_complete()
            if self.cycle.response_complete:
                if self.conn.trailing_data[0]:
                    self._watch()
            else:
                self._unwatch()

        def connection_lost(self, exc: Exception | None) -> None:
            """Wait no more."""
            self._unwatch()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            """Refuse what is no request."""
            del msg
            detail = (
                "this is no HTTP/1.1: look at the request line (other characters than ASCII's have "
                "to be percent-encoded), at the headers, and at how long they are"
            )
            self._refuse(HTTPStatus.BAD_REQUEST, "not_http", detail)

        def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
            """Answer in place of the application, which has heard of no request, and hang up."""
            problem = Problem(
                title=status.phrase,
                status=status,
                detail=detail,
                code=code,
                request_id=os.urandom(16).hex(),
            )
            body = problem.model_dump_json().encode()
            headers = {
                "Connection": "close",
                "Content-Type": MEDIA_TYPE,
                "Content-Length": str(len(body)),
                "X-Content-Type-Options": "nosniff",
                REQUEST_ID: problem.request_id,
            }
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # nothing is answered yet
                for event in (
                    h11.Response(
                        status_code=status, headers=[*headers.items()], reason=status.phrase
                    ),
                    h11.Data(data=body),
                    h11.EndOfMessage(),
                ):
                    self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        def _watch(self) -> None:
            self._unwatch()
            self._limit = self.loop.call_later(head, self._give_up)

        def _unwatch(self) -> None:
            if self._limit is not None:
                self._limit.cancel()
                self._limit = None

        def _give_up(self) -> None:
            self._limit = None
            if self.conn.trailing_data[0]:
                detail = f"the request's head did not come within {head:g} s"
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "head_too_slow", detail)
            else:
                self.transport.close()

    return PatientProtocol

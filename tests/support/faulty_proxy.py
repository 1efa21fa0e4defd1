"""A proxy before a real service that misbehaves on request, and forwards everything else."""

from __future__ import annotations

import http.client
import threading
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Seen(NamedTuple):
    """A request that the proxy received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Refusal(NamedTuple):
    """An answer that the proxy gives itself."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


DROP = "hang up before the answer"
DROP_ANSWER = "pass on, and hang up before the answer"
CUT = "hang up in the middle of the answer"


class FaultyProxy:
    """A proxy. `script` has an action per request; None, or an empty script, forwards it."""

    def __init__(self, port: int) -> None:
        self.script: deque[Refusal | Callable[[Seen], Refusal] | str | None] = deque()
        self.seen: list[Seen] = []
        self.together: threading.Barrier | None = None
        self.max_under_way = 0
        self._under_way = 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                proxy.answer(self, port)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def answer(self, handler: BaseHTTPRequestHandler, port: int) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self._lock:
            self._under_way += 1
            self.max_under_way = max(self.max_under_way, self._under_way)
            seen = Seen(handler.command, handler.path, dict(handler.headers.items()), body)
            self.seen.append(seen)
            action = self.script.popleft() if self.script else None
        try:
            if self.together is not None and seen.method == "POST":
                self.together.wait(60)
            if action == DROP:
                handler.close_connection = True
                return
            if callable(action):
                action = action(seen)
            if isinstance(action, Refusal):
                status, headers, content = action
            else:
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                upstream.request(handler.command, handler.path, body, seen.headers)
                response = upstream.getresponse()
                status, content = response.status, response.read()
                headers = dict(response.getheaders())
                upstream.close()
                if action == DROP_ANSWER:
                    handler.close_connection = True
                    return
        finally:
            with self._lock:
                self._under_way -= 1
        handler.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2] if action == CUT else content)
        if action == CUT:
            handler.close_connection = True


@contextmanager
def proxy_to(port: int):
    """A proxy before the service on `port`."""
    proxy = FaultyProxy(port)
    thread = threading.Thread(target=proxy.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()

"""Measure the CPU time of a cached request in the HTTP process by layer.

Run as ``python -m benchmarks.http_layers``. Layers are added one by one, and driven in this process
without sockets, so that a request's CPU time is that of the thread. The cost of sockets and event
loop is the difference to a real server under wrk. The FastAPI no-op is measured in the same ways.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from benchmarks import http_load, http_noop
from benchmarks.http_servers import Server, running
from tanger.service import logs
from tanger.service.app import create_app
from tanger.service.connections.protocol import AnswerNotice, GuardedProtocol
from tanger.service.metrics import Metrics
from tanger.service.middleware.telemetry import RequestLog, Telemetry
from tanger.service.pronounce_handler import RawAnswer, read_body
from tanger.service.request_body import RawRequest
from tanger.service.routing import RawRoute
from tanger.service.schemas import PronounceRequest
from tanger.service.serving.manager import ModelManager
from tanger.service.settings import Settings

CONNECTIONS = 32
WORDS = ("the", "of", "house", "knowledge", "through", "people", "about", "which", "there", "world")
_BODY = b"x" * 280  # as long as the response for a word


class FakeTransport(asyncio.Transport):
    """Counts the bytes written to it."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._extra = {
            "socket": connection,
            "peername": ("127.0.0.1", 1),
            "sockname": ("127.0.0.1", 2),
        }
        self.written = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += len(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._extra.get(name, default)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Driver:
    """Sends requests on several connections, and measures their CPU time.

    Attributes:
        rounds: requests per connection in one measurement.
        repeats: number of measurements; the minimum counts, which other load affects least.
    """

    rounds: int
    repeats: int

    async def measure(self, make: Callable[[ServerState], asyncio.Protocol]) -> float:
        """Return the microseconds of CPU per request."""
        state = ServerState()
        requests = [_request(word) for word in WORDS]
        with socket.socket() as connection:
            pairs = [(make(state), FakeTransport(connection)) for _ in range(CONNECTIONS)]
            for protocol, transport in pairs:
                protocol.connection_made(transport)
            await self._round(pairs, state, requests)
            before = sum(transport.written for _, transport in pairs)
            figures = []
            for _ in range(self.repeats):
                started = time.thread_time()
                for _ in range(self.rounds):
                    await self._round(pairs, state, requests)
                seconds = time.thread_time() - started
                figures.append(1e6 * seconds / self.rounds / CONNECTIONS)
            if sum(transport.written for _, transport in pairs) == before:
                raise RuntimeError("nothing was answered")
            for protocol, _ in pairs:
                protocol.connection_lost(None)
        return min(figures)

    @staticmethod
    async def _round(
        pairs: Sequence[tuple[asyncio.Protocol, FakeTransport]],
        state: ServerState,
        requests: Sequence[bytes],
    ) -> None:
        for number, (protocol, _) in enumerate(pairs):
            protocol.data_received(requests[number % len(requests)])
        while state.tasks:
            await asyncio.sleep(0)


def _request(word: str) -> bytes:
    body = json.dumps({"source": "model", "words": [word]}).encode()
    head = (
        "POST /pronounce HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def constant(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and send a constant response."""
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})


async def _answer_at_once(_: ModelManager, request: RawRequest) -> RawAnswer:
    await request.receive()
    return RawAnswer([], "application/json", [_BODY], None)


async def _answer_when_read(manager: ModelManager, request: RawRequest) -> RawAnswer:
    await read_body(manager, request, PronounceRequest)
    return RawAnswer([], "application/json", [_BODY], None)


def _config(app: ASGIApp) -> uvicorn.Config:
    # The settings of service/http_server.py
    config = uvicorn.Config(
        app, ws="none", access_log=False, log_config=None, proxy_headers=False, server_header=False
    )
    config.load()
    return config


async def measure(artifact: Path, driver: Driver) -> dict[str, float]:
    """Return the microseconds of CPU per request of each layer, including the layers below."""
    app = create_app(Settings(artifact=artifact, workers=1))
    (route,) = (
        each for each in app.routes if isinstance(each, RawRoute) and each.path == "/pronounce"
    )
    handler = route.handler
    manager: ModelManager = app.state.manager

    connections = app.state.connections

    def guarded(answers: ASGIApp) -> Callable[[ServerState], asyncio.Protocol]:
        config = _config(AnswerNotice(answers))
        return lambda state: GuardedProtocol(config, state, {}, connections=connections)

    telemetry = partial(Telemetry, constant, metrics=Metrics())
    found: dict[str, float] = {}
    async with app.router.lifespan_context(app):
        while not manager.answers:
            await asyncio.sleep(0.05)
        found["protocol"] = await driver.measure(guarded(constant))
        found["ID, metrics, headers"] = await driver.measure(guarded(telemetry(log=None)))
        found["log"] = await driver.measure(guarded(telemetry(log=RequestLog())))
        for name, answer in (
            ("gateway, framework's shell", _answer_at_once),
            ("reading", _answer_when_read),
            ("cache, rendering", handler),
        ):
            route.handler = answer
            found[name] = await driver.measure(guarded(app))
        noop = _config(http_noop.app)
        found["no-op"] = await driver.measure(lambda state: HttpToolsProtocol(noop, state, {}))
        plain = _config(constant)
        found["uvicorn's protocol"] = await driver.measure(
            lambda state: HttpToolsProtocol(plain, state, {})
        )
    return found


def serve(artifact: Path, seconds: float) -> dict[str, float]:
    """Return the microseconds of CPU per request of the real service and no-op under wrk."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "words"
        words.write_text("".join(f"{word}\n" for word in WORDS))
        ours = ("-m", "tanger", "serve", "--workers", "1", "--artifact", str(artifact.resolve()))
        for name, probe, command in (
            ("ours", "/readyz", lambda port: (*ours, "--port", str(port))),
            ("no-op", "/livez", lambda port: ("-m", "benchmarks.http_noop", str(port))),
        ):
            log = Path(folder) / f"{name}.log"
            with running(name, command, probe=probe, ready=bool, log=log) as server:
                found[name] = min(_loaded(server, words, seconds) for _ in range(3))
    return found


def _loaded(server: Server, words: Path, seconds: float) -> float:
    load = http_load.load(
        server, "natural", words, words=1, connections=CONNECTIONS, seconds=seconds
    )
    return 1e6 * load.http_cpu_seconds / load.summary.requests


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = Path(
        "artifacts/en-us"
    ),
    rounds: Annotated[int, typer.Option(help="Requests a connection in a measurement.")] = 200,
    repeats: Annotated[int, typer.Option(help="Measurements, of which the least counts.")] = 7,
    seconds: Annotated[float, typer.Option(help="Seconds of load for each real server.")] = 5.0,
) -> None:
    """Measure the CPU time of a cached request in the HTTP process by layer."""
    # Log as in production, with the lines discarded
    logs.configure("info", "json")
    layers = uvloop.run(measure(artifact, Driver(rounds, repeats)))
    noop, plain = layers.pop("no-op"), layers.pop("uvicorn's protocol")
    served = serve(artifact, seconds) if http_load.installed() else {}
    total = list(layers.values())[-1]
    if served:
        print(f"{'sockets, event loop':30} {served['ours'] - total:7.1f} us")
    below = 0.0
    for name, value in layers.items():
        print(f"{name:30} {value - below:7.1f} us")
        below = value
    print(f"{'all':30} {served.get('ours', total):7.1f} us")
    print(f"{'the no-op, all':30} {served.get('no-op', noop):7.1f} us ({noop:.1f} without sockets)")
    print(f"{'uvicorn, answering at once':30} {plain:7.1f} us without sockets")


if __name__ == "__main__":
    typer.run(main)
